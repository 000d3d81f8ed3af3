/* server/cmd_backup.c - `ferryd backup` and `ferryd restore`: a server as one file, and back, also
 * into the other engine. The work is backup.h's. */
#include <inttypes.h>
#include <string.h>

#include "backup.h"
#include "command_state.h"

enum { OPT_DATABASE = CLI_OPT_OWN };

static int say_report(struct cli_call *call, const struct backup_report *r, const char *done,
                      const char *where)
{
    cJSON *json = cli_json(call->out);
    cJSON_AddNumberToObject(json, "rows", (double)r->n_rows);
    cJSON_AddNumberToObject(json, "files", (double)r->n_files);
    cJSON_AddNumberToObject(json, "bytes", (double)r->n_bytes);
    cli_text(call->out, "%s %s: %s rows, %s files of %s bytes.\n", done, where,
             cli_thousands(r->n_rows), cli_thousands(r->n_files), cli_thousands(r->n_bytes));
    if (r->has_root_key)
        cli_warn(call->out, "ca/root.key is in it: take that key out of the state folder and keep "
                            "it apart");
    if (r->n_damaged)
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE,
                             "%u files of blobs/ are not what their names say, %s among them; the "
                             "rest is in the backup as it should be",
                             r->n_damaged, r->damaged);
    return cli_done(call->out);
}

/* The file that is the database, whose rows the backup has. */
static const char *database_file(const struct config *c)
{
    return strncmp(c->database, "sqlite:", 7) == 0 ? c->database + 7 : NULL;
}

static int back_up(struct command_state *s)
{
    struct backup_report report;
    char why[ARCHIVE_WHY_BYTES];
    const char *file = s->call->args[1];
    if (!backup_write(s->db, s->dir, database_file(&s->config), file, &report, why))
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    return say_report(s->call, &report, "Wrote", file);
}

static int run_backup(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? back_up(&s) : exit_code);
}

static const struct cli_example backup_examples[] = {
    {"ferryd backup /var/lib/ferryd ferryd-2026-01-31.tar", "while it serves"},
    {0},
};

const struct cli_command cli_cmd_backup = {
    .name = "backup",
    .summary = "write everything into one file, while it serves",
    .args = "DIR FILE",
    .about = "FILE is a tar of the database's rows, the firmware, the keys and the settings, all "
             "as they were at one moment, with a SHA-256 of each; it must not be there yet. It "
             "holds the private keys of the server, so it is readable by its owner only.",
    .min_args = 2,
    .max_args = 2,
    .examples = backup_examples,
    .run = run_backup,
};

static int run_restore(struct cli_call *call)
{
    struct backup_report report;
    char why[ARCHIVE_WHY_BYTES];
    const char *where = cli_value(call, OPT_DATABASE);
    if (where && strncmp(where, "sqlite:", 7) != 0 && strncmp(where, "postgres:", 9) != 0)
        return cli_usage(call, "--database takes sqlite:PATH or postgres:WORDS");
    if (where && strlen(where) >= CONFIG_TEXT_BYTES)
        return cli_usage(call, "--database has %zu bytes; the limit is %u", strlen(where),
                         CONFIG_TEXT_BYTES - 1);
    if (!backup_restore(call->args[0], call->args[1], where, &report, why))
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    return say_report(call, &report, "Restored", call->args[1]);
}

static const struct argp_option restore_options[] = {
    {"database", OPT_DATABASE, "WHERE", 0,
     "The database to fill instead of the one in the backup's settings, sqlite:PATH or "
     "postgres:WORDS; it becomes the setting",
     0},
    {0},
};

static const struct cli_example restore_examples[] = {
    {"ferryd restore ferryd-2026-01-31.tar /var/lib/ferryd", "onto a new machine"},
    {"ferryd restore ferryd.tar /var/lib/ferryd --database 'postgres:host=/run/postgresql'",
     "from SQLite to PostgreSQL"},
    {0},
};

const struct cli_command cli_cmd_restore = {
    .name = "restore",
    .summary = "make a state folder out of a backup",
    .args = "FILE DIR",
    .about = "DIR must be empty or not there, and so must the database. Everything in FILE is "
             "compared with its checksums before anything is made, and DIR gets its name when it "
             "is whole. A backup of an earlier ferryd is brought up to date.",
    .min_args = 2,
    .max_args = 2,
    .options = restore_options,
    .examples = restore_examples,
    .run = run_restore,
};
