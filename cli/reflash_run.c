/* cli/reflash_run.c - carrying a plan out, with progress, and what follows for the device. */
#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "interrupt.h"
#include "progress.h"
#include "reflash_words.h"
#include "shell_words.h"

/** A step is announced when its turn comes. */
static void announce(struct reflash_job *job, struct cli_progress *p, int *told)
{
    const struct ferry_reflash *r = &job->r;
    char words[80];
    for (; *told < r->step && *told + 1 < r->plan.n_steps; (*told)++) {
        const int i = *told + 1;
        cli_progress_wipe(p);
        cli_note(job->call->out, "Step %d of %d: %s\n", i + 1, r->plan.n_steps,
                 reflash_step_words(job, &r->plan.steps[i], words, sizeof(words)));
    }
}

static int stopped(struct reflash_job *job, struct cli_progress *p, ferry_err err)
{
    struct cli_output *out = job->call->out;
    cli_progress_break(p);
    const int exit_code =
        err == FERRY_ERR_CANCELLED ? cli_fail_err(out, err, NULL) : reflash_fail(job, err);
    cJSON_AddBoolToObject(cli_json(out), "can_resume", true);
    cli_note(out, "The plan waits in the journal. Go on with it: ferry reflash resume %s\n",
             cli_shell_device());
    return exit_code;
}

int reflash_carry_out(struct reflash_job *job)
{
    struct cli_progress p;
    struct ferry_reflash *r = &job->r;
    int told = r->step - 1;
    ferry_err err;
    cli_interrupt_watch();
    cli_progress_begin(&p, job->call->out, "Writing", r->done_bytes, r->total_bytes);
    do {
        announce(job, &p, &told);
        if (ferry_cancel_asked(&cli_interrupt))
            return stopped(job, &p, FERRY_ERR_CANCELLED);
        err = ferry_reflash_run(r);
        cli_progress_at(&p, r->done_bytes, r->total_bytes);
    } while (err == FERRY_AGAIN);
    if (err)
        return stopped(job, &p, err);
    cli_progress_end(&p);
    cJSON_AddNumberToObject(cli_json(job->call->out), "sectors_written", r->n_written);
    return CLI_EXIT_OK;
}

/** The table's new place, if its bootloader step is done; device.json says it from now on. */
static void follow_table(struct reflash_job *job)
{
    struct ferry_vdevice *v = &job->v;
    for (int i = 0; i < job->r.plan.n_steps; i++)
        if (job->r.plan.steps[i].kind == FERRY_STEP_TABLE)
            v->table_off_bytes = job->r.plan.steps[i].dest_off_bytes;
}

int reflash_settle(struct reflash_job *job)
{
    struct ferry_vdevice *v = &job->v;
    const struct ferry_span ran = job->cfg.running;
    follow_table(job);
    const bool has_table = ferry_vdevice_reload(v) == FERRY_OK;
    // The app that ran goes on running, if it is one of the new layout's; another boots next time.
    const int slot = has_table && ran.size_bytes ? ferry_device_slot_at(&v->dev, ran.off_bytes)
                                                 : FERRY_SLOT_NONE;
    v->dev.running =
        slot != FERRY_SLOT_NONE && ferry_device_span(&v->dev, slot).off_bytes == ran.off_bytes
            ? slot
            : FERRY_SLOT_NONE;
    const ferry_err err = ferry_vdevice_save(v);
    if (err)
        return cli_fail_device(job->call, v);
    if (has_table)
        cli_say_next(job->call, v);
    return CLI_EXIT_OK;
}

int reflash_begin_and_run(struct reflash_job *j)
{
    struct cli_output *out = j->call->out;
    uint8_t block[FERRY_PLAN_SIGNATURE_BYTES];
    const uint8_t *signature;
    int exit_code = reflash_sign(j, block, &signature);
    if (exit_code)
        return exit_code;
    const ferry_err err = ferry_reflash_begin(&j->r, signature);
    if (err)
        return reflash_fail(j, err);
    reflash_drop_kept(j);
    if (j->report.n_sectors)
        exit_code = reflash_carry_out(j);
    if (exit_code)
        return exit_code;
    if (j->report.n_sectors)
        cli_text(out, "%sDone:%s every sector was read back, every content has its SHA-256.\n",
                 cli_colour(out, CLI_GOOD), cli_colour(out, CLI_PLAIN));
    else
        cli_text(out, "%sNothing was written:%s the flash holds all of it already.\n",
                 cli_colour(out, CLI_GOOD), cli_colour(out, CLI_PLAIN));
    exit_code = reflash_settle(j);
    return exit_code ? exit_code : cli_done(out);
}
