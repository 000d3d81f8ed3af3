/* cli/cmd_reflash_resume.c - `ferry reflash resume`, `undo` and `status`: what the journal holds,
 * finished, taken back or shown. */
#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "interrupt.h"
#include "reflash_words.h"

static struct reflash_job job; // 60 KB

/* ---- resume ---- */

/** Who calls ferry_reflash_resume: the app that the bootloader starts now. */
static void take_who_boots(struct cli_call *call)
{
    struct ferry_boot_preview p;
    char label[FERRY_LABEL_BYTES + 1];
    struct ferry_vdevice *v = &job.v;
    job.r.cfg.running = job.cfg.running = (struct ferry_span){0, 0};
    if (job.args.bootloader_resumes) {
        cli_note(call->out, "The bootloader goes on with the plan\n");
        return;
    }
    p.booted = FERRY_SLOT_NONE;
    if (!v->table_err)
        ferry_boot_preview(&v->dev, &p);
    if (p.booted == FERRY_SLOT_NONE) {
        cli_warn(
            call->out,
            "nothing boots at the moment: a chip in this state needs a cable; going on as one");
        return;
    }
    job.r.cfg.running = job.cfg.running = ferry_device_span(&v->dev, p.booted);
    cli_note(call->out, "%s boots and goes on with the plan\n", cli_label(v, p.booted, label));
}

/** Nothing waits: at start-up that is how it should be. */
static int nothing_waits(struct cli_call *call)
{
    const uint8_t state = job.r.journal.state;
    cJSON_AddStringToObject(cli_json(call->out), "state", reflash_state_name(state));
    cli_text(call->out, "Nothing to resume: the journal at 0x%x holds %s.\n",
             (unsigned)job.cfg.journal.off_bytes,
             state == FERRY_JOURNAL_NONE       ? "no plan"
             : state == FERRY_JOURNAL_FINISHED ? "a plan that is finished"
                                               : "a plan that was given up");
    // The power may have gone between the plan's last mark and the notes beside the flash.
    const int exit_code = state == FERRY_JOURNAL_FINISHED ? reflash_settle(&job) : CLI_EXIT_OK;
    return exit_code ? exit_code : cli_done(call->out);
}

static int resume(struct cli_call *call)
{
    if (job.r.journal.state != FERRY_JOURNAL_UNFINISHED)
        return nothing_waits(call);
    take_who_boots(call);
    cJSON_AddNumberToObject(cli_json(call->out), "went_on_at", job.r.done_bytes);
    int exit_code = reflash_carry_out(&job);
    if (exit_code)
        return exit_code;
    cJSON_AddStringToObject(cli_json(call->out), "state", "finished");
    cli_text(call->out, "%sDone:%s the plan is finished.\n", cli_colour(call->out, CLI_GOOD),
             cli_colour(call->out, CLI_PLAIN));
    exit_code = reflash_settle(&job);
    return exit_code ? exit_code : cli_done(call->out);
}

static int run_resume(struct cli_call *call)
{
    int exit_code = reflash_job_open(call, &job, true, false, true);
    if (!exit_code)
        exit_code = resume(call);
    reflash_job_close(&job);
    return exit_code;
}

/* ---- undo ---- */

static bool has_backups(const struct ferry_plan *plan)
{
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind == FERRY_STEP_BACKUP)
            return true;
    return false;
}

/** An unfinished plan is given up first, if what boots was not touched yet. */
static int abandon(struct cli_call *call, bool *is_all)
{
    char words[80];
    *is_all = false;
    if (job.r.journal.state != FERRY_JOURNAL_UNFINISHED)
        return CLI_EXIT_OK;
    const bool keeps = has_backups(&job.r.plan);
    const uint32_t done = job.r.done_bytes;
    const ferry_err err = ferry_reflash_abandon(&job.r);
    if (err == FERRY_ERR_REFLASH_BEGUN)
        return cli_fail_text(
            call->out, err,
            "too late: step %d (%s) was begun, so the plan can only be finished: ferry reflash "
            "resume %s",
            job.r.step + 1,
            reflash_step_words(&job, &job.r.plan.steps[job.r.step], words, sizeof(words)),
            job.v.path);
    if (err)
        return reflash_fail(&job, err);
    job.r.journal.state = FERRY_JOURNAL_ABANDONED;
    cli_text(call->out, "The plan was given up after %s bytes.\n", cli_thousands(done));
    *is_all = !keeps;
    if (*is_all && done)
        cli_text(call->out, "It kept no backup: what it has written stays.\n");
    return CLI_EXIT_OK;
}

