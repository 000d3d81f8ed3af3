/* server/cmd_channel.c - `ferryd channel`: what is offered to whom. */
#include "admin_channel.h"
#include "command_state.h"

enum { OPT_KEY = CLI_OPT_OWN };

static const struct argp_option key_options[] = {
    {"key", OPT_KEY, "SHA256", 0,
     "Take only releases signed with the key of this digest (64 hex digits, as `ferry image info` "
     "shows it and eFuses hold it); none: any",
     0},
    {0},
};

static int add(struct command_state *s)
{
    struct channel c;
    struct admin a = command_state_admin(s);
    if (admin_channel_add(&a, s->call->args[1], cli_value(s->call, OPT_KEY), &c) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cli_text(s->call->out, "Channel %s is made.\n", c.name);
    return cli_done(s->call->out);
}

static int run_add(struct cli_call *call)
{
    return command_state_run(call, add);
}

const struct cli_command cli_cmd_channel_add = {
    .name = "channel add",
    .summary = "make a channel",
    .args = "DIR NAME",
    .min_args = 2,
    .max_args = 2,
    .options = key_options,
    .run = run_add,
};

static int set_key(struct command_state *s)
{
    struct channel c;
    struct admin a = command_state_admin(s);
    const char *const key = cli_value(s->call, OPT_KEY);
    if (!key)
        return cli_usage(s->call, "--key is missing: a digest, or none");
    if (admin_channel_set_key(&a, s->call->args[1], key, &c) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    if (c.key_sha256[0])
        cli_text(s->call->out, "Channel %s takes only what is signed with %s.\n", c.name,
                 c.key_sha256);
    else
        cli_text(s->call->out, "Channel %s takes unsigned releases too.\n", c.name);
    return cli_done(s->call->out);
}

static int run_key(struct cli_call *call)
{
    return command_state_run(call, set_key);
}

const struct cli_command cli_cmd_channel_key = {
    .name = "channel key",
    .summary = "say whose signature a channel demands",
    .args = "DIR NAME",
    .about = "Looked at when a release is added; what the channel offers already stays.",
    .min_args = 2,
    .max_args = 2,
    .options = key_options,
    .run = run_key,
};

/** A listing on its way. */
struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void show(void *ctx, const struct channel *c)
{
    const struct listing *l = ctx;
    cJSON_AddItemToArray(l->rows, channel_json(c));
    cli_text(l->s->call->out, "%-20s %s%.12s\n", c->name,
             c->key_sha256[0] ? "signed with " : "any release", c->key_sha256);
}

static int list(struct command_state *s)
{
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "channels")};
    cli_text(s->call->out, "%-20s %s\n", "CHANNEL", "TAKES");
    const enum db_result result = channel_list(s->db, show, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int run_list(struct cli_call *call)
{
    return command_state_run(call, list);
}

const struct cli_command cli_cmd_channel_list = {
    .name = "channel list",
    .summary = "list the channels",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .run = run_list,
};

static int follow(struct command_state *s)
{
    struct admin a = command_state_admin(s);
    const char *const group = s->call->args[1], *const channel = s->call->args[2];
    if (admin_channel_follow(&a, group, channel) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cli_text(s->call->out, "Devices of group %s get what channel %s offers.\n", group, channel);
    return cli_done(s->call->out);
}

static int run_follow(struct cli_call *call)
{
    return command_state_run(call, follow);
}

static const struct cli_example follow_examples[] = {
    {"ferryd channel follow /var/lib/ferryd testers beta", "the group testers gets beta"},
    {0},
};

const struct cli_command cli_cmd_channel_follow = {
    .name = "channel follow",
    .summary = "give the devices of a group another channel",
    .args = "DIR GROUP NAME",
    .about = "A group follows `" CHANNEL_DEFAULT "` unless this says otherwise.",
    .min_args = 3,
    .max_args = 3,
    .examples = follow_examples,
    .run = run_follow,
};
