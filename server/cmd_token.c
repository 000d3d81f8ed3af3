/* server/cmd_token.c - `ferryd token`: who may join the fleet. A token's text is shown once, in its
 * join string; afterwards it is known by the first digits of its hash. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "ca.h"
#include "command_state.h"
#include "hex.h"
#include "store_device.h"
#include "store_token.h"

#define DEFAULT_SPAN_S 86400
#define USES_MOST      1000000u
#define NAME_LEAST     6u
#define URL_BYTES      (CONFIG_TEXT_BYTES + 64u)

enum { OPT_DEVICE = CLI_OPT_OWN, OPT_GROUP, OPT_USES, OPT_EXPIRES, OPT_URL };

static const struct argp_option new_options[] = {
    {"device", OPT_DEVICE, "ID", 0, "The device that may enrol; its id is ID", 0},
    {"group", OPT_GROUP, "NAME", 0,
     "The group that devices join, `default` if not given; the server gives each an id", 0},
    {"uses", OPT_USES, "N", 0, "How many devices may enrol with it (default 1)", 0},
    {"expires", OPT_EXPIRES, "SPAN", 0, "For how long, as 90s, 30m, 24h or 7d (default 24h)", 0},
    {"url", OPT_URL, "URL", 0, "How devices reach the server, if not as devices_url says", 0},
    {0},
};

static const struct cli_example new_examples[] = {
    {"ferryd token new /var/lib/ferryd --device pump-17", "one device, with an id that you chose"},
    {"ferryd token new /var/lib/ferryd --group pumps --uses 500 --expires 7d",
     "a production batch; the server makes the ids"},
    {0},
};

static enum db_result add(struct db *db, void *ctx)
{
    const struct token *t = ctx;
    char name[TOKEN_NAME_CHARS + 1], detail[256];
    token_name(t, name);
    snprintf(detail, sizeof(detail), "device %s group %s uses %" PRId64 " expires %" PRId64,
             t->device[0] ? t->device : "-", t->fleet, t->uses_most, t->expires);
    const enum db_result result = token_add(db, t);
    return result == DB_OK ? audit_add(db, "command line", "make token", name, detail) : result;
}

/* Reads the options of `token new`. */
static int read_token(struct cli_call *call, int64_t now, struct token *out)
{
    const char *device = cli_value(call, OPT_DEVICE), *group = cli_value(call, OPT_GROUP);
    const char *expires = cli_value(call, OPT_EXPIRES);
    uint32_t uses = 1;
    int64_t span_s = DEFAULT_SPAN_S;
    if (!cli_number(call, OPT_USES, USES_MOST, &uses))
        return CLI_EXIT_USAGE;
    if (!uses)
        return cli_usage(call, "--uses=0 would let nobody in; at least 1");
    if (device && uses != 1)
        return cli_usage(call, "--uses does not go with --device: one device enrols once");
    if (device && !device_name_is_fine(device))
        return cli_usage(call,
                         "--device=%s: an id is 1 to 64 letters, digits and . _ - :, the "
                         "first of them a letter or digit",
                         device);
    if (group && !device_name_is_fine(group))
        return cli_usage(call,
                         "--group=%s: a name is 1 to 64 letters, digits and . _ - :, the "
                         "first of them a letter or digit",
                         group);
    if (expires && !command_span(expires, &span_s))
        return cli_usage(call,
                         "--expires=%s: a span is a number and s, m, h or d, as 24h, at most "
                         "3650d",
                         expires);
    *out = (struct token){
        .uses_most = uses, .uses_left = uses, .created = now, .expires = now + span_s};
    snprintf(out->device, sizeof(out->device), "%s", device ? device : "");
    snprintf(out->fleet, sizeof(out->fleet), "%s", group ? group : "default");
    return CLI_EXIT_OK;
}

/* How devices reach the server: as asked for, as set, or by this host's name. */
static int find_url(struct command_state *s, char out[URL_BYTES])
{
    const char *url = cli_value(s->call, OPT_URL);
    char host[65] = "localhost";
    if (!url && s->config.devices_url[0])
        url = s->config.devices_url;
    if (url) {
        const size_t n = strlen(url);
        if (strncmp(url, "https://", 8) != 0 || n <= 8 || n >= CONFIG_TEXT_BYTES ||
            strpbrk(url, "# \t\r\n"))
            return cli_usage(s->call, "--url=%s: it must be https://..., without # and blanks",
                             url);
        snprintf(out, URL_BYTES, "%s", url);
        return CLI_EXIT_OK;
    }
    const char *port = strrchr(s->config.devices_listen, ':');
    if (!port || port[1] == '0' || strncmp(s->config.devices_listen, "unix:", 5) == 0)
        return cli_usage(s->call, "devices_listen = %s says no port; give --url",
                         s->config.devices_listen);
    gethostname(host, sizeof(host) - 1);
    snprintf(out, URL_BYTES, "https://%s%s", host, port);
    return CLI_EXIT_OK;
}

static int find_pin(struct command_state *s, char out[CA_HEX_BYTES])
{
    char why[CA_WHY_BYTES];
    struct ca_entry root;
    struct ca *ca = ca_open(s->dir_fd, why);
    if (!ca)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    ca_at(ca, 0, &root);
    memcpy(out, root.sha256, CA_HEX_BYTES);
    ca_close(ca);
    return CLI_EXIT_OK;
}

