/* server/cmd_token.c - `ferryd token`: who may join the fleet. A token's text is shown once, in its
 * join string; afterwards it is known by the first digits of its hash. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin_token.h"
#include "ca.h"
#include "command_state.h"

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

/* Reads the options of `token new`. */
static int read_wish(struct cli_call *call, struct token_wish *out)
{
    const char *const expires = cli_value(call, OPT_EXPIRES);
    uint32_t uses = 1;
    *out = (struct token_wish){.device = cli_value(call, OPT_DEVICE),
                               .group = cli_value(call, OPT_GROUP),
                               .url = cli_value(call, OPT_URL),
                               .seconds = TOKEN_SPAN_S};
    if (!cli_number(call, OPT_USES, TOKEN_USES_MOST, &uses))
        return CLI_EXIT_USAGE;
    if (expires && !command_span(expires, &out->seconds))
        return cli_usage(call,
                         "--expires=%s: a span is a number and s, m, h or d, as 24h, at most "
                         "3650d",
                         expires);
    out->uses = uses;
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
    struct token_wish wish;
    struct admin a = command_state_admin(s);
    char pin[CA_HEX_BYTES], join[ADMIN_JOIN_BYTES];
    int exit_code = read_wish(s->call, &wish);
    if (exit_code == CLI_EXIT_OK)
        exit_code = find_pin(s, pin);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    if (admin_token_new(&a, &s->config, pin, &wish, &token, join) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    say_token(s->call->out, &token, join);
    explicit_bzero(join, sizeof(join));
    return cli_done(s->call->out);
}

static int run_new(struct cli_call *call)
{
    return command_state_run(call, make_token);
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

struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void show(void *ctx, const struct token *t)
{
    const struct listing *l = ctx;
    char name[TOKEN_NAME_CHARS + 1], when[COMMAND_TIME_BYTES];
    token_name(t, name);
    cJSON_AddItemToArray(l->rows, token_json(t, l->s->now));
    cli_text(l->s->call->out, "%-13s %-8s %4" PRId64 "/%-4" PRId64 " %-21s %s %s\n", name,
             token_word(t, l->s->now), t->uses_left, t->uses_most, command_time(t->expires, when),
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
    return command_state_run(call, list);
}

const struct cli_command cli_cmd_token_list = {
    .name = "token list",
    .summary = "list the tokens and what they may still do",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .run = run_list,
};

static int revoke_token(struct command_state *s)
{
    struct token token;
    struct admin a = command_state_admin(s);
    if (admin_token_revoke(&a, s->call->args[1], &token) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cli_text(s->call->out, "Token %.*s is revoked.\n", (int)TOKEN_NAME_CHARS, token.sha256);
    return cli_done(s->call->out);
}

static int run_revoke(struct cli_call *call)
{
    return command_state_run(call, revoke_token);
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
