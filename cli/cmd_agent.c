/* cli/cmd_agent.c - `ferry agent`: a virtual device lives with its updater. The bootloader decides,
 * the updater is agent/agent.h, and what the application does is given on the command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_fleet.h"
#include "agent_words.h"
#include "device_args.h"
#include "device_words.h"
#include "interrupt.h"

enum {
    OPT_ONCE = CLI_OPT_OWN,
    OPT_STARTS,
    OPT_POWER_CYCLE,
    OPT_OUTCOME,
    OPT_CRASHES,
    OPT_SECONDS,
    OPT_PACE,
    OPT_POLL,
    OPT_DOWNGRADE,
    OPT_PROJECT,
    OPT_SELF,
    OPT_FLEET,
    OPT_JOIN,
    OPT_THREADS,
    OPT_SLOT_SIZE,
    OPT_APP,
};

static const struct argp_option options[] = {
    {"once", OPT_ONCE, 0, 0, "Stop when the application has been started, or cannot be", 0},
    {"starts", OPT_STARTS, "N", 0, "Stop after N starts of the application", 0},
    {"power-cycle", OPT_POWER_CYCLE, 0, 0, "Begin with a loss of power: what the RTC kept is gone",
     0},
    {0, 0, 0, 0, "What the application does:", 1},
    {"app-outcome", OPT_OUTCOME, "ok|crash|watchdog|brown-out|deep-sleep|power-off", 0,
     "How each of its runs ends (ok: it restarts by itself)", 1},
    {"crashes", OPT_CRASHES, "VERSION", 0,
     "This version crashes, whatever --app-outcome says; may be repeated", 1},
    {"app-seconds", OPT_SECONDS, "N", 0, "How long it runs, on the device's clock (60)", 1},
    {0, 0, 0, 0, "The updater:", 2},
    {"pace", OPT_PACE, "MS", 0, "Pause between two starts, on this machine's clock (1000)", 2},
    {"poll", OPT_POLL, "S", 0,
     "Most seconds between two questions (what the server says, else 6 hours)", 2},
    {"allow-downgrade", OPT_DOWNGRADE, 0, 0, "An older release may replace the installed one", 2},
    {"project", OPT_PROJECT, "NAME", 0,
     "Which application the device is for, where neither its store nor an installed one says it",
     2},
    {"replace-updater", OPT_SELF, 0, 0,
     "Ask for a newer updater, too; it has to reach the server to stay. Without a third slot it "
     "takes the application's, goes home from there, and fetches the application again",
     2},
    {0, 0, 0, 0, "Many devices in memory, without DEVICE:", 3},
    {"fleet", OPT_FLEET, "N", 0, "N devices enrol, update, start the application and confirm", 3},
    {"join", OPT_JOIN, "JOIN", 0, "Their join string, of a token with that many uses", 3},
    {"threads", OPT_THREADS, "N", 0, "So many at the same time (32)", 3},
    {"slot-size", OPT_SLOT_SIZE, "N", 0, "Size of a device's slot (256K)", 3},
    {"updater", OPT_APP, "FILE", 0, "The image in each device's updater slot", 3},
    {0},
};

struct life {
    struct cli_call *call;
    struct ferry_vdevice *v;
    struct ferry_vagent *g;
    struct cli_agent_words words;
    struct ferry_vagent_start start;
    int outcome;
    uint32_t app_seconds, pace_ms, starts_most;
    uint32_t n_starts, n_resets;
    int updater_slot;
    char updater_project[33];
};

static const char *const outcomes[] = {"ok",         "crash",     "watchdog", "brown-out",
                                       "deep-sleep", "power-off", NULL};
static const enum ferry_reset resets[] = {FERRY_RESET_SOFTWARE,   FERRY_RESET_PANIC,
                                          FERRY_RESET_WATCHDOG,   FERRY_RESET_BROWN_OUT,
                                          FERRY_RESET_DEEP_SLEEP, FERRY_RESET_POWER_ON};

static bool read_args(struct cli_call *call, struct life *l)
{
    uint32_t poll_s = 0;
    l->app_seconds = 60;
    l->pace_ms = 1000;
    l->starts_most = cli_has(call, OPT_ONCE) ? 1 : 0;
    const bool ok = cli_choice(call, OPT_OUTCOME, outcomes, &l->outcome) &&
                    cli_number(call, OPT_SECONDS, 1000000, &l->app_seconds) &&
                    cli_number(call, OPT_PACE, 3600000, &l->pace_ms) &&
                    cli_number(call, OPT_STARTS, 1000000, &l->starts_most) &&
                    cli_number(call, OPT_POLL, 10000000, &poll_s);
    l->start.settings.quick_s = poll_s;
    l->start.settings.replaces_itself = cli_has(call, OPT_SELF);
    l->start.settings.project = cli_value(call, OPT_PROJECT);
    l->start.settings.allow_downgrade = cli_has(call, OPT_DOWNGRADE);
    l->start.cancel = &cli_interrupt;
    return ok;
}

/* ---- one device ---- */

