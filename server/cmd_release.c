/* server/cmd_release.c - `ferryd release`: firmware into the catalogue, and out of the channels. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "blobs.h"
#include "catalogue.h"
#include "command_state.h"
#include "map_file.h"
#include "store_channel.h"

#define NAMING                                                                                     \
    "RELEASE is a serial number, or at least 8 digits of a SHA-256, as `ferryd release list` "     \
    "shows them."

enum { OPT_CHANNEL = CLI_OPT_OWN, OPT_PUBLIC, OPT_PROJECT };

static const struct argp_option add_options[] = {
    {"channel", OPT_CHANNEL, "NAME", 0, "Offer it in this channel (default stable)", 0},
    {"public", OPT_PUBLIC, NULL, 0, "Anybody may have it, over plain http too", 0},
    {0},
};

static const struct cli_example add_examples[] = {
    {"ferryd release add /var/lib/ferryd build/app.bin", "devices of the stable channel get it"},
    {"ferryd release add /var/lib/ferryd build/app.bin --channel beta", "those of beta do"},
    {0},
};

/** Adds what says which release it is, to JSON. */
static void describe(cJSON *to, const struct release *r)
{
    cJSON_AddNumberToObject(to, "serial", (double)r->serial);
    cJSON_AddStringToObject(to, "sha256", r->sha256);
    cJSON_AddStringToObject(to, "project", r->project);
    cJSON_AddStringToObject(to, "version", r->version);
    cJSON_AddStringToObject(to, "chip", r->chip);
    cJSON_AddNumberToObject(to, "length", (double)r->length);
    cJSON_AddNumberToObject(to, "secure_version", (double)r->secure_version);
    cJSON *keys = cJSON_AddArrayToObject(to, "keys");
    for (unsigned i = 0; i < r->n_keys; i++)
        cJSON_AddItemToArray(keys, cJSON_CreateString(r->keys[i]));
    cJSON_AddBoolToObject(to, "public", r->is_public);
    cJSON_AddNumberToObject(to, "added", (double)r->added);
}

