/* server/cmd_release.c - `ferryd release`: firmware into the catalogue, and out of the channels. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin_release.h"
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

/** Hands the mapped file to the catalogue. */
static int take(struct command_state *s, const struct ferry_mapped_file *file, struct release *out,
                bool *is_known)
{
    struct admin a = command_state_admin(s);
    char about[256];
    const char *const channel = cli_value(s->call, OPT_CHANNEL);
    const struct release_file what = {.bytes = file->bytes,
                                      .n_bytes = file->n_bytes,
                                      .channel = channel ? channel : CHANNEL_DEFAULT,
                                      .is_public = cli_has(s->call, OPT_PUBLIC)};
    const int blobs = openat(s->dir_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (blobs < 0)
        return cli_fail_text(s->call->out, FERRY_ERR_SERVER_STATE, "%s/blobs: %s", s->dir,
                             strerror(errno));
    const enum admin_code code = admin_release_add(&a, blobs, &what, out, is_known);
    close(blobs);
    snprintf(about, sizeof(about), "%.200s is refused", s->call->args[1]);
    return code == ADMIN_DONE ? CLI_EXIT_OK : command_state_admin_failed(s, &a, about);
}

static int add(struct command_state *s)
{
    struct cli_output *const o = s->call->out;
    const char *const path = s->call->args[1];
    struct ferry_mapped_file file;
    struct release r = {0};
    bool is_known = false;
    int os_errno = 0;
    const ferry_err err = ferry_map_file(path, SIZE_MAX, &file, &os_errno);
    if (err) {
        const struct ferry_about about = {path, NULL, os_errno ? strerror(os_errno) : NULL};
        return cli_fail_err(o, err, &about);
    }
    const int exit_code = take(s, &file, &r, &is_known);
    ferry_unmap_file(&file);
    if (exit_code != CLI_EXIT_OK)
        return exit_code;
    const char *channel = cli_value(s->call, OPT_CHANNEL);
    channel = channel ? channel : CHANNEL_DEFAULT;
    release_json(cli_json(o), &r);
    cJSON_AddStringToObject(cli_json(o), "channel", channel);
    cJSON_AddBoolToObject(cli_json(o), "known", is_known);
    cli_text(o, "Release %" PRId64 ": %s %s for %s, %s bytes, %s\n", r.serial, r.project, r.version,
             r.chip, cli_thousands((uint64_t)r.length), r.n_keys ? "signed" : "unsigned");
    cli_text(o, "%s in channel %s\n", is_known ? "It was there already" : "Offered", channel);
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
    release_json(row, r);
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
    struct admin a = command_state_admin(s);
    if (admin_release_find(&a, s->call->args[1], &r) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    release_json(cli_json(o), &r);
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

static int withdraw(struct command_state *s)
{
    struct release r;
    struct admin a = command_state_admin(s);
    int64_t n = 0;
    const char *const channel = cli_value(s->call, OPT_CHANNEL);
    if (admin_release_withdraw(&a, s->call->args[1], channel ? channel : "", &r, &n) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cJSON_AddNumberToObject(cli_json(s->call->out), "channels", (double)n);
    cli_text(s->call->out, "Release %" PRId64 " is withdrawn from %" PRId64 " channel%s.\n",
             r.serial, n, n == 1 ? "" : "s");
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

static int publish(struct command_state *s)
{
    struct release r;
    struct admin a = command_state_admin(s);
    const char *const word = s->call->args[2];
    const bool is_on = strcmp(word, "on") == 0;
    if (!is_on && strcmp(word, "off") != 0)
        return cli_usage(s->call, "'%s' is neither on nor off", word);
    if (admin_release_publish(&a, s->call->args[1], is_on, &r) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cli_text(s->call->out, "Release %" PRId64 " is %spublic.\n", r.serial, is_on ? "" : "not ");
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
