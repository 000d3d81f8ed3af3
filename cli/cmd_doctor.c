/* cli/cmd_doctor.c - `ferry doctor`: what is wrong with a device and why, in order of danger, and
 * its repair: planned on a copy, shown, confirmed, and taken back by --undo.
 * The examination is host/doctor.h's, the repairs host/doctor_repair.h's; here is who asks whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device_args.h"
#include "doctor_print.h"
#include "doctor_undo.h"
#include "read_file.h"
#include "shell_words.h"

enum { OPT_REPAIR = CLI_OPT_OWN, OPT_YES, OPT_DRY_RUN, OPT_UNDO, OPT_DOWNGRADE, OPT_APP };

#define APP_BYTES (128u << 20) // the largest flash there is

/** A visit; one at a time, and too large for the stack. */
struct visit {
    struct cli_call *call;
    struct ferry_vdevice v;
    bool is_open;
    struct ferry_doctor doc;
    struct ferry_app_file app;
    uint8_t *app_bytes;
    size_t n_app_bytes;
    struct doctor_offer offers[FERRY_FINDING_MAX];
    struct ferry_cure plan;
    bool declined[FERRY_REPAIR_DOWNGRADE + 1];
    unsigned n_done;
    int goes_back_to; // the slot of --downgrade; FERRY_SLOT_NONE: it cannot
    char undo_path[FERRY_VDEVICE_PATH_BYTES + 16];
};

static bool is_dry(const struct visit *s)
{
    return cli_has(s->call, OPT_DRY_RUN);
}

static bool wants_change(const struct visit *s)
{
    return cli_has(s->call, OPT_REPAIR) || cli_has(s->call, OPT_UNDO) ||
           cli_has(s->call, OPT_DOWNGRADE);
}

static bool can_ask(const struct visit *s)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO) && !s->call->out->json;
}

static int check_usage(const struct visit *s)
{
    const struct cli_call *call = s->call;
    const int n_wishes =
        cli_has(call, OPT_REPAIR) + cli_has(call, OPT_UNDO) + cli_has(call, OPT_DOWNGRADE);
    if (n_wishes > 1)
        return cli_usage(call, "--repair, --downgrade and --undo are for one at a time");
    if (!n_wishes && (cli_has(call, OPT_YES) || is_dry(s)))
        return cli_usage(call, "--%s goes with --repair, --downgrade or --undo",
                         is_dry(s) ? "dry-run" : "yes");
    if (n_wishes && !cli_has(call, OPT_YES) && !is_dry(s) && !can_ask(s))
        return cli_usage(call, "there is no terminal to ask on: say --yes, or --dry-run to see "
                               "what would be written");
    return CLI_EXIT_OK;
}

/** Asks before a write; a --dry-run answers no by itself. */
static bool agrees(const struct visit *s)
{
    char line[64];
    if (is_dry(s))
        return false;
    if (cli_has(s->call, OPT_YES))
        return true;
    cli_note(s->call->out, "  Do it? [y/N] ");
    return fgets(line, sizeof(line), stdin) && (line[0] == 'y' || line[0] == 'Y');
}

static int open_device(struct visit *s)
{
    if (s->is_open)
        ferry_vdevice_close(&s->v);
    const int exit_code = cli_open_device(s->call, &s->v, wants_change(s) && !is_dry(s), false);
    s->is_open = !exit_code;
    if (s->is_open)
        ferry_undo_path(s->undo_path, sizeof(s->undo_path), &s->v);
    return exit_code;
}

/** The app of --app; its bytes are kept for as long as the examination. */
static int read_app(struct visit *s)
{
    int os_errno = 0;
    const char *path = cli_value(s->call, OPT_APP);
    if (!path)
        return CLI_EXIT_OK;
    const ferry_err err =
        ferry_read_file(path, APP_BYTES, &s->app_bytes, &s->n_app_bytes, &os_errno);
    return err ? cli_fail_err(s->call->out, err,
                              &(struct ferry_about){.file = path,
                                                    .detail = os_errno ? strerror(os_errno) : NULL})
               : CLI_EXIT_OK;
}

/** Examines, and tries each repair that could help on a copy, once. Returns CLI_EXIT_OK, or
 * complained where the device could not be read. */