/** Reads the file, judges it, and puts its bytes where the server finds them. */
static int take_image(struct command_state *s, const char *path, struct release *out)
{
    struct cli_output *const o = s->call->out;
    struct ferry_mapped_file file;
    char why[CATALOGUE_WHY_BYTES];
    int os_errno = 0, exit_code = CLI_EXIT_OK;
    const ferry_err err = ferry_map_file(path, SIZE_MAX, &file, &os_errno);
    if (err) {
        const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
        return cli_fail_err(o, err, &about);
    }
    if (!catalogue_read(file.bytes, file.n_bytes, out, why)) {
        exit_code = cli_fail_text(o, FERRY_ERR_RELEASE_REFUSED, "%s is refused: %s", path, why);
    } else {
        const int blobs = openat(s->dir_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (blobs < 0 || !blobs_put(blobs, out->sha256, file.bytes, file.n_bytes))
            exit_code =
                cli_fail_text(o, FERRY_ERR_SERVER_STATE, "%s/blobs: %s", s->dir, strerror(errno));
        if (blobs >= 0)
            close(blobs);
    }
    ferry_unmap_file(&file);
    return exit_code;
}

static int add(struct command_state *s)
{
    struct cli_output *const o = s->call->out;
    const char *const channel =
        cli_has(s->call, OPT_CHANNEL) ? cli_value(s->call, OPT_CHANNEL) : CHANNEL_DEFAULT;
    struct release r = {.is_public = cli_has(s->call, OPT_PUBLIC)};
    char why[CATALOGUE_WHY_BYTES];
    const int exit_code = take_image(s, s->call->args[1], &r);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const enum catalogue_result result = catalogue_add(s->db, &r, channel, "command line", why);
    if (result == CATALOGUE_REFUSED || result == CATALOGUE_LATER)
        return cli_fail_text(
            o, result == CATALOGUE_LATER ? FERRY_ERR_DATABASE : FERRY_ERR_RELEASE_REFUSED,
            "%s is refused: %s", s->call->args[1], why);
    describe(cli_json(o), &r);
    cJSON_AddStringToObject(cli_json(o), "channel", channel);
    cJSON_AddBoolToObject(cli_json(o), "known", result == CATALOGUE_KNOWN);
    cli_text(o, "Release %" PRId64 ": %s %s for %s, %s bytes, %s\n", r.serial, r.project, r.version,
             r.chip, cli_thousands((uint64_t)r.length), r.n_keys ? "signed" : "unsigned");
    cli_text(o, "%s in channel %s\n",
             result == CATALOGUE_KNOWN ? "It was there already" : "Offered", channel);
    return cli_done(o);
}

static int run_add(struct cli_call *call)
{
    return command_state_run(call, add);
}

const struct cli_command cli_cmd_release_add = {
    .name = "release add",
    .summary = "put an application image into the catalogue",
    .args = "DIR IMAGE",
    .about = "Reads the image as a device would: what a device would refuse is refused here, with "
             "the reason. The release gets the next serial number and is offered in a channel.",
    .min_args = 2,
    .max_args = 2,
    .options = add_options,
    .examples = add_examples,
    .run = run_add,
};

/** A listing on its way. */
struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void show(void *ctx, const struct release *r)
{
    const struct listing *l = ctx;
    char when[COMMAND_TIME_BYTES];
    cJSON *row = cJSON_CreateObject();
    describe(row, r);
    cJSON_AddItemToArray(l->rows, row);
    cli_text(l->s->call->out, "%6" PRId64 "  %.8s  %-16.16s %-14.14s %-8s %s%s\n", r->serial,
             r->sha256, r->project, r->version, r->chip, command_time(r->added, when),
             r->is_public ? " public" : "");
}

static int list(struct command_state *s)
{
    const char *const project = cli_value(s->call, OPT_PROJECT);
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "releases")};
    cli_text(s->call->out, "%6s  %-8s  %-16s %-14s %-8s %s\n", "SERIAL", "SHA-256", "PROJECT",
             "VERSION", "CHIP", "ADDED");
    const enum db_result result = release_list(s->db, project ? project : "", show, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int run_list(struct cli_call *call)
{
    return command_state_run(call, list);
}

static const struct argp_option list_options[] = {
    {"project", OPT_PROJECT, "NAME", 0, "Only this project's", 0},
    {0},
};

const struct cli_command cli_cmd_release_list = {
    .name = "release list",
    .summary = "list the catalogue, the newest first",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .options = list_options,
    .run = run_list,
};

/** Finds the release that the second argument names; complains if there is none. */
static int find(struct command_state *s, struct release *out)
{
    const char *const name = s->call->args[1];
    if (!release_name_is_fine(name))
        return cli_usage(s->call, "'%s' names no release; " NAMING, name);
    const enum db_result result = release_named(s->db, name, out);
    if (result == DB_OK)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND, "%s names no release, or several",
                             name);
    return result == DB_ROW ? CLI_EXIT_OK : command_state_db_failed(s, result);
}

static void show_offer(void *ctx, const char *channel)
{
    const struct listing *l = ctx;
    cJSON_AddItemToArray(l->rows, cJSON_CreateString(channel));
    cli_text(l->s->call->out, "offered in  %s\n", channel);
}

static int show_one(struct command_state *s)
{
    struct cli_output *const o = s->call->out;
    struct release r;
    char when[COMMAND_TIME_BYTES];
    const int exit_code = find(s, &r);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    describe(cli_json(o), &r);
    cli_text(o, "serial      %" PRId64 "\nproject     %s\nversion     %s\nchip        %s\n",
             r.serial, r.project, r.version, r.chip);
    cli_text(o, "length      %s bytes\nSHA-256     %s\nadded       %s\n",
             cli_thousands((uint64_t)r.length), r.sha256, command_time(r.added, when));
    for (unsigned i = 0; i < r.n_keys; i++)
        cli_text(o, "signed by   %s\n", r.keys[i]);
    if (r.is_public)
        cli_text(o, "public      anybody may have it\n");
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(o), "channels")};
    const enum db_result result = channel_list_offers(s->db, r.sha256, show_offer, &l);
    return result == DB_OK ? cli_done(o) : command_state_db_failed(s, result);
}

