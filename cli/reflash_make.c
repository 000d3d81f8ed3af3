/* cli/reflash_make.c - from wishes to a plan that the core can check. */
#include "reflash_make.h"
#include "reflash_words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define SECTOR FERRY_FLASH_SECTOR_BYTES

/** A move is what its destination is. */
static uint8_t kind_of(const struct reflash_job *job, const struct reflash_wish *wish,
                       uint32_t dest_off_bytes)
{
    if (!wish->is_move)
        return wish->kind;
    for (unsigned i = 0; i < job->after.n; i++)
        if (job->after.rows[i].off_bytes == dest_off_bytes)
            return job->after.rows[i].type == FERRY_TYPE_APP ? FERRY_STEP_APP : FERRY_STEP_DATA;
    return FERRY_STEP_DATA;
}

/** The length up to the last byte that is not erased. */
static ferry_err used_bytes(const struct reflash_job *job, struct ferry_span span, uint32_t *out)
{
    uint8_t buf[SECTOR];
    const struct ferry_region all = {job->cfg.flash, 0, job->cfg.flash->size_bytes};
    *out = 0;
    for (uint32_t at = 0; at < span.size_bytes; at += SECTOR) {
        const uint32_t n = span.size_bytes - at < SECTOR ? span.size_bytes - at : SECTOR;
        const ferry_err err = ferry_region_read(&all, span.off_bytes + at, buf, n);
        if (err)
            return err;
        for (uint32_t i = 0; i < n; i++)
            if (buf[i] != 0xff)
                *out = at + i + 1;
    }
    return FERRY_OK;
}

/** Source and length of a step whose content lies in flash. */
static ferry_err take_flash(const struct reflash_job *job, const struct reflash_wish *wish,
                            struct ferry_span from, struct ferry_step *s)
{
    const struct ferry_span run = job->cfg.running;
    ferry_err err = FERRY_OK;
    s->source = ferry_range_fits(from.off_bytes - run.off_bytes, from.size_bytes, run.size_bytes)
                    ? FERRY_SOURCE_EMBEDDED
                    : FERRY_SOURCE_MOVED;
    s->source_off_bytes = from.off_bytes;
    s->length_bytes = wish->length_bytes ? wish->length_bytes : from.size_bytes;
    // What is blank at its end need not be carried: the rest of the destination becomes blank.
    if (!wish->has_sha256 && !wish->length_bytes)
        err = used_bytes(job, from, &s->length_bytes);
    if (!err && !s->length_bytes) {
        s->source = FERRY_SOURCE_BLANK;
        s->flags |= FERRY_STEP_BLANK_REST;
    } else if (from.off_bytes == s->dest_off_bytes) {
        s->source = FERRY_SOURCE_HELD;
    }
    if (s->source == FERRY_SOURCE_BLANK || s->source == FERRY_SOURCE_HELD)
        s->source_off_bytes = 0;
    return err;
}

bool reflash_rest_is_blank(const struct reflash_job *job, const struct ferry_step *s)
{
    const struct ferry_span rest = {s->dest_off_bytes + s->length_bytes,
                                    s->dest_size_bytes - s->length_bytes};
    uint32_t n;
    return s->length_bytes <= s->dest_size_bytes && !used_bytes(job, rest, &n) && !n;
}

void reflash_spare_rest(const struct reflash_job *job, struct ferry_step *s)
{
    if (s->length_bytes && reflash_rest_is_blank(job, s))
        s->flags &= (uint16_t)~FERRY_STEP_BLANK_REST;
}

static int add_from_flash(struct reflash_job *job, struct reflash_goal *g)
{
    struct ferry_span from;
    const struct reflash_wish *wish = g->wish;
    const char *why = reflash_resolve(&job->today, &wish->from_place, &from);
    if (why)
        return cli_fail_text(job->call->out, FERRY_ERR_NOT_FOUND,
                             "in the step %s: the partition table of today %s", wish->words, why);
    if (!from.size_bytes)
        from.size_bytes = wish->length_bytes ? wish->length_bytes : g->step.dest_size_bytes;
    const char *label = reflash_label_at(&job->today, from.off_bytes);
    snprintf(g->from, sizeof(g->from), "%s%s0x%x", label, *label ? " at " : "",
             (unsigned)from.off_bytes);
    ferry_err err = take_flash(job, wish, from, &g->step);
    if (err)
        return cli_fail(job->call->out,
                        &(struct ferry_fault){err, from.off_bytes, job->cfg.flash->size_bytes, 0},
                        &(struct ferry_about){.file = job->v.flash_path});
    reflash_spare_rest(job, &g->step);
    err = ferry_reflash_add(&job->r, &g->step, wish->has_sha256 ? wish->sha256 : NULL);
    return err ? reflash_fail(job, err) : CLI_EXIT_OK;
}

