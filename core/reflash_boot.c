/* core/reflash_boot.c - the order of a plan's steps, and the moments in which a cut needs a cable.
 * Nothing is guessed: after every step that may change what boots, the boot decision is run over
 * the flash as it will look. Rules: docs/design/reflash.md "The order of writes", "Windows". */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

struct order {
    struct ferry_reflash *r;
    const struct ferry_reflash_site *site;
    struct ferry_reflash_bench *b;
    struct ferry_reflash_report *report;
    uint32_t table_off_bytes; // what the bootloader reads, at this point of the plan
    bool resumes;             // the bootloader goes on by itself
    bool boots;               // some app does
    bool is_lost;             // nothing on the device could go on after a cut
    bool table_last;
    struct ferry_span app;     // what boots
    struct ferry_span otadata; // what it was chosen by
};

struct ferry_span ferry__reflash_bootloader_place(const struct ferry_policy *policy,
                                                  uint32_t table_off_bytes)
{
    uint32_t off = policy->chip ? policy->chip->bootloader_off_bytes : 0;
    if (off > table_off_bytes)
        off = 0;
    return (struct ferry_span){off, table_off_bytes - off};
}

/* What boots once n_done steps are done. */
static void look(struct order *o, int n_done)
{
    struct ferry_reflash_bench *b = o->b;
    ferry__reflash_view(b, o->r, n_done);
    b->table_off_bytes = o->table_off_bytes;
    b->boot.booted = FERRY_SLOT_NONE;
    o->boots =
        !ferry_device_open(&b->dev, &b->view, o->site->policy, o->table_off_bytes, &b->work) &&
        !ferry_boot_run(&b->dev, FERRY_HOLD_NONE, NULL, &b->boot);
    o->otadata = b->dev.otadata;
    o->app = (struct ferry_span){0, 0};
    if (o->boots)
        o->app = ferry_device_span(&b->dev, b->boot.booted);
}

static bool touches(const struct ferry_step *s, uint32_t off, uint32_t size)
{
    return ferry_ranges_overlap(s->dest_off_bytes, ferry__step_work_bytes(s), off, size);
}

static bool touches_bootloader(const struct order *o, const struct ferry_step *s)
{
    const struct ferry_span place =
        ferry__reflash_bootloader_place(o->site->policy, o->table_off_bytes);
    return touches(s, place.off_bytes, place.size_bytes);
}

/* Would a cut in this step change what boots? */
static bool decides(const struct order *o, int i)
{
    const struct ferry_step *s = &o->r->plan.steps[i];
    if (!o->b->n_differ[i])
        return false;
    return touches_bootloader(o, s) || touches(s, o->table_off_bytes, REFLASH_SECTOR) ||
           touches(s, o->otadata.off_bytes, o->otadata.size_bytes) ||
           touches(s, o->app.off_bytes, o->app.size_bytes);
}

enum rank { RANK_BACKUP, RANK_QUIET, RANK_FIRST, RANK_SECOND, RANK_REST, RANK_NONE };

static enum rank rank_of(const struct order *o, int i)
{
    const struct ferry_step *s = &o->r->plan.steps[i];
    if (!o->is_lost && !decides(o, i))
        return s->kind == FERRY_STEP_BACKUP ? RANK_BACKUP : RANK_QUIET;
    if (touches_bootloader(o, s))
        return o->table_last ? RANK_FIRST : RANK_SECOND;
    if (touches(s, o->table_off_bytes, REFLASH_SECTOR))
        return o->table_last ? RANK_SECOND : RANK_FIRST;
    return RANK_REST;
}

/* The step whose source this one would take away before it was read, or -1. */
static int robbed_by(const struct order *o, int first, int i)
{
    const struct ferry_plan *plan = &o->r->plan;
    for (int k = first; k < plan->n_steps; k++) {
        const struct ferry_step *s = &plan->steps[k];
        if (k != i && s->source == FERRY_SOURCE_MOVED &&
            touches(&plan->steps[i], s->source_off_bytes, s->length_bytes))
            return k;
    }
    return -1;
}

/* The best of the steps from `first` on; the caller's order settles what is equal. */
static ferry_err choose(struct order *o, int first, int *chosen)
{
    enum rank best = RANK_NONE;
    for (int i = first; i < o->r->plan.n_steps; i++) {
        const enum rank rank = rank_of(o, i);
        if (rank < best && robbed_by(o, first, i) < 0) {
            best = rank;
            *chosen = i;
        }
    }
    if (best != RANK_NONE)
        return FERRY_OK;
    const struct ferry_step *s = o->r->plan.steps;
    return ferry__reflash_fail(o->r, first, FERRY_ERR_REFLASH_OVERLAP, s[first].dest_off_bytes,
                               s[robbed_by(o, first, first)].source_off_bytes, 0);
}

