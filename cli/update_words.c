/* cli/update_words.c - what `ferry update` says. */
#include "update_words.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "shell_words.h"

static void hex(char *out, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/** What the source is called in a sentence. */
static const char *source_words(const struct cli_update_words *w)
{
    return strcmp(w->args->source, "-") ? w->args->source : "standard input";
}

static void opening(const struct cli_update_words *w)
{
    char label[FERRY_LABEL_BYTES + 1], app[80] = "";
    struct ferry_app_desc desc;
    struct cli_output *out = w->call->out;
    const int running = w->v->dev.running;
    const char *how = cli_running_words(w->v->running_by);
    if (running != FERRY_SLOT_NONE) {
        if (!ferry_device_desc(&w->v->dev, running, &desc))
            cli_app_words(app, sizeof(app), &desc);
        cli_note(out, "%s runs%s%s%s%s%s\n", cli_label(w->v, running, label), *app ? ": " : "", app,
                 *how ? " (" : "", how, *how ? ")" : "");
    }
    cli_note(out, "Opening %s\n", source_words(w));
}

static void receiving(struct cli_update_words *w, const struct ferry_update *u)
{
    char label[FERRY_LABEL_BYTES + 1];
    struct cli_output *out = w->call->out;
    const uint32_t length = w->source->facts.length_bytes ? w->source->facts.length_bytes
                                                          : w->args->config.length_bytes;
    if (!ferry_source_is_authenticated(w->source))
        cli_warn(out, "unauthenticated: nothing vouches for %s%s", w->args->source,
                 w->args->config.sha256 ? " but the SHA-256 that was given" : "");
    cli_note(out, "Target %s takes %s bytes (%s sectors of 4,096)\n",
             cli_label(w->v, u->target, label), cli_thousands(u->slot.size_bytes),
             cli_thousands(u->slot.size_bytes / FERRY_FLASH_SECTOR_BYTES));
    if (length)
        cli_note(out, "The image is %s bytes: %s sectors and %s bytes\n", cli_thousands(length),
                 cli_thousands(length / FERRY_FLASH_SECTOR_BYTES),
                 cli_thousands(length % FERRY_FLASH_SECTOR_BYTES));
    w->went_on_at_bytes = u->got_bytes;
    if (u->got_bytes)
        cli_note(out, "An interrupted update of this: going on at %s bytes\n",
                 cli_thousands(u->got_bytes));
    cli_progress_begin(&w->progress, out, "Writing", u->got_bytes, length);
}

static void described(struct cli_update_words *w, const struct ferry_update *u)
{
    char app[80], date[40], time[40];
    w->has_desc = ferry_image_desc(&u->image, &w->desc) == FERRY_OK;
    if (w->has_desc)
        cli_note(w->call->out, "It is %s, built %s %s\n", cli_app_words(app, sizeof(app), &w->desc),
                 cli_printable(date, sizeof(date), w->desc.date),
                 cli_printable(time, sizeof(time), w->desc.time));
}

void cli_update_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *u)
{
    struct cli_update_words *w = ctx;
    switch (stage) {
    case FERRY_STAGE_OPENING:
        opening(w);
        break;
    case FERRY_STAGE_RECEIVING:
        receiving(w, u);
        break;
    case FERRY_STAGE_DESCRIBED:
        described(w, u);
        break;
    case FERRY_STAGE_VERIFYING:
        cli_progress_end(&w->progress);
        cli_note(w->call->out, "Verifying what was written ... ");
        w->is_verifying = true;
        break;
    case FERRY_STAGE_DONE:
        cli_note(w->call->out, "passed\n");
        break;
    }
}

void cli_update_progress(void *ctx, uint32_t done_bytes, uint32_t total_bytes)
{
    struct cli_update_words *w = ctx;
    cli_progress_at(&w->progress, done_bytes, total_bytes);
}

void cli_update_remark(void *ctx, const struct ferry_remark *remark)
{
    struct cli_update_words *w = ctx;
    char sentence[FERRY_SENTENCE_BYTES];
    const bool is_unkept = remark->kind == FERRY_REMARK_UNKEPT;
    const struct ferry_about about = {
        .file = is_unkept ? w->keeper->path : source_words(w),
        .detail = is_unkept ? strerror(w->keeper->os_errno) : remark->detail,
    };
    cli_progress_break(&w->progress);
    ferry_sentence(sentence, sizeof(sentence), &remark->fault, &about);
    switch (remark->kind) {
    case FERRY_REMARK_RETRY:
        w->n_retries++;
        cli_update_say_retry(w->call->out, sentence, remark->pause_ms, remark->n, remark->n_most);
        break;
    case FERRY_REMARK_ANEW:
        cli_note(w->call->out, "Beginning anew: %s\n", remark->detail ? remark->detail : sentence);
        break;
    case FERRY_REMARK_UNKEPT:
        cli_warn(w->call->out, "%s; if this update is interrupted, the next one begins anew",
                 sentence);
        break;
    }
}

