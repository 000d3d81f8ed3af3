/* server/cmd_init.c - `ferryd init`: a state folder with all that `serve` needs.
 * It is made beside its place and renamed there when it is whole and on disk, so a cut leaves
 * nothing that could be taken for one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "ca.h"
#include "ca_make.h"
#include "command_state.h"
#include "init_hosts.h"
#include "state_file.h"
#include "store_operator.h"
#include "store_token.h"

#define PATH_BYTES 4096u

static const struct http_operator first_operator = {.name = "admin"};

enum { OPT_HOST = CLI_OPT_OWN, OPT_DATABASE, OPT_LISTEN, OPT_URL };

static const struct argp_option options[] = {
    {"host", OPT_HOST, "NAME", 0,
     "A name or address by which devices reach the server, may be given several times; none: this "
     "host's name and addresses",
     0},
    {"database", OPT_DATABASE, "WHERE", 0,
     "sqlite:PATH (default sqlite:ferryd.db, in DIR) or postgres:CONNINFO as libpq takes it", 0},
    {"listen", OPT_LISTEN, "HOST:PORT", 0, "Where devices come in (default 0.0.0.0:8443)", 0},
    {"url", OPT_URL, "URL", 0, "How devices reach that, for join strings: https://NAME:PORT", 0},
    {0},
};

static const struct cli_example examples[] = {
    {"ferryd init /var/lib/ferryd --host updates.example.com",
     "a server on this machine, with SQLite"},
    {"ferryd init state --listen 127.0.0.1:8443 --host localhost", "one to try out"},
    {0},
};

/* A folder in the making. */
struct making {
    struct cli_call *call;
    char place[PATH_BYTES], beside[PATH_BYTES + 16]; // where it is to be, and where it is made
    int fd;                                          // of beside
    struct ferry_strbuf conf;
    struct config config;
    char token[TOKEN_CHARS + 1];
    struct ca_entry root;
    int64_t now;
};

/* Devices come by the first name given, unless another URL is: this host's own name need not be one
 * that its certificate is for. */
static void add_url(struct making *m)
{
    const char *host = cli_value_at(m->call, OPT_HOST, 0);
    const char *port = strrchr(m->config.devices_listen, ':');
    if (!host || host[0] == '*' || cli_has(m->call, OPT_URL) || !port || strcmp(port, ":0") == 0)
        return;
    const bool is_v6 = strchr(host, ':') != NULL;
    ferry_strbuf_addf(&m->conf, "\ndevices_url = https://%s%s%s%s\n", is_v6 ? "[" : "", host,
                      is_v6 ? "]" : "", port);
}

/* The settings file: every key as a comment, then those that the options set. */
static int make_conf(struct making *m)
{
    static const struct {
        int option;
        const char *key;
    } keys[] = {
        {OPT_DATABASE, "database"}, {OPT_LISTEN, "devices_listen"}, {OPT_URL, "devices_url"}};
    char why[CONFIG_WHY_BYTES];
    config_describe(&m->conf);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *value = cli_value(m->call, keys[i].option);
        if (value && strpbrk(value, "\r\n"))
            return cli_usage(m->call, "--%s: a value is one line",
                             cli_option_name(m->call->command, keys[i].option));
        if (value)
            ferry_strbuf_addf(&m->conf, "\n%s = %s\n", keys[i].key, value);
    }
    if (!config_read(&m->config, m->conf.text ? m->conf.text : "", m->conf.n, why))
        return cli_usage(m->call, "ferryd.conf, %s", why);
    add_url(m);
    if (m->conf.failed)
        return cli_fail_err(m->call->out, FERRY_ERR_NO_MEMORY, NULL);
    return CLI_EXIT_OK;
}

static int fail_os(const struct making *m, const char *what)
{
    return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "%s: %s", what, strerror(errno));
}

/* True if nothing is there, or an empty folder, which rename takes the place of. Else errno. */
static bool is_free(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT;
    bool is_empty = true;
    for (struct dirent *e; is_empty && (e = readdir(dir));)
        is_empty = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
    closedir(dir);
    errno = ENOTEMPTY;
    return is_empty;
}

/* Looks that nothing is where it is to be, and makes the folder beside. */
static int make_place(struct making *m)
{
    const char *dir = m->call->args[0];
    size_t n = strlen(dir);
    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (n == 0 || n >= sizeof(m->place))
        return cli_usage(m->call, "DIR is %zu bytes; a path is 1 to %u", n, PATH_BYTES - 1);
    memcpy(m->place, dir, n);
    if (!is_free(m->place))
        return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "%s: %s", m->place,
                             errno == ENOTEMPTY ? "the folder is not empty; init makes a new one"
                                                : strerror(errno));
    snprintf(m->beside, sizeof(m->beside), "%s.init-XXXXXX", m->place);
    if (!mkdtemp(m->beside)) {
        m->beside[0] = '\0';
        return fail_os(m, m->place);
    }
    m->fd = open(m->beside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return m->fd >= 0 ? CLI_EXIT_OK : fail_os(m, m->beside);
}

static int make_authority(struct making *m)
{
    const char *given[INIT_HOSTS_MOST + 1] = {0};
    struct init_hosts hosts;
    char why[CA_WHY_BYTES];
    for (int i = 0; i < (int)INIT_HOSTS_MOST && cli_value_at(m->call, OPT_HOST, i); i++)
        given[i] = cli_value_at(m->call, OPT_HOST, i);
    if (!init_hosts(&hosts, given))
        return cli_usage(m->call, "--host=%s is neither a name nor an address", hosts.bad);
    struct ca *ca = ca_make(m->fd, hosts.at, m->now, why) ? ca_open(m->fd, why) : NULL;
    if (!ca)
        return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    ca_at(ca, 0, &m->root);
    ca_close(ca);
    return CLI_EXIT_OK;
}