static int examine(struct visit *s)
{
    char path[FERRY_VDEVICE_PATH_BYTES + 16];
    bool tried[FERRY_REPAIR_DOWNGRADE + 1] = {false};
    struct doctor_offer found[FERRY_REPAIR_DOWNGRADE + 1] = {{0}};
    snprintf(path, sizeof(path), s->v.is_dir ? "%s/update.resume" : "%s.resume", s->v.path);
    s->doc.update_left = !s->v.real && access(path, F_OK) == 0;
    s->doc.app = s->app_bytes ? &s->app : NULL;
    if (s->app_bytes)
        ferry_app_file_look(&s->app, cli_value(s->call, OPT_APP), s->app_bytes, s->n_app_bytes,
                            &s->v.policy);
    ferry_doctor_examine(&s->doc, &s->v);
    for (unsigned i = 0; i < s->doc.n; i++) {
        const enum ferry_repair r = s->doc.findings[i].repair;
        if (!tried[r] && r != FERRY_REPAIR_NONE) {
            found[r].repair = r;
            found[r].ok = ferry_cure_plan(&s->plan, &s->v, r) == FERRY_OK;
            found[r].fault = s->plan.fault;
        }
        tried[r] = true;
        s->offers[i] = found[r];
    }
    const bool can = !s->v.table_err && !ferry_cure_plan(&s->plan, &s->v, FERRY_REPAIR_DOWNGRADE);
    s->goes_back_to = can ? s->plan.boots_after : FERRY_SLOT_NONE;
    return cli_check_read(s->call, &s->v);
}

/** The app that --downgrade would go back to, if there is one. */
static void say_way_back(const struct visit *s)
{
    char label[FERRY_LABEL_BYTES + 1], app[80] = "an app without descriptor";
    const struct ferry_slot_facts *slot = ferry_facts_slot(&s->doc.facts, s->goes_back_to);
    cli_json_slot(cli_json(s->call->out), "downgrade", &s->v,
                  slot ? s->goes_back_to : FERRY_SLOT_NONE);
    if (!slot)
        return;
    if (slot->has_desc)
        cli_app_words(app, sizeof(app), &slot->desc);
    cli_text(s->call->out, "%s still holds %s: --downgrade goes back to it without a download.\n",
             cli_label(&s->v, s->goes_back_to, label), app);
}

/** Fails for a write; the device or the undo file says why. */
static int fail_write(struct visit *s, ferry_err err, int os_errno)
{
    const bool is_file = err <= FERRY_ERR_FILE_OPEN;
    const int reason = os_errno ? os_errno : s->v.file.os_errno;
    return cli_fail_err(s->call->out, err,
                        &(struct ferry_about){.file = is_file ? s->undo_path : s->v.flash_path,
                                              .detail = reason ? strerror(reason) : NULL});
}

/** Shows the plan, asks, keeps the undo, and does it. */
static int carry_out(struct visit *s, bool *done)
{
    int os_errno = 0;
    cJSON *list = cJSON_GetObjectItem(cli_json(s->call->out), "repairs");
    cJSON *item = cJSON_CreateObject();
    *done = false;
    if (!list)
        list = cJSON_AddArrayToObject(cli_json(s->call->out), "repairs");
    cJSON_AddItemToArray(list, item);
    doctor_print_plan(s->call, &s->doc, &s->plan, item);
    const bool yes = agrees(s);
    cJSON_AddBoolToObject(item, "done", yes);
    if (!yes) {
        cli_text(s->call->out, "  %s\n", is_dry(s) ? "Not done: this is a dry run." : "Not done.");
        return CLI_EXIT_OK;
    }
    ferry_err err = ferry_undo_keep(s->undo_path, &s->plan, &s->v,
                                    doctor_repair_words(s->plan.repair), &os_errno);
    if (!err)
        err = ferry_cure_apply(&s->plan, &s->v);
    if (!err)
        err = ferry_undo_close(s->undo_path, &os_errno);
    if (err)
        return fail_write(s, err, os_errno);
    *done = true;
    s->n_done++;
    cli_text(s->call->out, "  Done. What was there is kept in %s.\n", s->undo_path);
    return CLI_EXIT_OK;
}

