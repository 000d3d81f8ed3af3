/* server/cmd_channel.c - `ferryd channel`: what is offered to whom. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "command_state.h"
#include "hex.h"
#include "store_channel.h"
#include "store_device.h"

enum { OPT_KEY = CLI_OPT_OWN };

static const struct argp_option key_options[] = {
    {"key", OPT_KEY, "SHA256", 0,
     "Take only releases signed with the key of this digest (64 hex digits, as `ferry image info` "
     "shows it and eFuses hold it); none: any",
     0},
    {0},
};

/** What is being changed. */
struct change {
    struct channel channel;
    const char *fleet;
};

/** Reads the channel's name and --key. */
static int read_channel(struct command_state *s, const char *name, struct channel *out)
{
    const char *const key = cli_value(s->call, OPT_KEY);
    *out = (struct channel){.created = s->now};
    if (!device_name_is_fine(name))
        return cli_usage(s->call,
                         "'%s' is no name: 1 to 64 letters, digits and . _ - :, the first of them "
                         "a letter or digit",
                         name);
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (!key || strcmp(key, "none") == 0)
        return CLI_EXIT_OK;
    if (!hex_is(key, RELEASE_HEX_BYTES - 1))
        return cli_usage(s->call, "--key=%s is no SHA-256 in 64 lower-case hex digits", key);
    snprintf(out->key_sha256, sizeof(out->key_sha256), "%s", key);
    return CLI_EXIT_OK;
}

static enum db_result add_work(struct db *db, void *ctx)
{
    const struct change *c = ctx;
    const enum db_result result = channel_add(db, &c->channel);
    return result == DB_OK ? audit_add(db, "command line", "make channel", c->channel.name,
                                       c->channel.key_sha256)
                           : result;
}

static int add(struct command_state *s)
{
    struct change c;
    const int exit_code = read_channel(s, s->call->args[1], &c.channel);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const enum db_result result = db_transaction(s->db, add_work, &c);
    if (result == DB_CONFLICT)
        return cli_fail_text(s->call->out, FERRY_ERR_ARG, "there is a channel '%s' already",
                             c.channel.name);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    cli_text(s->call->out, "Channel %s is made.\n", c.channel.name);
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

static enum db_result key_work(struct db *db, void *ctx)
{
    const struct change *c = ctx;
    enum db_result result = channel_set_key(db, c->channel.name, c->channel.key_sha256);
    if (result == DB_OK && !db_changed(db))
        return DB_CONFLICT;
    return result == DB_OK ? audit_add(db, "command line", "set channel key", c->channel.name,
                                       c->channel.key_sha256)
                           : result;
}

static int set_key(struct command_state *s)
{
    struct change c;
    if (!cli_has(s->call, OPT_KEY))
        return cli_usage(s->call, "--key is missing: a digest, or none");
    const int exit_code = read_channel(s, s->call->args[1], &c.channel);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const enum db_result result = db_transaction(s->db, key_work, &c);
    if (result == DB_CONFLICT)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND, "there is no channel '%s'",
                             c.channel.name);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    if (c.channel.key_sha256[0])
        cli_text(s->call->out, "Channel %s takes only what is signed with %s.\n", c.channel.name,
                 c.channel.key_sha256);
    else
        cli_text(s->call->out, "Channel %s takes unsigned releases too.\n", c.channel.name);
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
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "channel", c->name);
    cJSON_AddStringToObject(row, "key", c->key_sha256);
    cJSON_AddItemToArray(l->rows, row);
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

static enum db_result follow_work(struct db *db, void *ctx)
{
    const struct change *c = ctx;
    struct channel found;
    enum db_result result = channel_find(db, c->channel.name, &found);
    if (result != DB_ROW)
        return result == DB_OK ? DB_CONFLICT : result;
    result = channel_follow(db, c->fleet, c->channel.name);
    return result == DB_OK
               ? audit_add(db, "command line", "follow channel", c->fleet, c->channel.name)
               : result;
}

static int follow(struct command_state *s)
{
    struct change c = {.fleet = s->call->args[1]};
    if (!device_name_is_fine(c.fleet))
        return cli_usage(s->call, "'%s' is no name of a group", c.fleet);
    const int exit_code = read_channel(s, s->call->args[2], &c.channel);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const enum db_result result = db_transaction(s->db, follow_work, &c);
    if (result == DB_CONFLICT)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND, "there is no channel '%s'",
                             c.channel.name);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    cli_text(s->call->out, "Devices of group %s get what channel %s offers.\n", c.fleet,
             c.channel.name);
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
