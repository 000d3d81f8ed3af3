/* server/cmd_ca.c - `ferryd ca`: the authority's certificates, and how one follows another.
 * A change is whole in DIR/ca when the command ends; a running server takes it up at a reload. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "ca.h"
#include "ca_make.h"
#include "command_state.h"
#include "hex.h"
#include "store_certificate.h"

enum { OPT_ROOT_KEY = CLI_OPT_OWN, OPT_HOST, OPT_FORCE };

#define HOSTS_MOST   32
#define DIGITS_LEAST 6u
#define DAY_S        86400
#define RELOAD       "A running server takes it up when it is reloaded (SIGHUP, `systemctl reload`)"

static const char *role_name(enum ca_role role)
{
    return role == CA_ROOT ? "root" : role == CA_ISSUING ? "issuing" : "cross";
}

/* How many devices could do nothing any more without an issuing CA. One that lies in a drawer with
 * a certificate that ran out may still renew, and is among them. */
static enum db_result count_devices(struct command_state *s, const struct ca_entry *issuing,
                                    int64_t *n)
{
    const int64_t grace_s = (int64_t)s->config.renew_expired_days * DAY_S;
    return certificate_count(s->db, issuing->sha256, s->now - grace_s, n);
}

/* Shows one, and how many devices rest on it. */
static int show_entry(struct command_state *s, cJSON *rows, const struct ca_entry *e)
{
    char until[COMMAND_TIME_BYTES];
    int64_t n_bound = 0;
    if (e->role == CA_ISSUING) {
        const enum db_result result = count_devices(s, e, &n_bound);
        if (result != DB_OK)
            return command_state_db_failed(s, result);
    }
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "role", role_name(e->role));
    cJSON_AddBoolToObject(row, "current", e->is_current);
    cJSON_AddStringToObject(row, "name", e->name);
    cJSON_AddStringToObject(row, "issuer", e->issuer);
    cJSON_AddStringToObject(row, "sha256", e->sha256);
    cJSON_AddNumberToObject(row, "expires", (double)e->not_after);
    if (e->role == CA_ISSUING)
        cJSON_AddNumberToObject(row, "devices", (double)n_bound);
    cJSON_AddItemToArray(rows, row);
    cli_text(s->call->out, "%-7s %-7s  %s, signed by %s, until %s\n", role_name(e->role),
             e->is_current ? "current" : "former", e->name,
             strcmp(e->name, e->issuer) ? e->issuer : "itself", command_time(e->not_after, until));
    cli_text(s->call->out, "                 %s\n", e->sha256);
    if (e->role == CA_ISSUING)
        cli_text(s->call->out, "                 %" PRId64 " devices rest on it\n", n_bound);
    return CLI_EXIT_OK;
}

static int show(struct command_state *s)
{
    char why[CA_WHY_BYTES];
    struct ca_entry e;
    int exit_code = CLI_EXIT_OK;
    struct ca *ca = ca_open(s->dir_fd, why);
    if (!ca)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    int64_t until = 0;
    char when[COMMAND_TIME_BYTES];
    if (!ca_server_until(s->dir_fd, &until, why)) {
        ca_close(ca);
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    }
    cJSON_AddNumberToObject(cli_json(s->call->out), "server_expires", (double)until);
    cli_text(s->call->out, "server  until %s\n", command_time(until, when));
    cJSON *rows = cJSON_AddArrayToObject(cli_json(s->call->out), "certificates");
    for (unsigned i = 0; exit_code == CLI_EXIT_OK && ca_at(ca, i, &e); i++)
        exit_code = show_entry(s, rows, &e);
    ca_close(ca);
    return exit_code == CLI_EXIT_OK ? cli_done(s->call->out) : exit_code;
}

static int run_show(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? show(&s) : exit_code);
}

struct noting {
    const char *action, *subject;
};

static enum db_result note(struct db *db, void *ctx)
{
    const struct noting *n = ctx;
    return audit_add(db, "command line", n->action, n->subject, NULL);
}

/* Says what stands there now, and writes it down. */
static int conclude(struct command_state *s, const char *action, unsigned which, const char *done)
{
    char why[CA_WHY_BYTES];
    struct ca_entry e = {0};
    struct ca *ca = ca_open(s->dir_fd, why);
    if (!ca)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    ca_at(ca, which, &e);
    ca_close(ca);
    const struct noting n = {action, e.sha256};
    const enum db_result result = db_transaction(s->db, note, (void *)(uintptr_t)&n);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    cJSON_AddStringToObject(cli_json(s->call->out), "sha256", e.sha256);
    cli_text(s->call->out, "%s: %s\n  %s\n%s.\n", done, e.name, e.sha256, RELOAD);
    return cli_done(s->call->out);
}