/* The updater is known by the project of the image in factory, else ota_0, when the device was
 * first run; the store remembers it, because releases come and go in the slots. */
static int know_updater(struct life *l)
{
    struct ferry_app_desc desc;
    struct ferry_store *s = &l->g->store.store;
    const int slot = l->v->dev.factory.size_bytes ? FERRY_SLOT_FACTORY : 0;
    l->updater_slot = slot;
    if (!ferry_store_text(s, "updater", l->updater_project, sizeof(l->updater_project)))
        return CLI_EXIT_OK;
    ferry_err err = ferry_device_desc(&l->v->dev, slot, &desc);
    if (err)
        return cli_fail_slot(l->call, l->v, err, slot);
    snprintf(l->updater_project, sizeof(l->updater_project), "%s", desc.project);
    err = ferry_store_set_text(s, "updater", l->updater_project);
    return err ? cli_fail_err(l->call->out, err, NULL) : CLI_EXIT_OK;
}

/* An application of the updater's project would be taken for an updater on trial. */
static int check_projects(struct life *l)
{
    char stored[33];
    const char *project = l->start.settings.project;
    if (!project && !ferry_store_text(&l->g->store.store, "project", stored, sizeof(stored)))
        project = stored;
    if (!project || strcmp(project, l->updater_project) != 0)
        return CLI_EXIT_OK;
    return cli_fail_text(l->call->out, FERRY_ERR_UPDATE_PROJECT,
                         "%s is the project of the updater itself; the application must have "
                         "another, or one could not be told from the other",
                         project);
}

static ferry_err raise_secure_version(void *ctx, uint32_t version)
{
    ((struct ferry_vdevice *)ctx)->policy.secure_version = version;
    return FERRY_OK;
}

static int save(struct life *l)
{
    const ferry_err err = ferry_vagent_save(l->g);
    if (err)
        return cli_fail_err(l->call->out, err, &(struct ferry_about){.file = l->g->rtc_path});
    return ferry_vdevice_save(l->v) ? cli_fail_device(l->call, l->v) : CLI_EXIT_OK;
}

/* Runs the updater to its restart, resting as it says. Returns false if it was stopped. */
static bool run_updater(struct life *l)
{
    struct ferry_agent *a = &l->g->agent;
    for (;;) {
        const enum ferry_agent_turn turn = ferry_agent_step(a);
        if (ferry_cancel_asked(&cli_interrupt))
            return false;
        if (turn == FERRY_AGENT_RESTART)
            return true;
        if (turn == FERRY_AGENT_ON)
            continue;
        if (cli_has(l->call, OPT_ONCE))
            return false;
        // Nobody waits for a virtual device's pauses: its clock does.
        ferry_vagent_pass(l->g, a->rest_s);
        l->g->retry.sleep_ms(NULL, l->pace_ms);
    }
}