/** The first repair that can be made and was not declined; NONE: no more. */
static enum ferry_repair next_repair(const struct visit *s)
{
    for (unsigned i = 0; i < s->doc.n; i++)
        if (s->offers[i].ok && !s->declined[s->offers[i].repair])
            return s->offers[i].repair;
    return FERRY_REPAIR_NONE;
}

/** One repair after the other; each is looked for anew, since one may make the next possible. */
static int repair_all(struct visit *s)
{
    for (enum ferry_repair r; (r = next_repair(s)) != FERRY_REPAIR_NONE;) {
        bool done;
        s->declined[r] = true; // also what is done is not done twice
        if (ferry_cure_plan(&s->plan, &s->v, r))
            continue;
        int exit_code = carry_out(s, &done);
        if (!exit_code && done)
            exit_code = open_device(s);
        if (!exit_code && done)
            exit_code = examine(s);
        if (exit_code)
            return exit_code;
    }
    return CLI_EXIT_OK;
}

static int conclude(struct visit *s)
{
    struct cli_output *out = s->call->out;
    struct doctor_words w;
    cJSON *left = cJSON_AddArrayToObject(cli_json(out), "remaining");
    unsigned n_offers = 0;
    for (unsigned i = 0; i < s->doc.n; i++) {
        cJSON_AddItemToArray(left, cJSON_CreateString(ferry_finding_name(s->doc.findings[i].id)));
        n_offers += s->offers[i].ok;
    }
    if (s->n_done) {
        cli_text(out, "\n%s%u repair%s done, %u finding%s left.%s\n", cli_colour(out, CLI_BOLD),
                 s->n_done, s->n_done == 1 ? "" : "s", s->doc.n, s->doc.n == 1 ? "" : "s",
                 cli_colour(out, CLI_PLAIN));
        for (unsigned i = 0; i < s->doc.n; i++) {
            doctor_words(&w, &s->doc, &s->doc.findings[i]);
            cli_text(out, "  %s: %s\n", ferry_danger_words(s->doc.findings[i].danger), w.what);
        }
    }
    cli_text(out, "\n");
    say_way_back(s);
    if (!s->doc.n) {
        cli_text(out, "%s%s%s\n", cli_colour(out, CLI_GOOD),
                 s->n_done ? "Nothing is wrong any more." : "Nothing is wrong.",
                 cli_colour(out, CLI_PLAIN));
        return cli_done(out);
    }
    if (n_offers && !wants_change(s))
        cli_text(out, "%u of them can be repaired: ferry doctor %s --repair\n", n_offers,
                 cli_shell_device());
    return cli_fail(out, &(struct ferry_fault){.err = FERRY_ERR_UNSOUND, .value = s->doc.n},
                    &(struct ferry_about){.file = s->v.path});
}

static int downgrade(struct visit *s)
{
    bool done;
    const ferry_err err = ferry_cure_plan(&s->plan, &s->v, FERRY_REPAIR_DOWNGRADE);
    if (err == FERRY_ERR_STATE)
        return cli_fail_text(s->call->out, err,
                             "nothing to do: the previous app is selected already");
    if (err)
        return cli_fail_slot(s->call, &s->v, err, FERRY_SLOT_NONE);
    int exit_code = carry_out(s, &done);
    if (!exit_code && done)
        cli_say_next(s->call, &s->v);
    return exit_code ? exit_code : cli_done(s->call->out);
}

static void show_undo(struct visit *s, const struct ferry_undo *u)
{
    struct cli_output *out = s->call->out;
    char when[32] = "", title[FERRY_UNDO_TITLE_BYTES];
    const time_t t = (time_t)u->made_s;
    struct tm tm;
    if (localtime_r(&t, &tm))
        strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
    cli_printable(title, sizeof(title), u->title);
    cJSON_AddStringToObject(cli_json(out), "undo", title);
    cli_text(out, "%sUndo: %s%s\n  made %s%s\n", cli_colour(out, CLI_BOLD), title,
             cli_colour(out, CLI_PLAIN), when, u->is_open ? "; it never came to its end" : "");
    cJSON *list = cJSON_AddArrayToObject(cli_json(out), "sectors");
    for (unsigned i = 0; i < u->n; i++) {
        cli_text(out, "  0x%06x  4,096 bytes as they were\n", (unsigned)u->sectors[i].off_bytes);
        cJSON_AddItemToArray(list, cJSON_CreateNumber(u->sectors[i].off_bytes));
    }
}

