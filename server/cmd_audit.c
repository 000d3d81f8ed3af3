/* server/cmd_audit.c - `ferryd audit show` and `ferryd audit verify`; the chain is audit.h's. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit.h"
#include "command_state.h"
#include "hex.h"

enum { OPT_LAST = CLI_OPT_OWN, OPT_KNOWN };

#define LAST_DEFAULT 50u
#define LAST_MOST    1000000u

struct showing {
    struct cli_output *out;
    cJSON *entries;
};

static void show_entry(const struct audit_entry *e, void *ctx)
{
    const struct showing *s = ctx;
    char when[COMMAND_TIME_BYTES], hash[65];
    hex_write(e->hash, sizeof(e->hash), hash);
    cJSON *item = cJSON_CreateObject();
    cJSON_AddNumberToObject(item, "seq", (double)e->seq);
    cJSON_AddNumberToObject(item, "at", (double)e->at);
    cJSON_AddStringToObject(item, "actor", e->actor);
    cJSON_AddStringToObject(item, "action", e->action);
    cJSON_AddStringToObject(item, "subject", e->subject);
    cJSON_AddStringToObject(item, "detail", e->detail);
    cJSON_AddStringToObject(item, "hash", hash);
    cJSON_AddItemToArray(s->entries, item);
    cli_text(s->out, "%6" PRId64 "  %s  %s: %s %s%s%s\n", e->seq, command_time(e->at, when),
             e->actor, e->action, e->subject, e->detail[0] ? "; " : "", e->detail);
}

static int show(struct command_state *s)
{
    uint32_t last = LAST_DEFAULT;
    if (!cli_number(s->call, OPT_LAST, LAST_MOST, &last))
        return CLI_EXIT_USAGE;
    struct showing showing = {.out = s->call->out};
    showing.entries = cJSON_AddArrayToObject(cli_json(s->call->out), "entries");
    const enum db_result result = audit_show(s->db, last, show_entry, &showing);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int run_show(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? show(&s) : exit_code);
}

static const struct argp_option show_options[] = {
    {"last", OPT_LAST, "N", 0, "How many, the newest (default 50)", 0},
    {0},
};

static const struct cli_example show_examples[] = {
    {"ferryd audit show /var/lib/ferryd", "who did what, the last fifty times"},
    {"ferryd audit show /var/lib/ferryd --last 1000 --json", "for another program"},
    {0},
};

const struct cli_command cli_cmd_audit_show = {
    .name = "audit show",
    .summary = "print the newest entries of the audit log",
    .args = "DIR",
    .about = "One line an entry: its number, when, who, what, to what.",
    .min_args = 1,
    .max_args = 1,
    .options = show_options,
    .examples = show_examples,
    .run = run_show,
};

/** Reads SEQ:HASH, as verify prints it. */
static bool read_known(const char *text, int64_t *seq, uint8_t hash[AUDIT_HASH_BYTES])
{
    char *end;
    *seq = strtoll(text, &end, 10);
    if (end == text || *end != ':' || *seq < 1 || !hex_is(end + 1, 2 * AUDIT_HASH_BYTES))
        return false;
    for (size_t i = 0; i < AUDIT_HASH_BYTES; i++) {
        const char pair[3] = {end[1 + 2 * i], end[2 + 2 * i], '\0'};
        hash[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static int verify(struct command_state *s)
{
    struct audit_report report;
    uint8_t known[AUDIT_HASH_BYTES];
    int64_t known_seq = 0;
    char tip[65];
    const char *text = cli_value(s->call, OPT_KNOWN);
    if (text && !read_known(text, &known_seq, known))
        return cli_usage(s->call, "--known takes a number and 64 hex digits, N:HASH");
    const enum db_result result = audit_verify(s->db, known_seq, text ? known : NULL, &report);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    hex_write(report.tip, sizeof(report.tip), tip);
    cJSON_AddNumberToObject(cli_json(s->call->out), "entries", (double)report.n_entries);
    cJSON_AddStringToObject(cli_json(s->call->out), "tip", tip);
    if (!report.is_good)
        return cli_fail_text(s->call->out, FERRY_ERR_DATABASE, "the audit log is not whole: %s",
                             report.why);
    cli_text(s->call->out, "%s entries, each in its place. To be kept elsewhere: %" PRId64 ":%s\n",
             cli_thousands((uint64_t)report.n_entries), report.n_entries, tip);
    return cli_done(s->call->out);
}

static int run_verify(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? verify(&s) : exit_code);
}

static const struct argp_option verify_options[] = {
    {"known", OPT_KNOWN, "N:HASH", 0, "What an earlier verify has printed; it must still be so", 0},
    {0},
};

static const struct cli_example verify_examples[] = {
    {"ferryd audit verify /var/lib/ferryd", "changed, inserted and missing entries are found"},
    {0},
};

const struct cli_command cli_cmd_audit_verify = {
    .name = "audit verify",
    .summary = "check that the audit log is as it was written",
    .args = "DIR",
    .about = "Each entry holds a hash of itself and of the one before. Who can write the database "
             "can write the whole log anew; the line printed at the end, kept elsewhere and given "
             "with --known, finds that too.",
    .min_args = 1,
    .max_args = 1,
    .options = verify_options,
    .examples = verify_examples,
    .exits = "the log is not whole: the first entry that is wrong is named",
    .run = run_verify,
};
