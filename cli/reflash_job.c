/* cli/reflash_job.c - opening a reflash, and telling why one was refused. */
#include "reflash_job.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "ferry/bytes.h"
#include "reflash_waiting.h"

void reflash_read_rows(const struct ferry_flash *flash, uint32_t table_off_bytes,
                       struct reflash_rows *out)
{
    struct ferry_table t;
    out->n = 0;
    if (ferry_table_open(&t, flash, table_off_bytes, NULL))
        return;
    while (out->n < t.n_partitions && !ferry_table_get(&t, out->n, &out->rows[out->n]))
        out->n++;
}

/** The app whose code runs; a bootloader that resumes runs before any of them. */
static struct ferry_span running_span(const struct reflash_job *job)
{
    const struct ferry_device *d = &job->v.dev;
    if (job->args.bootloader_resumes || job->v.table_err || d->running == FERRY_SLOT_NONE)
        return (struct ferry_span){0, 0};
    return ferry_device_span(d, d->running);
}

static void set_up(struct reflash_job *job, const struct ferry_flash *flash, bool with_gate)
{
    struct ferry_vdevice *v = &job->v;
    const struct reflash_args *a = &job->args;
    if (a->has_journal) {
        v->has_journal = true;
        v->journal_off_bytes = a->journal_off_bytes;
    }
    job->cfg = (struct ferry_reflash_config){
        .flash = flash,
        .journal = ferry_vdevice_journal(v),
        .running = running_span(job),
        .work = job->work,
        .work_bytes = sizeof(job->work),
    };
    job->cfg.journal.flash = flash;
    if (v->trust.n_keys && with_gate) {
        ferry_signed_plan_gate_init(&job->gate, &v->trust);
        job->cfg.gate = &job->gate.gate;
    }
    job->site = (struct ferry_reflash_site){
        .policy = &v->policy,
        .table_off_bytes = v->table_off_bytes,
        .new_table_off_bytes = a->wishes.new_table_off_bytes,
        .recovery_off_bytes = a->recovery_off_bytes,
        .bootloader_resumes = a->bootloader_resumes,
    };
    reflash_read_rows(flash, v->table_off_bytes, &job->today);
    job->after = job->today;
}

int reflash_job_open(const struct cli_call *call, struct reflash_job *job, bool writable,
                     bool trial, bool with_gate)
{
    memset(job, 0, sizeof(*job));
    job->call = call;
    int exit_code = reflash_read_args(call, &job->args);
    if (!exit_code)
        exit_code = cli_open_device(call, &job->v, writable, false);
    job->is_open = !exit_code;
    if (exit_code)
        return exit_code;
    const struct ferry_flash *flash = &job->v.file.flash;
    job->is_trial = trial;
    if (trial) {
        const ferry_err err = ferry_reflash_trial_open(&job->trial, flash);
        if (err)
            return cli_fail_err(call->out, err, NULL);
        flash = &job->trial.flash;
    }
    set_up(job, flash, with_gate);
    const ferry_err err = ferry_reflash_open(&job->r, &job->cfg);
    return err ? reflash_fail(job, err) : CLI_EXIT_OK;
}

void reflash_job_close(struct reflash_job *job)
{
    ferry_reflash_trial_close(&job->trial);
    if (job->is_open)
        ferry_vdevice_close(&job->v);
    reflash_args_free(&job->args);
}

const struct reflash_goal *reflash_goal_of(const struct reflash_job *job,
                                           const struct ferry_step *step)
{
    for (unsigned i = 0; i < job->n_goals && step->kind != FERRY_STEP_BACKUP; i++)
        if (job->goals[i].step.dest_off_bytes == step->dest_off_bytes)
            return &job->goals[i];
    return NULL;
}

const char *reflash_kind_name(const struct ferry_step *step)
{
    switch (step->kind) {
    case FERRY_STEP_DATA:
        return step->source == FERRY_SOURCE_BLANK ? "blank" : "data";
    case FERRY_STEP_APP:
        return "app";
    case FERRY_STEP_TABLE:
        return "table";
    case FERRY_STEP_BOOTLOADER:
        return "bootloader";
    case FERRY_STEP_BACKUP:
        return "backup";
    default:
        return "raw";
    }
}

const char *reflash_label_at(const struct reflash_rows *rows, uint32_t off_bytes)
{
    for (unsigned i = 0; i < rows->n; i++)
        if (rows->rows[i].off_bytes == off_bytes)
            return rows->rows[i].label;
    return "";
}

uint32_t reflash_flags(const struct reflash_job *job)
{
    return (job->args.allow_dangerous ? FERRY_REFLASH_DANGEROUS : 0) |
           (job->args.wishes.foreign ? FERRY_REFLASH_FOREIGN : 0) |
           (job->args.wishes.drop_nvs ? FERRY_REFLASH_DROP_DATA : 0);
}

