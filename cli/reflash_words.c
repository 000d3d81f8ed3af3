/* cli/reflash_words.c - what `ferry reflash` prints of a plan. */
#include "reflash_words.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "ferry/bytes.h"
#include "shell_words.h"

const char *reflash_time_words(char buf[24], uint32_t ms)
{
    if (ms < 1000)
        snprintf(buf, 24, "%u ms", (unsigned)ms);
    else
        snprintf(buf, 24, "%u.%u s", (unsigned)ms / 1000, (unsigned)ms % 1000 / 100);
    return buf;
}

const char *reflash_state_name(uint8_t state)
{
    static const char *const names[] = {"none", "unfinished", "finished", "abandoned"};
    return names[state];
}

static const char *source_name(uint8_t source)
{
    static const char *const names[] = {"", "staged", "embedded", "moved", "blank", "held"};
    return names[source];
}

/** The step that overwrites what a backup keeps; NULL: none does. */
static const struct ferry_step *overwriter_of(const struct reflash_job *job,
                                              const struct ferry_step *backup)
{
    const struct ferry_plan *plan = &job->r.plan;
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->steps[i].kind != FERRY_STEP_BACKUP &&
            plan->steps[i].dest_off_bytes == backup->source_off_bytes)
            return &plan->steps[i];
    return NULL;
}

/** The label of a step's place in the new layout; of a backup, that of what it is made for. */
static const char *label_of(const struct reflash_job *job, const struct ferry_step *s,
                            char buf[FERRY_LABEL_BYTES + 1])
{
    const struct ferry_step *of = s->kind == FERRY_STEP_BACKUP ? overwriter_of(job, s) : s;
    const char *label = of ? reflash_label_at(&job->after, of->dest_off_bytes) : "";
    if (of && of != s && !*label)
        label = reflash_kind_name(of);
    return cli_printable(buf, FERRY_LABEL_BYTES + 1, label);
}

const char *reflash_step_words(const struct reflash_job *job, const struct ferry_step *s, char *buf,
                               size_t n)
{
    char label[FERRY_LABEL_BYTES + 1];
    label_of(job, s, label);
    snprintf(buf, n, "%s%s%s at 0x%x", reflash_kind_name(s), *label ? " " : "", label,
             (unsigned)s->dest_off_bytes);
    return buf;
}

/** Where the bytes come from. */
static void from_words(const struct reflash_job *job, const struct ferry_step *s, char *buf,
                       size_t n)
{
    const struct reflash_goal *goal = reflash_goal_of(job, s);
    char from[80];
    cli_printable(from, sizeof(from), goal ? goal->from : "");
    switch (s->source) {
    case FERRY_SOURCE_BLANK:
        snprintf(buf, n, "erased");
        break;
    case FERRY_SOURCE_HELD:
        snprintf(buf, n, "there already%s%s", *from ? ": " : "", from);
        break;
    case FERRY_SOURCE_STAGED:
        snprintf(buf, n, "staged at 0x%x%s%s", (unsigned)s->source_off_bytes, *from ? ": " : "",
                 from);
        break;
    default:
        snprintf(buf, n, "from %s", *from ? from : "");
        if (!*from)
            snprintf(buf, n, "from 0x%x", (unsigned)s->source_off_bytes);
    }
}

static void print_step(struct reflash_job *job, int i)
{
    struct cli_output *out = job->call->out;
    const struct ferry_step *s = &job->r.plan.steps[i];
    const uint32_t n = job->bench.n_differ[i];
    char label[FERRY_LABEL_BYTES + 1], from[128], cost[40];
    from_words(job, s, from, sizeof(from));
    if (n)
        snprintf(cost, sizeof(cost), "%s sector%s", cli_thousands(n), n == 1 ? "" : "s");
    const bool decides = i >= job->r.plan.switch_step && n;
    cli_text(out, "  %2d  %s%-10s%s %-12s 0x%06x %11s  %s%-12s%s %s\n", i + 1,
             cli_colour(out, decides ? CLI_WARN : CLI_PLAIN), reflash_kind_name(s),
             cli_colour(out, CLI_PLAIN), label_of(job, s, label), (unsigned)s->dest_off_bytes,
             cli_thousands(s->length_bytes), cli_colour(out, n ? CLI_PLAIN : CLI_DIM),
             n ? cost : "nothing", cli_colour(out, CLI_PLAIN), from);
}

static void head(struct cli_output *out, const char *what)
{
    cli_text(out, "  %s%-11s%s", cli_colour(out, CLI_BOLD), what, cli_colour(out, CLI_PLAIN));
}