static int undo(struct visit *s)
{
    static struct ferry_undo u;
    int os_errno = 0;
    uint32_t off = 0;
    struct cli_output *out = s->call->out;
    ferry_err err = ferry_undo_read(s->undo_path, &u, &os_errno);
    if (err == FERRY_ERR_NOT_FOUND)
        return cli_fail_text(out, err, "there is nothing to undo: no repair is kept in %s",
                             s->undo_path);
    if (err)
        return fail_write(s, err, os_errno);
    show_undo(s, &u);
    if (!ferry_undo_fits(&u, &s->v, &off))
        return cli_fail_text(out, FERRY_ERR_STATE,
                             "the flash was written to at 0x%x since that repair; its undo would "
                             "take that away too",
                             (unsigned)off);
    if (!agrees(s)) {
        cli_text(out, "  Not done.\n");
        return cli_done(out);
    }
    err = ferry_undo_apply(s->undo_path, &u, &s->v, &os_errno);
    if (err)
        return fail_write(s, err, os_errno);
    cJSON_AddNumberToObject(cli_json(out), "left", u.depth - 1);
    cli_text(out, "  Done: byte for byte as before. %u repair%s can still be undone.\n",
             u.depth - 1, u.depth == 2 ? "" : "s");
    return cli_done(out);
}

static int attend(struct visit *s)
{
    int exit_code;
    if (cli_has(s->call, OPT_UNDO))
        return undo(s);
    if (cli_has(s->call, OPT_DOWNGRADE)) {
        if (ferry_vdevice_need_table(&s->v))
            return cli_fail_device(s->call, &s->v);
        exit_code = examine(s);
        return exit_code ? exit_code : downgrade(s);
    }
    exit_code = examine(s);
    if (exit_code)
        return exit_code;
    doctor_print(s->call, &s->doc, s->offers);
    exit_code = cli_has(s->call, OPT_REPAIR) ? repair_all(s) : CLI_EXIT_OK;
    return exit_code ? exit_code : conclude(s);
}

static int run(struct cli_call *call)
{
    static struct visit s;
    s.call = call;
    int exit_code = check_usage(&s);
    if (!exit_code)
        exit_code = read_app(&s);
    if (!exit_code)
        exit_code = open_device(&s);
    if (!exit_code)
        exit_code = attend(&s);
    if (s.is_open)
        ferry_vdevice_close(&s.v);
    free(s.app_bytes);
    return exit_code;
}

static const struct argp_option options[] = {
    {"app", OPT_APP, "FILE", 0, "Examine this file too: could it be installed?", 1},
    {"repair", OPT_REPAIR, 0, 0,
     "Repair what can be repaired safely, each step shown and confirmed", 2},
    {"downgrade", OPT_DOWNGRADE, 0, 0,
     "Go back, without a download, to the app that still lies in another slot", 2},
    {"undo", OPT_UNDO, 0, 0, "Take the last repair back, byte for byte", 2},
    {"yes", OPT_YES, 0, 0, "Do it without asking", 3},
    {"dry-run", OPT_DRY_RUN, 0, 0, "Show what would be written, and write nothing", 3},
    {0},
};

static const struct cli_example examples[] = {
    {"ferry doctor dump.bin", "what is wrong, and what to do about it"},
    {"ferry doctor dump.bin --repair", "the same, and repair it step by step"},
    {"ferry doctor dump.bin --repair --dry-run", "what the repair would write"},
    {"ferry doctor dump.bin --undo", "take the last repair back"},
    {"ferry doctor dev --app app.bin", "could this app be installed?"},
    {0},
};

const struct cli_command cli_cmd_doctor = {
    .name = "doctor",
    .summary = "find out what is wrong with a device, and repair it",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT
    "\n"
    "Findings stand in order of danger. A repair is tried on a copy first: what boots must boot "
    "at every point at which it could be cut, or it is not offered. What it overwrites is kept "
    "beside the device, in FILE.undo or DIR/doctor.undo; for a chip in KIND-MAC.undo, in the "
    "current folder. A real chip's bootloader and table are not repaired in place.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "something is wrong and not repaired",
    .run = run,
};