static void bring_forward(struct order *o, int from, int to)
{
    struct ferry_step *steps = o->r->plan.steps;
    const struct ferry_step step = steps[from];
    const uint32_t n = o->b->n_differ[from];
    const uint32_t time_us = o->b->time_us[from];
    for (int i = from; i > to; i--) {
        steps[i] = steps[i - 1];
        o->b->n_differ[i] = o->b->n_differ[i - 1];
        o->b->time_us[i] = o->b->time_us[i - 1];
    }
    steps[to] = step;
    o->b->n_differ[to] = n;
    o->b->time_us[to] = time_us;
}

/* Does the recovery place hold a good bootloader by the time step i begins? */
static bool has_recovery(struct order *o, int i)
{
    const uint32_t off = o->site->recovery_off_bytes;
    const struct ferry_fault kept = o->r->fault;
    uint32_t n;
    if (!off || off >= o->r->cfg.flash->size_bytes ||
        touches(&o->r->plan.steps[i], off, REFLASH_SECTOR))
        return false;
    ferry__reflash_view(o->b, o->r, i);
    const struct ferry_region spare = {&o->b->view, off, o->b->view.size_bytes - off};
    const bool good = !ferry__reflash_bootloader(o->r, o->site->policy, &spare, &o->b->work, &n);
    o->r->fault = kept;
    return good;
}

static void add_window(struct order *o, int i)
{
    struct ferry_reflash_report *rep = o->report;
    if (rep->window_step < 0)
        rep->window_step = i;
    rep->window_sectors += o->b->n_differ[i];
    rep->window_ms += (o->b->time_us[i] + 999) / 1000;
}

/* A step that decides about booting has its turn: is a cut in it deadly, and what is it after? */
static void take_switch(struct order *o, int i)
{
    struct ferry_plan *plan = &o->r->plan;
    const struct ferry_step *s = &plan->steps[i];
    const bool bootloader = touches_bootloader(o, s);
    if (plan->switch_step > i)
        plan->switch_step = (uint8_t)i;
    if (o->is_lost || (bootloader ? !has_recovery(o, i) : !o->resumes))
        add_window(o, i);
    if (bootloader) {
        o->resumes = s->flags & FERRY_STEP_RESUMES;
        if (s->kind == FERRY_STEP_BOOTLOADER && o->site->new_table_off_bytes)
            o->table_off_bytes = o->site->new_table_off_bytes;
    }
    look(o, i + 1);
    o->is_lost = !o->boots && !o->resumes;
    if (o->report->no_return_step < 0 && (o->is_lost || (bootloader && !o->resumes)))
        o->report->no_return_step = i;
}

/* A bootloader that resumes comes before the table, where today's does not and both read the same
 * place: then the table has no window. */
static bool wants_table_last(const struct order *o)
{
    const uint32_t new_off = o->site->new_table_off_bytes;
    if (o->resumes || (new_off && new_off != o->table_off_bytes))
        return false;
    for (int i = 0; i < o->r->plan.n_steps; i++) {
        const struct ferry_step *s = &o->r->plan.steps[i];
        if (s->kind == FERRY_STEP_BOOTLOADER && touches_bootloader(o, s) &&
            (s->flags & FERRY_STEP_RESUMES))
            return true;
    }
    return false;
}

/* What boots must be what runs, or after a cut another app would find the journal, or none. */
static ferry_err check_settled(struct order *o)
{
    const struct ferry_span run = o->r->cfg.running;
    if (o->resumes || !run.size_bytes || (o->boots && o->app.off_bytes == run.off_bytes))
        return FERRY_OK;
    return ferry__reflash_fail(o->r, -1, FERRY_ERR_REFLASH_UNSETTLED, o->app.off_bytes,
                               run.off_bytes, 0);
}

ferry_err ferry__reflash_order(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                               struct ferry_reflash_bench *b, struct ferry_reflash_report *report)
{
    struct order o = {.r = r,
                      .site = site,
                      .b = b,
                      .report = report,
                      .table_off_bytes = site->table_off_bytes,
                      .resumes = site->bootloader_resumes};
    look(&o, 0);
    ferry_err err = check_settled(&o);
    o.table_last = wants_table_last(&o);
    r->plan.switch_step = r->plan.n_steps;
    for (int i = 0; !err && i < r->plan.n_steps; i++) {
        int chosen = i;
        err = choose(&o, i, &chosen);
        if (err)
            return err;
        bring_forward(&o, chosen, i);
        if (o.is_lost || decides(&o, i))
            take_switch(&o, i);
    }
    if (!err)
        look(&o, r->plan.n_steps);
    return err;
}