static void print_places(struct reflash_job *job)
{
    struct cli_output *out = job->call->out;
    char label[FERRY_LABEL_BYTES + 1];
    if (job->has_stage) {
        const struct ferry_region *a = &job->stage.area;
        head(out, "Staging");
        cli_printable(label, sizeof(label), reflash_label_at(&job->today, a->off_bytes));
        cli_text(out, "%s%s0x%x, %s of its %s bytes used\n", label, *label ? " at " : "",
                 (unsigned)a->off_bytes, cli_thousands(job->stage.used_bytes),
                 cli_thousands(a->size_bytes));
    }
    for (unsigned i = 0; i < job->n_losses; i++) {
        const struct reflash_loss *loss = &job->losses[i];
        head(out, "");
        cli_text(out, "%soverwrites%s %s in %s%s\n", cli_colour(out, CLI_WARN),
                 cli_colour(out, CLI_PLAIN), loss->app[0] ? loss->app : "the content", loss->label,
                 loss->is_rollback ? ", which a rollback would boot: there is none from then on"
                                   : "");
    }
    head(out, "Journal");
    cli_text(out, "0x%x%s\n", (unsigned)job->cfg.journal.off_bytes,
             job->cfg.gate ? job->args.has_key ? ", signed" : ", needs a signature" : "");
    head(out, "Backup");
    if (job->has_backup)
        cli_text(out, "0x%x, %s bytes free for it\n", (unsigned)job->backup.off_bytes,
                 cli_thousands(job->backup.size_bytes));
    else
        cli_text(out, "none: ferry reflash undo will not be possible (--backup)\n");
}

static void print_dangers(struct reflash_job *job)
{
    struct cli_output *out = job->call->out;
    const struct ferry_reflash_report *rep = &job->report;
    char time[24], step[64];
    head(out, "Power cut");
    if (rep->window_sectors) {
        reflash_step_words(job, &job->r.plan.steps[rep->window_step], step, sizeof(step));
        cli_text(out,
                 "%sneeds a cable%s if it falls into %s sector%s, about %s, from step %d (%s)\n",
                 cli_colour(out, CLI_BAD), cli_colour(out, CLI_PLAIN),
                 cli_thousands(rep->window_sectors), rep->window_sectors == 1 ? "" : "s",
                 reflash_time_words(time, rep->window_ms), rep->window_step + 1, step);
        head(out, "");
        cli_text(out, "at any other moment the device boots and goes on\n");
    } else {
        cli_text(out, "%sat any moment%s the device boots and goes on\n", cli_colour(out, CLI_GOOD),
                 cli_colour(out, CLI_PLAIN));
    }
    if (rep->no_return_step >= 0) {
        head(out, "No return");
        cli_text(out, "after step %d nothing of ferry may be left to go on or to go back\n",
                 rep->no_return_step + 1);
    }
}

/** What the app that boots says of itself, read from where its step has it now. */
static void app_words(struct reflash_job *job, char *buf, size_t n)
{
    const struct ferry_reflash_report *rep = &job->report;
    struct ferry_region at = {job->cfg.flash, rep->boots_off_bytes, 0};
    struct ferry_app_desc desc;
    uint8_t work[FERRY_APP_DESC_HEAD_BYTES];
    buf[0] = '\0';
    at.size_bytes = job->cfg.flash->size_bytes - at.off_bytes;
    for (int i = 0; i < job->r.plan.n_steps; i++) {
        const struct ferry_step *s = &job->r.plan.steps[i];
        if (s->dest_off_bytes == rep->boots_off_bytes && s->source != FERRY_SOURCE_HELD) {
            at.off_bytes = s->source_off_bytes;
            at.size_bytes = s->length_bytes;
        }
    }
    if (!ferry_image_read_desc(&at, work, &desc))
        cli_app_words(buf, n, &desc);
}

static void print_boots(struct reflash_job *job)
{
    struct cli_output *out = job->call->out;
    const struct ferry_reflash_report *rep = &job->report;
    char label[FERRY_LABEL_BYTES + 1], app[80];
    head(out, "Boots then");
    if (rep->boots == FERRY_SLOT_NONE) {
        cli_text(out, "%snothing by ESP-IDF's rules%s\n", cli_colour(out, CLI_WARN),
                 cli_colour(out, CLI_PLAIN));
        return;
    }
    app_words(job, app, sizeof(app));
    cli_printable(label, sizeof(label), reflash_label_at(&job->after, rep->boots_off_bytes));
    cli_text(out, "%s at 0x%x%s%s%s\n", label, (unsigned)rep->boots_off_bytes, *app ? ": " : "",
             app, rep->boots_running ? ", which runs now" : "");
}

