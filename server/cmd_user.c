/* server/cmd_user.c - `ferryd user`: operators, who log in to the pages and use the admin API by a
 * token. Its text is shown once; the database has its hash alone. */
#include <stdio.h>
#include <string.h>

#include "command_state.h"
#include "store_operator.h"
#include "store_token.h"

enum { OPT_READ_ONLY = CLI_OPT_OWN };

static const struct argp_option add_options[] = {
    {"read-only", OPT_READ_ONLY, NULL, 0,
     "May ask for everything and change nothing: for what watches, as Prometheus", 0},
    {0},
};

/** An operator on the way into the database. */
struct newcomer {
    struct http_operator who;
    char token[TOKEN_CHARS + 1];
};

static void find_name(void *ctx, const struct http_operator *who, int64_t created)
{
    const char **const wanted = ctx;
    (void)created;
    if (*wanted && strcmp(*wanted, who->name) == 0)
        *wanted = NULL;
}

static enum db_result add_work(struct admin *a, void *ctx)
{
    const struct newcomer *const n = ctx;
    const char *left = n->who.name;
    enum db_result result = operator_list(a->db, find_name, &left);
    if (result == DB_OK && !left)
        return admin_stop(a, ADMIN_TAKEN, "there is an operator '%s' already", n->who.name);
    if (result == DB_OK)
        result = operator_add(a->db, &n->who, n->token, a->now);
    if (result != DB_OK)
        return result;
    return admin_audit(a, "add operator", n->who.name, n->who.is_read_only ? "read-only" : NULL);
}

static int add(struct command_state *s)
{
    struct admin a = command_state_admin(s);
    const char *const name = s->call->args[1];
    struct newcomer n = {.who.is_read_only = cli_has(s->call, OPT_READ_ONLY)};
    struct cli_output *const out = s->call->out;
    if (admin_check_name(&a, "the operator", name) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    snprintf(n.who.name, sizeof(n.who.name), "%s", name);
    if (!token_new(n.token))
        return cli_fail_text(out, FERRY_ERR_SERVER_STATE, "there are no random bytes");
    if (admin_run(&a, add_work, &n) == ADMIN_DONE) {
        cJSON_AddStringToObject(cli_json(out), "operator", n.who.name);
        cJSON_AddBoolToObject(cli_json(out), "read_only", n.who.is_read_only);
        cJSON_AddStringToObject(cli_json(out), "token", n.token);
        cli_text(out, "%s\n", n.token);
        if (!out->json)
            cli_note(out, "Shown once: what %s logs in with%s.\n", n.who.name,
                     n.who.is_read_only ? ", to read" : "");
    }
    explicit_bzero(n.token, sizeof(n.token));
    return a.code == ADMIN_DONE ? cli_done(out) : command_state_admin_failed(s, &a, NULL);
}

static int run_add(struct cli_call *call)
{
    return command_state_run(call, add);
}

static const struct cli_example add_examples[] = {
    {"ferryd user add /var/lib/ferryd ci", "a token for the machine that uploads releases"},
    {"ferryd user add /var/lib/ferryd prometheus --read-only", "one for the machine that watches"},
    {0},
};

const struct cli_command cli_cmd_user_add = {
    .name = "user add",
    .summary = "let somebody administer, and print the token",
    .args = "DIR NAME",
    .about = "The token opens the pages, the admin API and the metrics; the audit log has NAME. It "
             "is printed once and kept as a hash. With --read-only it opens them to be read: all "
             "but GET and HEAD is refused.",
    .min_args = 2,
    .max_args = 2,
    .options = add_options,
    .examples = add_examples,
    .run = run_add,
};

/** A list on its way. */
struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void show(void *ctx, const struct http_operator *who, int64_t created)
{
    const struct listing *const l = ctx;
    char when[COMMAND_TIME_BYTES];
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "operator", who->name);
    cJSON_AddBoolToObject(row, "read_only", who->is_read_only);
    cJSON_AddNumberToObject(row, "created", (double)created);
    cJSON_AddItemToArray(l->rows, row);
    cli_text(l->s->call->out, "%-24s %-10s %s\n", who->name,
             who->is_read_only ? "read only" : "everything", command_time(created, when));
}

static int list(struct command_state *s)
{
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "operators")};
    cli_text(s->call->out, "%-24s %-10s %s\n", "OPERATOR", "MAY", "SINCE");
    const enum db_result result = operator_list(s->db, show, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int run_list(struct cli_call *call)
{
    return command_state_run(call, list);
}

const struct cli_command cli_cmd_user_list = {
    .name = "user list",
    .summary = "list who may administer, or only read",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .run = run_list,
};

static enum db_result remove_work(struct admin *a, void *ctx)
{
    const char *const name = ctx;
    const enum db_result result = operator_remove(a->db, name);
    if (result == DB_OK)
        return admin_stop(a, ADMIN_NOT_FOUND, "there is no operator '%.80s'", name);
    return result == DB_ROW ? admin_audit(a, "remove operator", name, NULL) : result;
}

static int take_out(struct command_state *s)
{
    struct admin a = command_state_admin(s);
    if (admin_run(&a, remove_work, s->call->args[1]) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cli_text(s->call->out, "%s may administer no longer.\n", s->call->args[1]);
    return cli_done(s->call->out);
}

static int run_remove(struct cli_call *call)
{
    return command_state_run(call, take_out);
}

const struct cli_command cli_cmd_user_remove = {
    .name = "user remove",
    .summary = "let somebody administer no longer",
    .args = "DIR NAME",
    .about = "Token and sessions end with the next request. With nobody left, `ferryd user add` "
             "lets the next one in.",
    .min_args = 2,
    .max_args = 2,
    .run = run_remove,
};