/* blobs/, tickets.key and ferryd.conf. */
static int make_files(struct making *m)
{
    gnutls_datum_t key = {0};
    if (mkdirat(m->fd, "blobs", 0700) != 0)
        return fail_os(m, "blobs");
    if (gnutls_session_ticket_key_generate(&key) != 0)
        return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "there are no random bytes");
    const bool ok = state_file_write(m->fd, "tickets.key", key.data, key.size);
    gnutls_memset(key.data, 0, key.size);
    gnutls_free(key.data);
    if (!ok)
        return fail_os(m, "tickets.key");
    return state_file_write(m->fd, "ferryd.conf", m->conf.text, m->conf.n)
               ? CLI_EXIT_OK
               : fail_os(m, "ferryd.conf");
}

/* The first operator. An init that was cut may have left one in a database that stays, as
 * PostgreSQL does; a fleet it cannot have left. */
static enum db_result add_operator(struct db *db, void *ctx)
{
    const struct making *m = ctx;
    int64_t n = 0;
    enum db_result result = db_number(
        db, &n, "SELECT (SELECT COUNT(*) FROM device) + (SELECT COUNT(*) FROM token)", NULL, 0);
    if (result == DB_OK && n)
        return DB_CONFLICT;
    if (result == DB_OK)
        result = db_run(db, "DELETE FROM operator", NULL, 0);
    if (result == DB_OK)
        result = operator_add(db, &first_operator, m->token, m->now);
    return result == DB_OK
               ? audit_add(db, "command line", "init", first_operator.name, m->root.sha256)
               : result;
}

static int fill_database(struct making *m, struct db *db)
{
    enum db_result result = db_migrate(db);
    if (result == DB_OK)
        result = db_transaction(db, add_operator, m);
    if (result == DB_CONFLICT)
        return cli_fail_text(m->call->out, FERRY_ERR_DATABASE,
                             "the database has devices or tokens of another fleet; init needs an "
                             "empty one");
    if (result != DB_OK)
        return cli_fail_text(m->call->out, FERRY_ERR_DATABASE, "the database: %s", db->detail);
    return CLI_EXIT_OK;
}

static int make_database(struct making *m)
{
    char why[CONFIG_WHY_BYTES], reason[DB_DETAIL_BYTES];
    struct config config;
    struct db *db;
    if (!token_new(m->token))
        return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "there are no random bytes");
    if (!config_load(&config, m->beside, why)) // where the database is while it is made
        return cli_fail_text(m->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    if (db_create(&db, config.database, reason) != DB_OK)
        return cli_fail_text(m->call->out, FERRY_ERR_DATABASE, "the database cannot be made: %s",
                             reason);
    const int exit_code = fill_database(m, db);
    db_close(db);
    return exit_code;
}

/* On disk, then under its name. */
static int put_in_place(struct making *m)
{
    char parent[PATH_BYTES];
    snprintf(parent, sizeof(parent), "%s", m->place);
    char *slash = strrchr(parent, '/');
    snprintf(slash ? slash + 1 : parent, slash ? 2 : sizeof(parent), ".");
    const int parent_fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent_fd < 0)
        return fail_os(m, parent);
    const bool ok = syncfs(m->fd) == 0 && rename(m->beside, m->place) == 0;
    const int exit_code = ok && fsync(parent_fd) == 0 ? CLI_EXIT_OK : fail_os(m, m->place);
    close(parent_fd);
    if (ok)
        m->beside[0] = '\0';
    return exit_code;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* Removes what was made, unless it is in place. */
static void clean_up(struct making *m)
{
    if (m->beside[0])
        nftw(m->beside, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (m->fd >= 0)
        close(m->fd);
    ferry_strbuf_free(&m->conf);
    explicit_bzero(m->token, sizeof(m->token));
}

static int say(struct making *m)
{
    struct cli_output *out = m->call->out;
    cJSON *json = cli_json(out);
    cJSON_AddStringToObject(json, "dir", m->place);
    cJSON_AddStringToObject(json, "root_sha256", m->root.sha256);
    cJSON_AddStringToObject(json, "admin_token", m->token);
    cli_text(out,
             "%s is ready: authority, server certificate, database, settings.\n\n"
             "  admin token   %s\n"
             "                shown once; the database has its hash only\n"
             "  root          %s\n"
             "                what devices pin; it is part of every join string\n\n"
             "Now take %s/ca/root.key away, to a place that is not on a network. The\n"
             "server does not need it; whoever has it can be the server for every device.\n\n"
             "Then: ferryd serve %s\n",
             m->place, m->token, m->root.sha256, m->place, m->place);
    return cli_done(out);
}

static int run(struct cli_call *call)
{
    static int (*const steps[])(struct making * m) = {make_conf,  make_place,    make_authority,
                                                      make_files, make_database, put_in_place};
    struct making m = {.call = call, .fd = -1, .now = time(NULL)};
    int exit_code = CLI_EXIT_OK;
    for (size_t i = 0; exit_code == CLI_EXIT_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
        exit_code = steps[i](&m);
    if (exit_code == CLI_EXIT_OK)
        exit_code = say(&m);
    clean_up(&m);
    return exit_code;
}

const struct cli_command cli_cmd_init = {
    .name = "init",
    .summary = "make a server: authority, certificates, database, settings",
    .args = "DIR",
    .about = "Makes the folder DIR, which must not be there or be empty, with all that `ferryd "
             "serve DIR` needs, and prints the token of the first operator, once. Afterwards take "
             "DIR/ca/root.key away.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .run = run,
};