static int new_issuing(struct command_state *s, const char *root_key)
{
    char why[CA_WHY_BYTES];
    if (!ca_make_issuing(s->dir_fd, root_key, s->now, why))
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    return conclude(s, "new issuing CA", 1, "New issuing CA");
}

static int new_root(struct command_state *s, const char *root_key)
{
    char why[CA_WHY_BYTES];
    if (!ca_make_root(s->dir_fd, root_key, s->now, why))
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    const int exit_code = conclude(s, "new root", 0, "New root");
    if (exit_code == CLI_EXIT_OK)
        cli_text(s->call->out, "Take %s/ca/root.key away: it is needed for the next CA only.\n",
                 s->dir);
    return exit_code;
}

static int run_with_key(struct cli_call *call, int (*run)(struct command_state *s, const char *))
{
    struct command_state s;
    const char *key = cli_value(call, OPT_ROOT_KEY);
    if (!key)
        return cli_usage(call, "--root-key is missing: where is the key of ca/root.pem?");
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? run(&s, key) : exit_code);
}

static int run_new_issuing(struct cli_call *call)
{
    return run_with_key(call, new_issuing);
}

static int run_new_root(struct cli_call *call)
{
    return run_with_key(call, new_root);
}

static int run_new_server(struct cli_call *call)
{
    struct command_state s;
    char why[CA_WHY_BYTES];
    const char *hosts[HOSTS_MOST + 1] = {0};
    for (int i = 0; i < HOSTS_MOST && cli_value_at(call, OPT_HOST, i); i++)
        hosts[i] = cli_value_at(call, OPT_HOST, i);
    int exit_code = command_state_open(&s, call, true);
    if (exit_code == CLI_EXIT_OK) {
        const struct noting n = {"new server certificate", hosts[0] ? hosts[0] : "same names"};
        if (!ca_make_server(s.dir_fd, hosts[0] ? hosts : NULL, s.now, why)) {
            exit_code = cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s", why);
        } else {
            const enum db_result result = db_transaction(s.db, note, (void *)(uintptr_t)&n);
            cli_text(call->out, "The server has a new certificate. %s.\n", RELOAD);
            exit_code = result == DB_OK ? cli_done(call->out) : command_state_db_failed(&s, result);
        }
    }
    return command_state_close(&s, exit_code);
}

/* Finds the one former certificate whose SHA-256 begins with the digits given. */
static int find_former(struct command_state *s, struct ca_entry *out)
{
    const char *digits = s->call->args[1];
    char why[CA_WHY_BYTES];
    struct ca_entry e;
    unsigned n = 0;
    struct ca *ca = ca_open(s->dir_fd, why);
    if (!ca)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    for (unsigned i = 0; ca_at(ca, i, &e); i++)
        if (strncmp(e.sha256, digits, strlen(digits)) == 0) {
            *out = e;
            n++;
        }
    ca_close(ca);
    if (n != 1)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND,
                             "%u certificates of %s/ca begin "
                             "with %s",
                             n, s->dir, digits);
    if (out->is_current)
        return cli_fail_text(s->call->out, FERRY_ERR_STATE,
                             "%s is current; only a former certificate can be forgotten",
                             out->name);
    if (out->role == CA_CROSS)
        return cli_fail_text(s->call->out, FERRY_ERR_STATE,
                             "%.8s is a cross certificate of %s, which goes with its root",
                             out->sha256, out->name);
    return CLI_EXIT_OK;
}

/* The root that follows one on the way from the current root back to the oldest, over certificates
 * of the newer one by the older. after: where the way came from. False: it ends here. */
static bool older_root(struct ca *ca, const char *name, const char *after, char out[CA_NAME_BYTES])
{
    struct ca_entry e;
    for (unsigned i = 0; ca_at(ca, i, &e); i++)
        if (e.role == CA_CROSS && strcmp(e.name, name) == 0 && strcmp(e.issuer, after) != 0) {
            memcpy(out, e.issuer, CA_NAME_BYTES);
            return true;
        }
    return false;
}

/* Whether who knows one root alone comes to the server over another, or knows that very one. */
static bool leads_over(struct ca *ca, const char *root, const char *over)
{
    struct ca_entry e;
    char name[CA_NAME_BYTES] = "", next[CA_NAME_BYTES], after[CA_NAME_BYTES] = "";
    bool has_met = false;
    for (unsigned i = 0; ca_at(ca, i, &e); i++) { // the way has no more steps than that
        if (i == 0)
            memcpy(name, e.name, CA_NAME_BYTES);
        has_met |= strcmp(name, over) == 0;
        if (strcmp(name, root) == 0 || !older_root(ca, name, after, next))
            break;
        memcpy(after, name, CA_NAME_BYTES);
        memcpy(name, next, CA_NAME_BYTES);
    }
    // One that the way does not lead to is cut off already, but for itself.
    return strcmp(name, root) == 0 ? has_met : strcmp(root, over) == 0;
}