static void put_steps(struct reflash_job *job, cJSON *root)
{
    cJSON *list = cJSON_AddArrayToObject(root, "steps");
    for (int i = 0; i < job->r.plan.n_steps; i++) {
        const struct ferry_step *s = &job->r.plan.steps[i];
        const struct reflash_goal *goal = reflash_goal_of(job, s);
        char text[2 * FERRY_SHA256_BYTES + 1];
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddStringToObject(o, "kind", reflash_kind_name(s));
        cJSON_AddStringToObject(o, "label", label_of(job, s, text));
        cJSON_AddNumberToObject(o, "offset", s->dest_off_bytes);
        cJSON_AddNumberToObject(o, "size", s->dest_size_bytes);
        cJSON_AddNumberToObject(o, "length", s->length_bytes);
        cJSON_AddStringToObject(o, "source", source_name(s->source));
        cJSON_AddNumberToObject(o, "source_offset", s->source_off_bytes);
        if (goal && goal->wish->from_name)
            cJSON_AddStringToObject(o, "from", goal->from);
        for (size_t k = 0; k < FERRY_SHA256_BYTES; k++)
            snprintf(text + 2 * k, 3, "%02x", s->sha256[k]);
        cJSON_AddStringToObject(o, "sha256", s->length_bytes ? text : "");
        cJSON_AddBoolToObject(o, "decides", i >= job->r.plan.switch_step);
    }
}

static void put_losses(const struct reflash_job *job, cJSON *root)
{
    cJSON *list = cJSON_AddArrayToObject(root, "staging_overwrites");
    for (unsigned i = 0; i < job->n_losses; i++) {
        cJSON *o = cJSON_CreateObject();
        cJSON_AddItemToArray(list, o);
        cJSON_AddStringToObject(o, "label", job->losses[i].label);
        cJSON_AddStringToObject(o, "app", job->losses[i].app);
        cJSON_AddBoolToObject(o, "rollback", job->losses[i].is_rollback);
    }
}

static void put_plan(struct reflash_job *job)
{
    cJSON *root = cli_json(job->call->out);
    const struct ferry_reflash_report *rep = &job->report;
    char label[FERRY_LABEL_BYTES + 1];
    put_steps(job, root);
    for (int i = 0; i < job->r.plan.n_steps; i++)
        cJSON_AddNumberToObject(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "steps"), i),
                                "sectors", job->bench.n_differ[i]);
    cJSON_AddNumberToObject(root, "sectors", rep->n_sectors);
    cJSON_AddNumberToObject(root, "time_ms", rep->time_ms);
    cJSON_AddNumberToObject(root, "journal", job->cfg.journal.off_bytes);
    cJSON_AddNumberToObject(root, "window_sectors", rep->window_sectors);
    cJSON_AddNumberToObject(root, "window_ms", rep->window_ms);
    cJSON_AddNumberToObject(root, "window_step", rep->window_step);
    cJSON_AddNumberToObject(root, "no_return_step", rep->no_return_step);
    cJSON_AddBoolToObject(root, "backup", job->has_backup);
    put_losses(job, root);
    if (job->has_stage) {
        cJSON_AddNumberToObject(root, "staging", job->stage.area.off_bytes);
        cJSON_AddNumberToObject(root, "staged", job->stage.used_bytes);
    }
    if (rep->boots == FERRY_SLOT_NONE)
        cJSON_AddNullToObject(root, "boots");
    else
        cJSON_AddStringToObject(root, "boots",
                                cli_printable(label, sizeof(label),
                                              reflash_label_at(&job->after, rep->boots_off_bytes)));
    cJSON_AddNumberToObject(root, "boots_offset", rep->boots_off_bytes);
}

void reflash_say_plan(struct reflash_job *job)
{
    struct cli_output *out = job->call->out;
    const struct ferry_vdevice *v = &job->v;
    char time[24];
    put_plan(job);
    cli_text(out, "%s%s%s  %s, %s bytes of flash\n\n", cli_colour(out, CLI_BOLD), v->path,
             cli_colour(out, CLI_PLAIN), v->policy.chip ? v->policy.chip->name : "unknown chip",
             cli_thousands(v->file.flash.size_bytes));
    cli_text(out, "  %sNo  Kind       Place        Offset         Bytes  Writes       Content%s\n",
             cli_colour(out, CLI_DIM), cli_colour(out, CLI_PLAIN));
    for (int i = 0; i < job->r.plan.n_steps; i++)
        print_step(job, i);
    cli_text(out, "\n");
    head(out, "Writes");
    cli_text(out, "%s sector%s of 4,096 bytes, about %s\n", cli_thousands(job->report.n_sectors),
             job->report.n_sectors == 1 ? "" : "s", reflash_time_words(time, job->report.time_ms));
    print_places(job);
    print_dangers(job);
    print_boots(job);
}