static int undo(struct cli_call *call)
{
    bool is_all;
    int exit_code = abandon(call, &is_all);
    if (exit_code)
        return exit_code;
    if (is_all)
        return cli_done(call->out);
    ferry_err err = ferry_reflash_undo(&job.r);
    // What was stored in NVS since belongs to the layout that goes.
    if (!err)
        err = ferry_reflash_guard(&job.r, &job.site, &job.bench.work);
    if (!err)
        err = ferry_reflash_check(&job.r, &job.site, reflash_flags(&job) | FERRY_REFLASH_DROP_DATA,
                                  &job.bench, &job.report);
    if (!err || reflash_is_danger(err)) {
        reflash_say_plan(&job);
        cli_text(call->out, "\n");
    }
    return err ? reflash_fail(&job, err) : reflash_begin_and_run(&job);
}

static int run_undo(struct cli_call *call)
{
    int exit_code = reflash_job_open(call, &job, true, false, true);
    if (!exit_code)
        exit_code = undo(call);
    reflash_job_close(&job);
    return exit_code;
}

/* ---- status ---- */

static int run_status(struct cli_call *call)
{
    int exit_code = reflash_job_open(call, &job, false, false, false);
    if (!exit_code) {
        reflash_say_status(&job);
        exit_code = cli_done(call->out);
    }
    reflash_job_close(&job);
    return exit_code;
}

static const struct cli_example resume_examples[] = {
    {"ferry reflash resume dev", "what the app does first thing when the power is back"},
    {"ferry reflash resume dev --resumes=bootloader", "what a bootloader of ferry does"},
    {0},
};

static const struct cli_example undo_examples[] = {
    {"ferry reflash undo dev", "give an unfinished plan up, and bring back what it overwrote"},
    {"ferry reflash undo dev --allow-dangerous", "bring back the old bootloader and table too"},
    {0},
};

static const struct cli_example status_examples[] = {
    {"ferry reflash status dev", "which steps are done"},
    {"ferry reflash status dump.bin --json | jq -r .state",
     "none, unfinished, finished, abandoned"},
    {0},
};

const struct cli_command cli_cmd_reflash_resume = {
    .name = "reflash resume",
    .summary = "finish a plan that was interrupted",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT
    "\n\nGoes on where the journal says. Nothing is fetched: all contents are in flash by then. On "
    "a chip this is ferry_reflash_resume(), which the app (or a bootloader that can) calls at "
    "every "
    "start; so `ferry device boot` alone does not do it. If nothing waits, nothing happens.",
    .min_args = 1,
    .max_args = 1,
    .options = reflash_resume_options,
    .shared = cli_device_options,
    .examples = resume_examples,
    .exits = "it failed or was interrupted again, and can be resumed",
    .run = run_resume,
};

const struct cli_command cli_cmd_reflash_undo = {
    .name = "reflash undo",
    .summary = "give a plan up, and bring back what it overwrote",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT
    "\n\nAn unfinished plan can be given up until its first step that decides about booting. What "
    "was overwritten comes back if the plan was made with --backup; that is a plan like any other, "
    "with a journal of its own.",
    .min_args = 1,
    .max_args = 1,
    .options = reflash_undo_options,
    .shared = cli_device_options,
    .examples = undo_examples,
    .exits = "there is nothing to undo, it is too late, or it was refused",
    .run = run_undo,
};

const struct cli_command cli_cmd_reflash_status = {
    .name = "reflash status",
    .summary = "show which plan the journal holds and how far it is",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT "\nNothing is written.",
    .min_args = 1,
    .max_args = 1,
    .options = reflash_status_options,
    .shared = cli_device_options,
    .examples = status_examples,
    .run = run_status,
};
