/* cli/cmd_reflash.c - `ferry reflash plan` and `ferry reflash run`: any region of the flash,
 * checked as a whole and journalled. What is asked for becomes a plan in reflash_make.c; here the
 * two commands differ in where they try it: plan on a copy in memory, run on the device. */
#include <stdio.h>
#include <string.h>

#include "interrupt.h"
#include "reflash_words.h"

static struct reflash_job job; // 60 KB

static int run_plan(struct cli_call *call)
{
    int exit_code = reflash_job_open(call, &job, false, true, true);
    if (!exit_code)
        cli_interrupt_watch();
    if (!exit_code)
        exit_code = reflash_make(&job);
    if (!exit_code) {
        reflash_say_plan(&job);
        exit_code = cli_done(call->out);
    }
    reflash_job_close(&job);
    return exit_code;
}

static bool changes_table(const struct ferry_plan *plan)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == FERRY_STEP_TABLE && plan->steps[i].source != FERRY_SOURCE_HELD)
            return true;
    return false;
}

/** What must stand beside the flash before the first write. From the new table on, the label of
 * what runs would name something else, so a device whose power is cut in this plan has none; and
 * where the journal is must be known to whoever opens the device then. */
static int note_beginning(struct cli_call *call)
{
    struct ferry_vdevice *v = &job.v;
    const int running = v->dev.running;
    const bool changes = changes_table(&job.r.plan);
    if (!changes && !job.args.has_journal)
        return CLI_EXIT_OK;
    if (changes)
        v->dev.running = FERRY_SLOT_NONE;
    const ferry_err err = ferry_vdevice_save(v);
    v->dev.running = running;
    return err ? cli_fail_device(call, v) : CLI_EXIT_OK;
}

static int run_run(struct cli_call *call)
{
    int exit_code = reflash_job_open(call, &job, true, false, true);
    if (!exit_code)
        cli_interrupt_watch();
    if (!exit_code)
        exit_code = reflash_make(&job);
    if (!exit_code) {
        reflash_say_plan(&job);
        cli_text(call->out, "\n");
        exit_code = note_beginning(call);
    }
    if (!exit_code)
        exit_code = reflash_begin_and_run(&job);
    reflash_job_close(&job);
    return exit_code;
}

static const struct cli_example plan_examples[] = {
    {"ferry reflash plan dev --step=bootloader=bootloader.bin",
     "a new bootloader: what it costs, and when a power cut would need a cable"},
    {"ferry reflash plan dev --step=table=new.csv --step=move@nvs=nvs",
     "another layout, NVS moved along with its content"},
    {"ferry reflash plan dump.bin migrate.json --json | jq .window_ms",
     "a plan file, for a script"},
    {0},
};

static const struct cli_example run_examples[] = {
    {"ferry reflash run dev migrate.json --allow-dangerous", "what a plan file says"},
    {"ferry reflash run dev --step=app@0x20000+1M,sha256:H=https://fw.example.com/app.bin",
     "an image from a server to an address"},
    {"ferry reflash run dev --step=data@storage=fs.bin --staging=ota_1 --backup",
     "a file system, staged in ota_1; what was there is kept for undo"},
    {"ferry reflash run dev --step=raw@0x0+0x8000=mcuboot.bin --foreign --allow-dangerous",
     "away from ESP-IDF's layout"},
    {0},
};

#define STEPS_ABOUT                                                                                \
    "\n\nA STEP is KIND[@PLACE][,WHAT...]=SOURCE. KIND is bootloader, table, app, data, raw, "     \
    "move "                                                                                        \
    "(a part of this flash, with its content) or blank (erase; no source). PLACE is a label of "   \
    "the new layout or 0xOFFSET+SIZE; bootloader and table know theirs. WHAT is sha256:HEX and "   \
    "length:N, what the content must be, and for a bootloader `resumes`: it finishes plans by "    \
    "itself. SOURCE is a file, an http, https or tcp address, - for standard input, or "           \
    "flash:PLACE, a part of this flash as it is laid out today; of a table it may be a CSV. "      \
    "PLAN is the same as a JSON file (docs/reflash.md)."

const struct cli_command cli_cmd_reflash_plan = {
    .name = "reflash plan",
    .summary = "check a plan for rewriting parts of the flash, and say what it would cost",
    .args = "DEVICE [PLAN]",
    .about = CLI_DEVICE_ABOUT
    "\n\nEverything is fetched and checked as `ferry reflash run` would, on a copy of the flash in "
    "memory: the steps in the order that keeps the device alive longest, what each one writes, the "
    "moments in which a power cut would need a cable, and what boots afterwards. Nothing is "
    "written." STEPS_ABOUT,
    .min_args = 1,
    .max_args = 2,
    .options = reflash_plan_options,
    .shared = cli_device_options,
    .examples = plan_examples,
    .exits = "refused, with the step and the reason",
    .run = run_plan,
};

const struct cli_command cli_cmd_reflash_run = {
    .name = "reflash run",
    .summary = "rewrite parts of the flash so that a power cut at any moment can be gone on from",
    .args = "DEVICE [PLAN]",
    .about = CLI_DEVICE_ABOUT
    "\n\nContents from outside are staged in a free partition and checked there. Only when the "
    "whole plan is found good it goes into the journal, one sector of the flash, and the first "
    "destination is written. From then on `ferry reflash resume` finishes it, whatever happened: "
    "every sector is read back, and what is right already is left alone." STEPS_ABOUT,
    .min_args = 1,
    .max_args = 2,
    .options = reflash_plan_options,
    .shared = cli_device_options,
    .examples = run_examples,
    .exits = "refused before anything but the staging area was changed, or interrupted and to be "
             "resumed",
    .run = run_run,
};