/* ---- status ---- */

static const char *progress_of(const struct reflash_job *job, int i)
{
    const struct ferry_reflash *r = &job->r;
    if (r->journal.state == FERRY_JOURNAL_FINISHED)
        return "done";
    if (r->journal.state == FERRY_JOURNAL_ABANDONED)
        return "given up";
    return i < r->step ? "done" : i > r->step ? "to do" : r->at_bytes || r->redo ? "begun" : "next";
}

static void put_status(struct reflash_job *job)
{
    cJSON *root = cli_json(job->call->out);
    const struct ferry_reflash *r = &job->r;
    cJSON_AddStringToObject(root, "state", reflash_state_name(r->journal.state));
    cJSON_AddNumberToObject(root, "journal", job->cfg.journal.off_bytes);
    if (r->journal.state == FERRY_JOURNAL_NONE)
        return;
    put_steps(job, root);
    for (int i = 0; i < r->plan.n_steps; i++)
        cJSON_AddStringToObject(cJSON_GetArrayItem(cJSON_GetObjectItem(root, "steps"), i), "state",
                                progress_of(job, i));
    if (r->journal.state == FERRY_JOURNAL_UNFINISHED) {
        cJSON_AddNumberToObject(root, "done_bytes", r->done_bytes);
        cJSON_AddNumberToObject(root, "total_bytes", r->total_bytes);
    }
}

static void print_status_step(struct reflash_job *job, int i)
{
    struct cli_output *out = job->call->out;
    const struct ferry_step *s = &job->r.plan.steps[i];
    const char *state = progress_of(job, i);
    char label[FERRY_LABEL_BYTES + 1], from[128];
    const enum cli_colour colour = !strcmp(state, "done")    ? CLI_GOOD
                                   : !strcmp(state, "to do") ? CLI_DIM
                                                             : CLI_WARN;
    from_words(job, s, from, sizeof(from));
    cli_text(out, "  %2d  %s%-9s%s %-10s %-12s 0x%06x %11s  %s\n", i + 1, cli_colour(out, colour),
             state, cli_colour(out, CLI_PLAIN), reflash_kind_name(s), label_of(job, s, label),
             (unsigned)s->dest_off_bytes, cli_thousands(s->length_bytes), from);
}

static void print_what_next(struct reflash_job *job)
{
    struct cli_output *out = job->call->out;
    const struct ferry_reflash *r = &job->r;
    bool has_backup = false;
    for (int i = 0; i < r->plan.n_steps; i++)
        has_backup |= r->plan.steps[i].kind == FERRY_STEP_BACKUP;
    if (r->journal.state == FERRY_JOURNAL_UNFINISHED) {
        cli_text(out, "\n%s of %s bytes are done. Go on: ferry reflash resume %s\n",
                 cli_thousands(r->done_bytes), cli_thousands(r->total_bytes), cli_shell_device());
        if (r->step < r->plan.switch_step)
            cli_text(out,
                     "What boots has not been touched yet. Give it up: ferry reflash undo %s\n",
                     cli_shell_device());
    } else if (has_backup) {
        cli_text(out, "\nIt kept a backup. Take it back: ferry reflash undo %s\n",
                 cli_shell_device());
    }
}

void reflash_say_status(struct reflash_job *job)
{
    static const char *const heads[] = {
        "no reflash plan",
        "a reflash plan that is not finished",
        "a reflash plan that is finished",
        "a reflash plan that was given up",
    };
    struct cli_output *out = job->call->out;
    const uint8_t state = job->r.journal.state;
    put_status(job);
    cli_text(out, "%s%s%s  the journal at 0x%x holds %s%s%s\n", cli_colour(out, CLI_BOLD),
             job->v.path, cli_colour(out, CLI_PLAIN), (unsigned)job->cfg.journal.off_bytes,
             cli_colour(out, state == FERRY_JOURNAL_UNFINISHED ? CLI_WARN : CLI_PLAIN),
             heads[state], cli_colour(out, CLI_PLAIN));
    if (state == FERRY_JOURNAL_NONE)
        return;
    cli_text(out, "\n");
    for (int i = 0; i < job->r.plan.n_steps; i++)
        print_status_step(job, i);
    print_what_next(job);
}