static enum ferry_reset run_app(struct life *l, const struct ferry_app_desc *desc, int slot)
{
    char app[80], label[FERRY_LABEL_BYTES + 1];
    int outcome = l->outcome;
    const char *version;
    for (int i = 0; (version = cli_value_at(l->call, OPT_CRASHES, i)); i++)
        if (strcmp(version, desc->version) == 0)
            outcome = 1;
    l->n_starts++;
    const uint32_t seconds = outcome == 0 || outcome > 3 ? l->app_seconds : 2;
    cli_agent_say(&l->words, "%s in %s runs for %u s and ends so: %s",
                  cli_app_words(app, sizeof(app), desc), cli_label(l->v, slot, label),
                  (unsigned)seconds, outcomes[outcome]);
    ferry_vagent_pass(l->g, seconds);
    return resets[outcome];
}

/* One start of the chip. Returns CLI_EXIT_OK to go on, -1 at the end, or an exit code. */
static int one_start(struct life *l)
{
    struct ferry_boot_report r;
    struct ferry_app_desc desc = {0};
    struct ferry_vdevice *v = l->v;
    const struct ferry_boot_hooks hooks = {.raise_secure_version = raise_secure_version, .ctx = v};
    v->boot_count++;
    const ferry_err err = ferry_boot_run(&v->dev, FERRY_HOLD_NONE, &hooks, &r);
    if (err)
        return cli_fail_slot(l->call, v, err, FERRY_SLOT_NONE);
    v->dev.running = r.booted;
    if (ferry_device_desc(&v->dev, r.booted, &desc))
        desc = (struct ferry_app_desc){0};
    if (strcmp(desc.project, l->updater_project) != 0) {
        l->start.reset = run_app(l, &desc, r.booted);
        if (l->start.reset == FERRY_RESET_POWER_ON)
            ferry_vagent_power_cycle(l->g);
    } else {
        const ferry_err begun = ferry_vagent_begin(l->g, &l->start);
        if (begun)
            return cli_fail(l->call->out, &l->g->fault, NULL);
        if (!run_updater(l))
            return -1;
        l->start.reset = FERRY_RESET_SOFTWARE;
        ferry_vagent_pass(l->g, 1);
    }
    const int exit_code = save(l);
    if (exit_code)
        return exit_code;
    return l->starts_most && l->n_starts >= l->starts_most ? -1 : CLI_EXIT_OK;
}

static void put_end(struct life *l)
{
    const struct ferry_agent *a = &l->g->agent;
    cJSON *root = cli_json(l->call->out);
    cJSON_AddItemToObject(root, "log", l->words.log);
    cJSON_AddStringToObject(root, "device", l->v->path);
    cJSON_AddStringToObject(root, "id", a->credentials.join.id);
    cJSON_AddNumberToObject(root, "starts", l->n_starts);
    cJSON_AddNumberToObject(root, "wear", a->wear);
    cJSON_AddNumberToObject(root, "rest_s", a->rest_s);
    cli_json_slot(root, "running", l->v, l->v->dev.running);
    if (a->has_installed)
        cli_agent_json_release(root, "installed", l->v, &a->installed);
    if (a->has_confirmed)
        cli_agent_json_release(root, "confirmed", l->v, &a->confirmed);
    if (a->has_last_good)
        cli_agent_json_release(root, "last_good", l->v, &a->last_good);
    if (a->has_bad)
        cli_agent_json_release(root, "bad", l->v, &a->bad);
}

static int live(struct life *l)
{
    int exit_code = know_updater(l);
    if (!exit_code)
        exit_code = check_projects(l);
    if (exit_code)
        return exit_code;
    l->words = (struct cli_agent_words){l->call, l->v, cJSON_CreateArray(), &l->g->agent};
    l->start.news = cli_agent_news;
    l->start.ctx = &l->words;
    l->start.events = cli_agent_events(&l->words);
    l->start.reset = FERRY_RESET_SOFTWARE;
    if (cli_has(l->call, OPT_POWER_CYCLE) || !l->v->boot_count) {
        l->start.reset = FERRY_RESET_POWER_ON;
        ferry_vagent_power_cycle(l->g);
    }
    while (!(exit_code = one_start(l)) && !ferry_cancel_asked(&cli_interrupt))
        l->g->retry.sleep_ms(NULL, l->starts_most ? 0 : l->pace_ms);
    put_end(l);
    if (exit_code > 0)
        return exit_code;
    exit_code = save(l);
    if (exit_code)
        return exit_code;
    if (cli_has(l->call, OPT_ONCE) && !l->n_starts && !ferry_cancel_asked(&cli_interrupt))
        return cli_fail_err(l->call->out, FERRY_ERR_NO_APP, NULL);
    return cli_done(l->call->out);
}