static void put_result(struct cli_update_words *w, const struct ferry_update *u, const char *sha256)
{
    cJSON *root = cli_json(w->call->out);
    char text[40];
    cli_json_slot(root, "slot", w->v, u->target);
    if (w->has_desc) {
        cJSON_AddStringToObject(root, "project",
                                cli_printable(text, sizeof(text), w->desc.project));
        cJSON_AddStringToObject(root, "version",
                                cli_printable(text, sizeof(text), w->desc.version));
    }
    cJSON_AddNumberToObject(root, "length", u->got_bytes);
    cJSON_AddStringToObject(root, "sha256", sha256);
    cJSON_AddNumberToObject(root, "went_on_at", w->went_on_at_bytes);
    cJSON_AddNumberToObject(root, "retries", w->n_retries);
    cJSON_AddBoolToObject(root, "authenticated", ferry_source_is_authenticated(w->source));
}

void cli_update_succeeded(struct cli_update_words *w, const struct ferry_update *u)
{
    char sha256[2 * FERRY_SHA256_BYTES + 1], app[80] = "the image", label[FERRY_LABEL_BYTES + 1];
    struct cli_output *out = w->call->out;
    hex(sha256, u->sha256, sizeof(u->sha256));
    put_result(w, u, sha256);
    if (w->has_desc)
        cli_app_words(app, sizeof(app), &w->desc);
    cli_text(out, "SHA256=%s\n", sha256);
    cli_text(out, "%s%s now holds %s, %s bytes.%s\n", cli_colour(out, CLI_GOOD),
             cli_label(w->v, u->target, label), app, cli_thousands(u->got_bytes),
             cli_colour(out, CLI_PLAIN));
    cli_say_next(w->call, w->v);
    if (w->v->policy.rollback)
        cli_text(out, "Once it runs and works, confirm it: ferry confirm %s\n", cli_shell_device());
}

/** More about a refusal that the fault's numbers cannot say: the two versions, the two hashes. */
static void explain(const struct cli_update_words *w, const struct ferry_update *u, ferry_err err,
                    char *buf, size_t n)
{
    struct ferry_app_desc runs, comes;
    char a[80], b[80], got[65], want[65];
    const bool has_both = !ferry_image_desc(&u->image, &comes) &&
                          !ferry_device_desc(&w->v->dev, w->v->dev.running, &runs);
    buf[0] = '\0';
    if (err == FERRY_ERR_UPDATE_SHA && w->args->config.sha256) {
        hex(got, u->sha256, sizeof(u->sha256));
        hex(want, w->args->config.sha256, FERRY_SHA256_BYTES);
        snprintf(buf, n, "it has %s, promised was %s", got, want);
    } else if (err == FERRY_ERR_UPDATE_MIN_VERSION || err == FERRY_ERR_UPDATE_COMPARE) {
        if (!ferry_image_desc(&u->image, &comes))
            snprintf(buf, n, "it is '%s', required is %s",
                     cli_printable(a, sizeof(a), comes.version), w->args->config.min_version);
    } else if (err == FERRY_ERR_UPDATE_DOWNGRADE && has_both) {
        snprintf(buf, n, "it is %s, %s runs; --allow-downgrade permits it",
                 cli_printable(a, sizeof(a), comes.version),
                 cli_printable(b, sizeof(b), runs.version));
    } else if (err == FERRY_ERR_UPDATE_PROJECT && has_both) {
        snprintf(buf, n, "it is '%s', '%s' runs; --allow-other-project permits it",
                 cli_printable(a, sizeof(a), comes.project),
                 cli_printable(b, sizeof(b), runs.project));
    } else if (err == FERRY_ERR_CANCELLED) {
        snprintf(buf, n, "%s bytes had come", cli_thousands(u->got_bytes));
    } else if (err == FERRY_ERR_SLOT_UNKNOWN) {
        snprintf(buf, n, "%s", cli_unknown_words(w->v));
    } else if (w->v->file.os_errno) {
        snprintf(buf, n, "%s", strerror(w->v->file.os_errno));
    }
}

int cli_update_failed(struct cli_update_words *w, const struct ferry_update *u,
                      const struct ferry_update_job *job, ferry_err err)
{
    char label[FERRY_LABEL_BYTES + 1], detail[256];
    struct ferry_boot_preview p;
    struct ferry_fault fault = job->fault;
    cli_progress_end(&w->progress);
    if (w->is_verifying)
        cli_note(w->call->out, "failed\n");
    explain(w, u, err, detail, sizeof(detail));
    fault.err = err;
    const int slot = err == FERRY_ERR_UPDATE_PENDING ? w->v->dev.running : u->target;
    const bool names_flash = err >= FERRY_ERR_FLASH_FULL && err <= FERRY_ERR_FLASH_IO;
    const struct ferry_about about = {
        .file = names_flash && !job->is_source_to_blame ? w->v->flash_path : source_words(w),
        .slot =
            ferry_device_span(&w->v->dev, slot).size_bytes ? cli_label(w->v, slot, label) : NULL,
        .detail = job->detail ? job->detail
                  : *detail   ? detail
                              : NULL,
    };
    const int exit_code = cli_fail(w->call->out, &fault, &about);
    ferry_boot_preview(&w->v->dev, &p);
    cli_json_slot(cli_json(w->call->out), "next", w->v, p.booted);
    if (p.booted != FERRY_SLOT_NONE)
        cli_note(w->call->out, "What runs is as it was; %s boots next.\n",
                 cli_label(w->v, p.booted, label));
    cJSON_AddBoolToObject(cli_json(w->call->out), "can_go_on", job->can_go_on);
    if (job->can_go_on)
        cli_note(w->call->out, "The same command goes on where this update stopped.\n");
    return exit_code;
}
