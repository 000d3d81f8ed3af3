/* cli/cmd_update.c - `ferry update`: carry an image into the spare slot of a device.
 * The work is agent/update_run.h's; here the command line becomes its configuration, and what
 * happens is told in words. Options: update_args.c; what is said: update_words.c. */
#include <stdio.h>
#include <string.h>

#include "agent/update_run.h"
#include "boot_device.h"
#include "device_words.h"
#include "interrupt.h"
#include "progress.h"
#include "reflash_waiting.h"
#include "shell_words.h"
#include "update_args.h"
#include "update_words.h"

/** Where the checkpoint is kept: in the directory of a virtual device, beside a bare dump. */
static void keeper_path(const struct ferry_vdevice *v, char *buf, size_t n)
{
    snprintf(buf, n, v->is_dir ? "%s/update.resume" : "%s.resume", v->path);
}

static int do_update(struct cli_call *call, struct ferry_vdevice *v, struct cli_update_args *args)
{
    static uint8_t work[FERRY_UPDATE_WORK_BYTES(FERRY_FLASH_SECTOR_BYTES)];
    static uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    static struct ferry_update update;
    static struct ferry_source_named named;
    static char path[FERRY_VDEVICE_PATH_BYTES + 16];
    struct ferry_keeper_file keeper;
    struct cli_update_words words = {.call = call, .v = v, .args = args};
    cli_interrupt_retry(&args->server.retry);
    int exit_code = cli_update_manifest(call, args, &cli_interrupt);
    if (exit_code)
        return exit_code;
    args->config.desc_head = desc_head;
    args->config.work = work;
    args->config.work_bytes = sizeof(work);
    ferry_source_named_init(&named, args->source, &args->server.http, &cli_interrupt);
    keeper_path(v, path, sizeof(path));
    ferry_keeper_file_init(&keeper, path);
    words.source = named.source;
    words.keeper = &keeper;
    struct ferry_update_job job = {
        .device = &v->dev,
        .source = named.source,
        .config = &args->config,
        .buffer = args->buffer,
        .buffer_bytes = args->chunk_bytes,
        .cancel = &cli_interrupt,
        // A chip at a port keeps nothing beside itself, and each checkpoint would be a write to it.
        .keeper = v->real ? NULL : &keeper.keeper,
        .is_anew = args->is_anew,
        .retry = args->server.retry,
        .events = {cli_update_stage, cli_update_progress, cli_update_remark, &words},
    };
    const ferry_err err = ferry_update_run(&update, &job);
    if (err)
        return cli_update_failed(&words, &update, &job, err);
    cli_update_succeeded(&words, &update);
    return cli_done(call->out);
}

/** An update now would change what an interrupted reflash counts on. */
static int refuse_waiting(const struct cli_call *call)
{
    const int exit_code = cli_fail_err(call->out, FERRY_ERR_REFLASH_UNFINISHED, NULL);
    cli_note(call->out, "ferry reflash status %s shows it, ferry reflash resume %s finishes it\n",
             cli_shell_device(), cli_shell_device());
    return exit_code;
}

static int run(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct cli_update_args args;
    int exit_code = cli_update_read_args(call, &args);
    if (!exit_code)
        exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    // They end the update in order: the slot is left without a header, and the reason is said.
    cli_interrupt_watch();
    if (ferry_reflash_waits(&v))
        exit_code = refuse_waiting(call);
    if (!exit_code)
        exit_code = cli_update_slot(call, &v, &args);
    if (!exit_code)
        exit_code = do_update(call, &v, &args);
    if (!exit_code && args.boot)
        exit_code = cli_boot_device(call, &v, FERRY_HOLD_NONE);
    cli_update_free_args(&args);
    ferry_vdevice_close(&v);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry update dev app.bin", "from a file, into the next slot"},
    {"ferry update dev https://fw.example.com/app.bin --boot",
     "from a server, then restart the virtual device"},
    {"ferry update dev https://fw.example.com/release.json",
     "from a manifest, which brings length and SHA-256"},
    {"ferry update dev https://fw.example.com/app.bin --retries=20",
     "over a poor link; given again, it goes on where it stopped"},
    {"ferry update dev tcp://192.168.1.10:6969",
     "from a server of esp-hal-ota's sample protocol, such as `ferry serve`"},
    {"cat app.bin | ferry update dump.bin - --sha256 H", "from a pipe, into a flash dump"},
    {0},
};

const struct cli_command cli_cmd_update = {
    .name = "update",
    .summary = "write an application image into the spare slot and make it boot next",
    .args = "DEVICE SOURCE",
    .about = CLI_DEVICE_ABOUT
    "\n\nSOURCE is a file, an http, https or tcp address, a manifest (its name ends in .json), or "
    "- for "
    "standard input. Everything is checked while it flows and read back from flash; only then the "
    "slot is made to boot. If anything fails, and on Ctrl-C at any moment, the device boots what "
    "it booted before."
    "\n\nAn update that was interrupted, by a lost server, Ctrl-C or a power failure, goes on "
    "where "
    "it stopped when the same command is given again: at most 64 KB and what had not reached flash "
    "are fetched once more. Servers that are lost or busy are asked again, after pauses that grow; "
    "--retries says how often.",
    .min_args = 2,
    .max_args = 2,
    .options = cli_update_options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "refused or failed: the running app is as it was",
    .run = run,
};