/** What the user can do about a refusal; NULL: nothing that is known here. */
static const char *hint_of(const struct reflash_job *job, ferry_err err)
{
    switch (err) {
    case FERRY_ERR_FLASH_PROTECTED:
    case FERRY_ERR_REFLASH_WINDOW:
        return "--allow-dangerous permits it";
    case FERRY_ERR_REFLASH_JOURNAL:
        return "--journal-at names another sector; it lies outside of every partition, the old "
               "and the new";
    case FERRY_ERR_REFLASH_LOST:
        return "bring it along (--step=move@nvs=nvs), or give it up with --drop-nvs";
    case FERRY_ERR_REFLASH_STAGING:
        return job->v.dev.running == FERRY_SLOT_NONE
                   ? "while it is not known which app runs, --staging must name the partition"
                   : "--staging names another partition or a free range";
    case FERRY_ERR_REFLASH_FULL:
        return "--staging or --backup names a larger place";
    case FERRY_ERR_REFLASH_UNFINISHED:
        return "ferry reflash resume finishes it, ferry reflash undo gives it up";
    case FERRY_ERR_REFLASH_RUNNING:
        return "update into another slot and boot that first; or have a bootloader that resumes "
               "carry the plan out (--resumes=bootloader)";
    case FERRY_ERR_NO_BOOT:
        return "--foreign is for plans that leave ESP-IDF's layout";
    case FERRY_ERR_SIGNATURE_NONE:
        return "this device trusts keys: the plan must be signed with --sign-key";
    default:
        return NULL;
    }
}

/** Says it, with the step it belongs to, and what could be done. */
static int complain(struct reflash_job *job, const struct ferry_fault *fault, const char *step)
{
    struct cli_output *out = job->call->out;
    char detail[160], label[48];
    const bool names_flash = fault->err >= FERRY_ERR_FLASH_FULL && fault->err <= FERRY_ERR_FLASH_IO;
    const char *system =
        names_flash && job->v.file.os_errno ? strerror(job->v.file.os_errno) : NULL;
    snprintf(detail, sizeof(detail), "%s%s%s%s", system ? system : "", system && step ? ", " : "",
             step ? "in the step " : "", step ? step : "");
    snprintf(label, sizeof(label), "the content of %.30s", step ? step : "");
    const struct ferry_about about = {
        .file = names_flash || !step ? job->v.flash_path
                : fault->err == FERRY_ERR_SIGNATURE_NONE || fault->err == FERRY_ERR_SIGNATURE_KEY ||
                        fault->err == FERRY_ERR_SIGNATURE_BAD
                    ? "the plan"
                    : label,
        .detail = detail[0] ? detail : NULL,
    };
    const int exit_code =
        fault->err == FERRY_ERR_FLASH_PROTECTED && step
            ? cli_fail_text(out, fault->err,
                            "the step %s writes what the device boots by: its bootloader, its "
                            "partition table, otadata or the app that boots",
                            step)
            : cli_fail(out, fault, &about);
    const char *hint = hint_of(job, fault->err);
    cJSON *root = cli_json(out);
    if (step)
        cJSON_AddStringToObject(root, "step", step);
    if (hint) {
        cJSON_AddStringToObject(root, "hint", hint);
        cli_note(out, "%s\n", hint);
    }
    return exit_code;
}

int reflash_fail(struct reflash_job *job, ferry_err err)
{
    struct ferry_fault fault = job->r.fault;
    const int at = job->r.step;
    char words[REFLASH_WISH_BYTES] = "";
    if (fault.err != err)
        fault = (struct ferry_fault){.err = err};
    // A step that was refused while it was added stands behind those that are in.
    if (at >= 0 && at < (int)FERRY_PLAN_STEPS && job->r.plan.steps[at].kind) {
        const struct ferry_step *s = &job->r.plan.steps[at];
        const struct reflash_goal *goal = reflash_goal_of(job, s);
        if (goal)
            snprintf(words, sizeof(words), "%s", goal->wish->words);
        else
            snprintf(words, sizeof(words), "%s@0x%x", reflash_kind_name(s),
                     (unsigned)s->dest_off_bytes);
    }
    return complain(job, &fault, *words ? words : NULL);
}

int reflash_fail_stage(struct reflash_job *job, const struct reflash_wish *wish, ferry_err err)
{
    struct ferry_fault fault = job->stage.fault;
    if (fault.err != err)
        fault = (struct ferry_fault){.err = err};
    return complain(job, &fault, wish ? wish->words : NULL);
}

static void digest_of(enum ferry_scheme scheme, const uint8_t *bytes, uint32_t n,
                      uint8_t out[FERRY_SHA384_BYTES])
{
    if (scheme == FERRY_SCHEME_ECDSA_P384) {
        struct ferry_sha384 h;
        ferry_sha384_init(&h);
        ferry_sha384_update(&h, bytes, n);
        ferry_sha384_finish(&h, out);
    } else {
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, bytes, n);
        ferry_sha256_finish(&h, out);
    }
}

int reflash_sign(struct reflash_job *job, uint8_t block[FERRY_PLAN_SIGNATURE_BYTES],
                 const uint8_t **signature)
{
    const struct ferry_sign_key *key = &job->args.key;
    uint8_t bytes[FERRY_PLAN_BYTES], digest[FERRY_SHA384_BYTES], made[FERRY_SIGNATURE_MOST];
    *signature = NULL;
    if (!job->args.has_key)
        return CLI_EXIT_OK;
    digest_of(key->scheme, bytes, ferry_plan_signed_bytes(&job->r.plan, bytes), digest);
    ferry_err err = ferry_sign_key_sign(key, digest, made);
    const struct ferry_signature_block parts = {
        .scheme = key->scheme, .digest = digest, .key = key->part, .signature = made};
    if (!err)
        err = ferry_signature_encode(&parts, block);
    if (err)
        return cli_fail_err(
            job->call->out, err,
            &(struct ferry_about){.file = "of --sign-key", .detail = "it is no private key"});
    *signature = block;
    return CLI_EXIT_OK;
}