static int run_device(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct ferry_vagent g;
    static struct life l;
    struct ferry_retry retry = {0};
    l = (struct life){.call = call, .v = &v, .g = &g};
    if (!read_args(call, &l))
        return CLI_EXIT_USAGE;
    int exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    cli_interrupt_watch();
    cli_interrupt_retry(&retry);
    if (!v.is_dir) {
        exit_code = cli_usage(call,
                              "%s is a file; an agent lives in the directory of a virtual "
                              "device, which has an RTC",
                              v.path);
    } else if (ferry_vagent_open(&g, &v.dev, v.path, &retry)) {
        exit_code = cli_fail(call->out, &g.fault, NULL);
    } else {
        exit_code = live(&l);
        ferry_vagent_close(&g);
    }
    ferry_vdevice_close(&v);
    return exit_code;
}

/* ---- many ---- */

static int run_fleet(struct cli_call *call)
{
    struct cli_fleet_args fleet = {.n_threads = 32, .slot_bytes = 256 * 1024};
    fleet.join = cli_value(call, OPT_JOIN);
    fleet.project = cli_value(call, OPT_PROJECT);
    fleet.updater = cli_value(call, OPT_APP);
    if (!cli_number(call, OPT_FLEET, 100000, &fleet.n_devices) ||
        !cli_number(call, OPT_THREADS, 1000, &fleet.n_threads) ||
        !cli_number(call, OPT_SLOT_SIZE, 16 * 1024 * 1024, &fleet.slot_bytes))
        return CLI_EXIT_USAGE;
    if (call->n_args || !fleet.join || !fleet.updater || !fleet.project || !fleet.n_devices ||
        !fleet.n_threads)
        return cli_usage(call, "a fleet has no DEVICE, but --join, --updater and --project");
    return cli_run_fleet(call, &fleet);
}

static int run(struct cli_call *call)
{
    if (cli_has(call, CLI_OPT_PORT))
        return cli_usage(call, "a real chip runs its own updater");
    if (cli_has(call, OPT_FLEET))
        return run_fleet(call);
    if (!call->n_args)
        return cli_usage(call, "which DEVICE? Or --fleet=N for many in memory");
    return run_device(call);
}

static const struct cli_example examples[] = {
    {"ferry agent dev --once", "from power-on to the application, by way of the server"},
    {"ferry agent dev", "live: restart again and again, until Ctrl-C"},
    {"ferry agent dev --starts 5 --crashes 3.0.0", "release 3.0.0 crashes whenever it runs"},
    {"ferry agent --fleet 1000 --join @join.txt --updater updater.bin --project demo",
     "a thousand devices enrol and update"},
    {0},
};

const struct cli_command cli_cmd_agent = {
    .name = "agent",
    .summary = "let a virtual device live: updater, server, application, rollback",
    .args = "[DEVICE]",
    .about = "DEVICE is the directory of a virtual device whose factory slot, else ota_0, holds "
             "the updater; `ferry enroll` has told it its server. Each start is the bootloader's "
             "decision. Where the updater comes up, it does what it would do on a chip: it judges "
             "how the application fared, proves that the bootloader rolls back, enrols, asks for a "
             "release, fetches it with resume, reports, and hands over. Where the application "
             "comes up, it runs on the device's clock for --app-seconds and ends as the options "
             "say; then the bootloader brings the updater back."
             "\n\nThe device's clock and what its RTC keeps are in DEVICE/rtc.notes.",
    .max_args = 1,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "nothing bootable, or a device of the fleet failed",
    .run = run,
};