static int run_show(struct cli_call *call)
{
    return command_state_run(call, show_one);
}

const struct cli_command cli_cmd_release_show = {
    .name = "release show",
    .summary = "show one release, and where it is offered",
    .args = "DIR RELEASE",
    .about = NAMING,
    .min_args = 2,
    .max_args = 2,
    .run = run_show,
};

/** A change of one release. */
struct change {
    struct command_state *s;
    const char *channel; // "" all
    struct release release;
    int64_t n_changed;
};

static enum db_result withdraw_work(struct db *db, void *ctx)
{
    struct change *c = ctx;
    enum db_result result = channel_withdraw(db, c->channel, c->release.sha256, c->s->now);
    c->n_changed = db_changed(db);
    return result == DB_OK && c->n_changed
               ? audit_add(db, "command line", "withdraw release", c->release.sha256, c->channel)
               : result;
}

static int withdraw(struct command_state *s)
{
    struct change c = {.s = s, .channel = cli_value(s->call, OPT_CHANNEL)};
    if (!c.channel)
        c.channel = "";
    const int exit_code = find(s, &c.release);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const enum db_result result = db_transaction(s->db, withdraw_work, &c);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    if (!c.n_changed)
        return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND,
                             "release %" PRId64 " is offered %s%s", c.release.serial,
                             c.channel[0] ? "not in channel " : "in no channel", c.channel);
    cJSON_AddNumberToObject(cli_json(s->call->out), "channels", (double)c.n_changed);
    cli_text(s->call->out, "Release %" PRId64 " is withdrawn from %" PRId64 " channel%s.\n",
             c.release.serial, c.n_changed, c.n_changed == 1 ? "" : "s");
    return cli_done(s->call->out);
}

static int run_withdraw(struct cli_call *call)
{
    return command_state_run(call, withdraw);
}

static const struct argp_option withdraw_options[] = {
    {"channel", OPT_CHANNEL, "NAME", 0, "From this channel only", 0},
    {0},
};

const struct cli_command cli_cmd_release_withdraw = {
    .name = "release withdraw",
    .summary = "offer a release no longer",
    .args = "DIR RELEASE",
    .about =
        "Devices that have it keep it; the others are offered the newest one that is left. Its "
        "bytes stay, for devices that go back to it. " NAMING,
    .min_args = 2,
    .max_args = 2,
    .options = withdraw_options,
    .run = run_withdraw,
};

static enum db_result publish_work(struct db *db, void *ctx)
{
    const struct change *c = ctx;
    const enum db_result result = release_set_public(db, c->release.sha256, c->release.is_public);
    return result == DB_OK ? audit_add(db, "command line",
                                       c->release.is_public ? "publish release" : "hide release",
                                       c->release.sha256, "")
                           : result;
}

static int publish(struct command_state *s)
{
    struct change c = {.s = s};
    const char *const word = s->call->args[2];
    const bool is_on = strcmp(word, "on") == 0;
    if (!is_on && strcmp(word, "off") != 0)
        return cli_usage(s->call, "'%s' is neither on nor off", word);
    const int exit_code = find(s, &c.release);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    c.release.is_public = is_on;
    const enum db_result result = db_transaction(s->db, publish_work, &c);
    if (result != DB_OK)
        return command_state_db_failed(s, result);
    cli_text(s->call->out, "Release %" PRId64 " is %spublic.\n", c.release.serial,
             is_on ? "" : "not ");
    return cli_done(s->call->out);
}

static int run_publish(struct cli_call *call)
{
    return command_state_run(call, publish);
}

const struct cli_command cli_cmd_release_public = {
    .name = "release public",
    .summary = "let anybody have a release, or end that",
    .args = "DIR RELEASE on|off",
    .about = "A public release is served by the doors without TLS, where they are open, to whoever "
             "asks. " NAMING,
    .min_args = 3,
    .max_args = 3,
    .run = run_publish,
};