static int add_blank(struct reflash_job *job, struct reflash_goal *g)
{
    g->step.source = FERRY_SOURCE_BLANK;
    g->step.flags = FERRY_STEP_BLANK_REST;
    const ferry_err err = ferry_reflash_add(&job->r, &g->step, NULL);
    return err ? reflash_fail(job, err) : CLI_EXIT_OK;
}

/** The destination of a wish, and what is settled by it. */
static int resolve(struct reflash_job *job, const struct reflash_wish *wish)
{
    struct ferry_span to;
    struct reflash_goal *g = &job->goals[job->n_goals];
    const int exit_code = reflash_destination(job, wish, &to);
    if (exit_code)
        return exit_code;
    *g = (struct reflash_goal){.wish = wish};
    g->step.kind = kind_of(job, wish, to.off_bytes);
    g->step.dest_off_bytes = to.off_bytes;
    g->step.dest_size_bytes = to.size_bytes;
    // A data partition holds just its content; what an old one left behind it would be read.
    g->step.flags = g->step.kind == FERRY_STEP_DATA ? FERRY_STEP_BLANK_REST
                    : wish->resumes                 ? FERRY_STEP_RESUMES
                                                    : 0;
    if (wish->from_name)
        snprintf(g->from, sizeof(g->from), "%.79s",
                 strcmp(wish->from_name, "-") ? wish->from_name : "standard input");
    job->n_goals++;
    return CLI_EXIT_OK;
}

static int find_new_table(struct reflash_job *job)
{
    int exit_code = CLI_EXIT_OK;
    for (unsigned i = 0; !exit_code && i < job->args.wishes.n; i++) {
        const struct reflash_wish *wish = &job->args.wishes.steps[i];
        if (wish->kind == FERRY_STEP_TABLE && wish->from == REFLASH_FROM_NAME)
            exit_code = reflash_new_table(job, wish);
    }
    return exit_code;
}

static int add_backup(struct reflash_job *job)
{
    const char *text = job->args.wishes.backup;
    struct reflash_place place;
    ferry_err err = FERRY_OK;
    if (!text)
        return CLI_EXIT_OK;
    if (!*text) {
        err = reflash_gap(job, &job->backup);
    } else {
        if (!reflash_place_parse(text, &place))
            return cli_usage(job->call, "--backup takes a label or 0xOFFSET+SIZE, not '%s'", text);
        const char *why = reflash_resolve(&job->today, &place, &job->backup);
        if (why)
            return cli_fail_text(job->call->out, FERRY_ERR_NOT_FOUND,
                                 "the partition table %s to keep a backup in", why);
    }
    if (!err)
        err = ferry_reflash_back_up(&job->r, job->backup);
    job->has_backup = !err;
    return err ? reflash_fail(job, err) : CLI_EXIT_OK;
}

int reflash_make(struct reflash_job *job)
{
    const struct reflash_wishes *w = &job->args.wishes;
    if (!w->n)
        return cli_usage(job->call, "the plan has no step: --step, or a plan file");
    ferry_err err = ferry_reflash_new(&job->r);
    if (err)
        return reflash_fail(job, err);
    int exit_code = find_new_table(job);
    for (unsigned i = 0; !exit_code && i < w->n; i++)
        exit_code = resolve(job, &w->steps[i]);
    for (unsigned i = 0; !exit_code && i < job->n_goals; i++) {
        struct reflash_goal *g = &job->goals[i];
        if (g->wish->from == REFLASH_FROM_FLASH)
            exit_code = add_from_flash(job, g);
        else if (g->wish->from == REFLASH_FROM_NOTHING)
            exit_code = add_blank(job, g);
    }
    if (!exit_code)
        exit_code = reflash_stage_all(job);
    if (!exit_code)
        exit_code = add_backup(job);
    if (exit_code)
        return exit_code;
    err = ferry_reflash_guard(&job->r, &job->site, &job->bench.work);
    if (!err)
        err =
            ferry_reflash_check(&job->r, &job->site, reflash_flags(job), &job->bench, &job->report);
    if (reflash_is_danger(err)) {
        reflash_say_plan(job);
        cli_text(job->call->out, "\n");
    }
    return err ? reflash_fail(job, err) : CLI_EXIT_OK;
}