/* How many devices rest on an issuing CA, or on a root: those of its issuing CAs, and of the roots
 * before it, which are reached over it. */
static enum db_result count_bound(struct command_state *s, struct ca *ca, const struct ca_entry *e,
                                  int64_t *n)
{
    struct ca_entry below;
    enum db_result result = DB_OK;
    *n = 0;
    for (unsigned i = 0; result == DB_OK && ca_at(ca, i, &below); i++) {
        int64_t n_below = 0;
        const bool is_bound = e->role == CA_ROOT ? leads_over(ca, below.issuer, e->name)
                                                 : strcmp(below.sha256, e->sha256) == 0;
        if (below.role == CA_ISSUING && is_bound)
            result = count_devices(s, &below, &n_below);
        *n += n_below;
    }
    return result;
}

/* Refuses what would lock devices out. */
static int check_unbound(struct command_state *s, const struct ca_entry *e)
{
    char why[CA_WHY_BYTES];
    int64_t n = 0;
    struct ca *ca = ca_open(s->dir_fd, why);
    if (!ca)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    const enum db_result result = count_bound(s, ca, e, &n);
    ca_close(ca);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    if (n && !cli_has(s->call, OPT_FORCE))
        return cli_fail_text(s->call->out, FERRY_ERR_STATE,
                             "%" PRId64 " device%s on %s and would be locked out; "
                             "--force does it all the same",
                             n, n == 1 ? " rests" : "s rest", e->name);
    return CLI_EXIT_OK;
}

static int forget(struct command_state *s)
{
    struct ca_entry e = {0};
    char why[CA_WHY_BYTES];
    int exit_code = find_former(s, &e);
    if (exit_code == CLI_EXIT_OK)
        exit_code = check_unbound(s, &e);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    if (!ca_forget(s->dir_fd, e.sha256, s->now, why))
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    const struct noting n = {"forget CA", e.sha256};
    const enum db_result result = db_transaction(s->db, note, (void *)(uintptr_t)&n);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    cli_text(s->call->out, "%s is trusted no longer. %s.\n", e.name, RELOAD);
    return cli_done(s->call->out);
}

static int run_forget(struct cli_call *call)
{
    struct command_state s;
    const size_t n = strlen(call->args[1]);
    if (n < DIGITS_LEAST || n > 64 || !hex_is(call->args[1], n))
        return cli_usage(call,
                         "'%s' names no certificate: 6 to 64 hex digits of its SHA-256, as "
                         "`ca show` shows them",
                         call->args[1]);
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? forget(&s) : exit_code);
}

static const struct argp_option key_options[] = {
    {"root-key", OPT_ROOT_KEY, "FILE", 0, "The key of the present root, PEM (required)", 0},
    {0},
};

static const struct argp_option server_options[] = {
    {"host", OPT_HOST, "NAME", 0,
     "A name or address of the server, may be given several times; none: those it has", 0},
    {0},
};

static const struct argp_option forget_options[] = {
    {"force", OPT_FORCE, NULL, 0, "Also if devices still rest on it", 0},
    {0},
};

const struct cli_command cli_cmd_ca_show = {
    .name = "ca show",
    .summary = "show the authority's certificates",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .run = run_show,
};

const struct cli_command cli_cmd_ca_new_issuing = {
    .name = "ca new-issuing",
    .summary = "let a new issuing CA follow the present one",
    .args = "DIR",
    .about = "Devices are told to renew and get certificates of the new one; those of the former "
             "one count until they expire, or until `ferryd ca forget`.",
    .min_args = 1,
    .max_args = 1,
    .options = key_options,
    .run = run_new_issuing,
};

const struct cli_command cli_cmd_ca_new_root = {
    .name = "ca new-root",
    .summary = "let a new root follow the present one",
    .args = "DIR",
    .about = "Makes a root and an issuing CA below it. The two roots sign each other, so that a "
             "device that pinned either comes to the server, and learns the other from cacerts.",
    .min_args = 1,
    .max_args = 1,
    .options = key_options,
    .run = run_new_root,
};

const struct cli_command cli_cmd_ca_new_server = {
    .name = "ca new-server",
    .summary = "make the server a new certificate",
    .args = "DIR",
    .about = "With a new key. Needs the issuing CA alone, no root key.",
    .min_args = 1,
    .max_args = 1,
    .options = server_options,
    .run = run_new_server,
};

const struct cli_command cli_cmd_ca_forget = {
    .name = "ca forget",
    .summary = "trust a former CA no longer",
    .args = "DIR SHA256",
    .about = "Ends an overlap. With a root go the cross certificates from and to it. Refused while "
             "devices have not renewed since, unless --force is given.",
    .min_args = 2,
    .max_args = 2,
    .options = forget_options,
    .run = run_forget,
};