static void say_token(struct cli_output *out, const struct token *t, const char *join)
{
    char when[COMMAND_TIME_BYTES];
    cJSON *json = cli_json(out);
    char name[TOKEN_NAME_CHARS + 1];
    token_name(t, name);
    cJSON_AddStringToObject(json, "join", join);
    cJSON_AddStringToObject(json, "token", name);
    cJSON_AddStringToObject(json, "device", t->device);
    cJSON_AddStringToObject(json, "group", t->fleet);
    cJSON_AddNumberToObject(json, "uses", (double)t->uses_most);
    cJSON_AddNumberToObject(json, "expires", (double)t->expires);
    cli_text(out, "%s\n", join);
    if (!out->json)
        cli_note(out, "Shown once. Token %s, %" PRId64 " use%s, until %s.\n", name, t->uses_most,
                 t->uses_most == 1 ? "" : "s", command_time(t->expires, when));
}

static int make_token(struct command_state *s)
{
    struct token token;
    char text[TOKEN_CHARS + 1], pin[CA_HEX_BYTES], url[URL_BYTES];
    char join[URL_BYTES + CA_HEX_BYTES + TOKEN_CHARS + HTTP_ID_BYTES + 16];
    int exit_code = read_token(s->call, s->now, &token);
    if (exit_code == CLI_EXIT_OK)
        exit_code = find_url(s, url);
    if (exit_code == CLI_EXIT_OK)
        exit_code = find_pin(s, pin);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    if (!token_new(text) || !token_hash(text, token.sha256))
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "there are no random bytes");
    const enum db_result result = db_transaction(s->db, add, &token);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    snprintf(join, sizeof(join), "ferry1:%s#%s#%s%s%s", url, pin, text, token.device[0] ? "#" : "",
             token.device);
    say_token(s->call->out, &token, join);
    explicit_bzero(text, sizeof(text));
    explicit_bzero(join, sizeof(join));
    return cli_done(s->call->out);
}

static int run_new(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? make_token(&s) : exit_code);
}

const struct cli_command cli_cmd_token_new = {
    .name = "token new",
    .summary = "make a token and print its join string",
    .args = "DIR",
    .about = "Prints one line that a device needs to enrol: the server's URL, the SHA-256 of its "
             "root certificate and a token of 192 random bits, of which only a hash is kept.",
    .min_args = 1,
    .max_args = 1,
    .options = new_options,
    .examples = new_examples,
    .run = run_new,
};

/* What a token may still do. */
static const char *state_of(const struct token *t, int64_t now)
{
    return t->revoked          ? "revoked"
           : now > t->expires  ? "expired"
           : t->uses_left == 0 ? "used up"
                               : "open";
}

struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void show(void *ctx, const struct token *t)
{
    const struct listing *l = ctx;
    char name[TOKEN_NAME_CHARS + 1], when[COMMAND_TIME_BYTES];
    token_name(t, name);
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "token", name);
    cJSON_AddStringToObject(row, "device", t->device);
    cJSON_AddStringToObject(row, "group", t->fleet);
    cJSON_AddStringToObject(row, "state", state_of(t, l->s->now));
    cJSON_AddNumberToObject(row, "uses", (double)t->uses_most);
    cJSON_AddNumberToObject(row, "uses_left", (double)t->uses_left);
    cJSON_AddNumberToObject(row, "expires", (double)t->expires);
    cJSON_AddItemToArray(l->rows, row);
    cli_text(l->s->call->out, "%-13s %-8s %4" PRId64 "/%-4" PRId64 " %-21s %s %s\n", name,
             state_of(t, l->s->now), t->uses_left, t->uses_most, command_time(t->expires, when),
             t->device[0] ? "device" : "group", t->device[0] ? t->device : t->fleet);
}

static int list(struct command_state *s)
{
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "tokens")};
    cli_text(s->call->out, "%-13s %-8s %-9s %-21s %s\n", "TOKEN", "STATE", "LEFT", "UNTIL", "FOR");
    const enum db_result result = token_list(s->db, show, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int run_list(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? list(&s) : exit_code);
}

const struct cli_command cli_cmd_token_list = {
    .name = "token list",
    .summary = "list the tokens and what they may still do",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .run = run_list,
};

/* What revoking one found. */
struct revoking {
    struct command_state *s;
    const char *name;
    unsigned n;
    struct token token;
};

static enum db_result revoke_work(struct db *db, void *ctx)
{
    struct revoking *r = ctx;
    const enum db_result result = token_revoke(db, r->name, r->s->now, &r->n, &r->token);
    return result == DB_OK && r->n == 1
               ? audit_add(db, "command line", "revoke token", r->name, r->token.sha256)
               : result;
}

static int revoke_token(struct command_state *s)
{
    struct revoking r = {.s = s, .name = s->call->args[1]};
    const enum db_result result = db_transaction(s->db, revoke_work, &r);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    if (r.n != 1)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND,
                             r.n ? "%u tokens begin with %s; give more digits"
                                 : "%u tokens begin with %s",
                             r.n, r.name);
    cli_text(s->call->out, "Token %.12s is revoked.\n", r.token.sha256);
    return cli_done(s->call->out);
}

static int run_revoke(struct cli_call *call)
{
    struct command_state s;
    const size_t n = strlen(call->args[1]);
    if (n < NAME_LEAST || n > 64 || !hex_is(call->args[1], n))
        return cli_usage(call,
                         "'%s' names no token: 6 to 64 hex digits, as `token list` shows them",
                         call->args[1]);
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? revoke_token(&s) : exit_code);
}

const struct cli_command cli_cmd_token_revoke = {
    .name = "token revoke",
    .summary = "end a token before its time",
    .args = "DIR TOKEN",
    .about = "TOKEN is its name in `ferryd token list`. Devices that enrolled with it stay.",
    .min_args = 2,
    .max_args = 2,
    .run = run_revoke,
};
