/* core/reflash_stage.c - the staging area: contents from outside are taken in, written one behind
 * another, read back and judged before any plan counts on them. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

enum stage_phase { STAGE_CLOSED, STAGE_IDLE, STAGE_RECEIVING };

/* ---- which area ---- */

static bool overlaps(struct ferry_span a, uint32_t off, uint32_t size)
{
    return ferry_ranges_overlap(a.off_bytes, a.size_bytes, off, size);
}

/* A step that reads or writes there, or -1. */
static int user_of(const struct ferry_reflash *r, struct ferry_span area)
{
    for (int i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        const bool reads =
            s->source != FERRY_SOURCE_HELD && overlaps(area, s->source_off_bytes, s->length_bytes);
        if (reads || overlaps(area, s->dest_off_bytes, s->dest_size_bytes))
            return i;
    }
    return -1;
}

static bool is_free(const struct ferry_reflash *r, struct ferry_span area, struct ferry_span extra)
{
    return area.size_bytes > REFLASH_SECTOR &&
           !overlaps(area, r->cfg.running.off_bytes, r->cfg.running.size_bytes) &&
           !overlaps(area, r->cfg.journal.off_bytes, REFLASH_SECTOR) &&
           !overlaps(area, extra.off_bytes, extra.size_bytes) && user_of(r, area) < 0;
}

/* The i-th slot to try: those behind the running one, round robin, then factory and test. */
static int candidate(const struct ferry_device *dev, int i)
{
    const int first = dev->running < 0 ? 0 : dev->running + 1;
    if (i < dev->n_slots)
        return (first + i) % dev->n_slots;
    return i == dev->n_slots ? FERRY_SLOT_FACTORY : FERRY_SLOT_TEST;
}

ferry_err ferry_stage_find(const struct ferry_reflash *r, const struct ferry_device *dev,
                           uint32_t need_bytes, struct ferry_span extra, struct ferry_span *out,
                           struct ferry_fault *fault)
{
    uint32_t largest = 0;
    for (int i = 0; dev->running != FERRY_SLOT_NONE && i < dev->n_slots + 2; i++) {
        const int slot = candidate(dev, i);
        const struct ferry_span area = ferry_device_span(dev, slot);
        if (slot == dev->running || area.off_bytes % REFLASH_SECTOR || !is_free(r, area, extra))
            continue;
        // Its first sector stays blank.
        const uint32_t room = area.size_bytes - REFLASH_SECTOR;
        if (room >= need_bytes) {
            *out = area;
            return FERRY_OK;
        }
        largest = largest > room ? largest : room;
    }
    return ferry_fail(fault, FERRY_ERR_REFLASH_STAGING, need_bytes, largest, 0);
}

static ferry_err fail(struct ferry_stage *s, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&s->fault, err, value, limit, 0);
}

static ferry_err check_area(struct ferry_stage *s, const struct ferry_device *dev)
{
    const struct ferry_reflash *r = s->job;
    const struct ferry_span area = {s->area.off_bytes, s->area.size_bytes};
    const struct ferry_span run = r->cfg.running;
    const struct ferry_span slot = ferry_device_span(dev, dev->running);
    const uint32_t first_safe = dev->table.off_bytes + REFLASH_SECTOR;
    const uint32_t flash_bytes = r->cfg.flash->size_bytes;
    if (area.off_bytes % REFLASH_SECTOR || area.size_bytes % REFLASH_SECTOR)
        return fail(s, FERRY_ERR_FLASH_ALIGN, area.off_bytes | area.size_bytes, REFLASH_SECTOR);
    if (!area.size_bytes || !ferry_range_fits(area.off_bytes, area.size_bytes, flash_bytes))
        return fail(s, FERRY_ERR_FLASH_RANGE, area.off_bytes, flash_bytes);
    if (area.off_bytes < first_safe)
        return fail(s, FERRY_ERR_FLASH_PROTECTED, area.off_bytes, first_safe);
    if (overlaps(area, run.off_bytes, run.size_bytes) ||
        overlaps(area, slot.off_bytes, slot.size_bytes))
        return fail(s, FERRY_ERR_REFLASH_RUNNING, area.off_bytes,
                    run.size_bytes ? run.off_bytes : slot.off_bytes);
    if (overlaps(area, dev->otadata.off_bytes, dev->otadata.size_bytes))
        return fail(s, FERRY_ERR_REFLASH_OVERLAP, area.off_bytes, dev->otadata.off_bytes);
    if (overlaps(area, r->cfg.journal.off_bytes, REFLASH_SECTOR))
        return fail(s, FERRY_ERR_REFLASH_JOURNAL, r->cfg.journal.off_bytes, area.off_bytes);
    const int user = user_of(r, area);
    if (user >= 0)
        return fail(s, FERRY_ERR_REFLASH_OVERLAP, area.off_bytes,
                    r->plan.steps[user].dest_off_bytes);
    return FERRY_OK;
}

ferry_err ferry_stage_open(struct ferry_stage *s, struct ferry_reflash *r,
                           const struct ferry_reflash_site *site, const struct ferry_device *dev,
                           struct ferry_span area)
{
    memset(s, 0, sizeof(*s));
    s->job = r;
    s->site = site;
    s->area = (struct ferry_region){r->cfg.flash, area.off_bytes, area.size_bytes};
    if (r->phase != REFLASH_OPEN && r->phase != REFLASH_CHECKED)
        return fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = check_area(s, dev);
    if (err)
        return err;
    const int slot = ferry_device_slot_at(dev, area.off_bytes);
    if (slot != FERRY_SLOT_NONE && ferry_device_span(dev, slot).off_bytes == area.off_bytes)
        s->used_bytes = REFLASH_SECTOR;
    s->phase = STAGE_IDLE;
    return FERRY_OK;
}

/* ---- one content ---- */

/* What went wrong is told, and what was written of the content does not count. */
static ferry_err give_up(struct ferry_stage *s, ferry_err err)
{
    s->phase = STAGE_IDLE;
    s->erased_bytes = s->used_bytes;
    return err;
}

/* Erases ahead of the next sector, a block where one lies free and the content reaches that far. */
static ferry_err erase_ahead(struct ferry_stage *s, uint32_t at)
{
    const uint32_t block = s->area.flash->block_bytes;
    const uint32_t end = s->used_bytes + s->promised_bytes;
    const uint32_t more = s->promised_bytes ? end - at : block;
    if (at < s->erased_bytes)
        return FERRY_OK;
    const bool whole =
        (s->area.off_bytes + at) % block == 0 && more >= block && s->area.size_bytes - at >= block;
    const uint32_t n = whole ? block : REFLASH_SECTOR;
    const ferry_err err = ferry_region_erase(&s->area, at, n, true);
    if (!err)
        s->erased_bytes = at + n;
    return err ? ferry_fail(&s->fault, err, 0, 0, s->area.off_bytes + at) : FERRY_OK;
}

/* The sector that stays blank goes before anything is written behind it. */
static ferry_err clear_front(struct ferry_stage *s)
{
    if (s->erased_bytes >= s->used_bytes)
        return FERRY_OK;
    const ferry_err err = erase_ahead(s, 0);
    return err ? err : ferry_region_sync(&s->area);
}

static uint32_t room(const struct ferry_stage *s)
{
    return s->area.size_bytes - s->used_bytes;
}

/* With hash and length known: does the destination hold it already? */
static ferry_err look_there(struct ferry_stage *s, bool *is_held)
{
    struct ferry_reflash *r = s->job;
    *is_held = false;
    if (!s->has_sha256 || !s->promised_bytes)
        return FERRY_OK;
    const ferry_err err = ferry__reflash_held(r, &s->step, is_held);
    if (err) {
        s->fault = r->fault;
        return err;
    }
    if (*is_held) {
        s->step.source = FERRY_SOURCE_HELD;
        s->step.source_off_bytes = 0;
        r->plan.steps[r->plan.n_steps] = s->step;
        ferry__reflash_vouch(r);
    }
    return FERRY_OK;
}

static ferry_err check_dest(struct ferry_stage *s)
{
    const struct ferry_step *step = &s->step;
    const struct ferry_span run = s->job->cfg.running;
    const struct ferry_span dest = {step->dest_off_bytes, step->dest_size_bytes};
    if (overlaps(dest, s->area.off_bytes, s->area.size_bytes))
        return fail(s, FERRY_ERR_REFLASH_OVERLAP, dest.off_bytes, s->area.off_bytes);
    if (overlaps(dest, run.off_bytes, run.size_bytes))
        return fail(s, FERRY_ERR_REFLASH_RUNNING, dest.off_bytes, run.off_bytes);
    if (s->promised_bytes > room(s))
        return fail(s, FERRY_ERR_REFLASH_FULL, s->promised_bytes, room(s));
    return FERRY_OK;
}

static void begin_image(struct ferry_stage *s)
{
    const struct ferry_policy *p = s->site->policy;
    s->rules = (struct ferry_image_rules){
        .chip = p->chip,
        .chip_rev = p->chip_rev,
        .blk_rev = p->blk_rev,
        .ignore_max_rev = p->ignore_max_rev,
        .base_off_bytes = s->step.dest_off_bytes,
        .max_bytes = s->step.dest_size_bytes,
        .min_secure_version = p->anti_rollback ? p->secure_version : 0,
    };
    ferry_image_begin(&s->image, &s->rules);
}

ferry_err ferry_stage_begin(struct ferry_stage *s, const struct ferry_step *step,
                            const uint8_t *sha256, bool *is_held)
{
    struct ferry_reflash *r = s->job;
    *is_held = false;
    if (s->phase == STAGE_CLOSED)
        return fail(s, FERRY_ERR_STATE, 0, 0);
    if (s->phase == STAGE_RECEIVING)
        (void)give_up(s, FERRY_OK);
    if (r->plan.n_steps >= FERRY_PLAN_STEPS)
        return fail(s, FERRY_ERR_REFLASH_STEPS, r->plan.n_steps + 1u, FERRY_PLAN_STEPS);
    s->step = *step;
    s->promised_bytes = step->length_bytes;
    s->has_sha256 = sha256 != NULL;
    s->got_bytes = 0;
    s->step.source = FERRY_SOURCE_STAGED;
    s->step.source_off_bytes = s->area.off_bytes + s->used_bytes;
    s->step.length_bytes = s->promised_bytes ? s->promised_bytes : 1;
    memset(s->step.sha256, 0, sizeof(s->step.sha256));
    if (sha256)
        memcpy(s->step.sha256, sha256, sizeof(s->step.sha256));
    ferry_err err = ferry__step_check(&r->plan, &s->step, &s->fault);
    if (!err)
        err = look_there(s, is_held);
    if (!err && !*is_held)
        err = check_dest(s);
    if (!err && !*is_held)
        err = clear_front(s);
    if (err || *is_held)
        return err;
    ferry_sha256_init(&s->hash);
    begin_image(s);
    s->phase = STAGE_RECEIVING;
    return FERRY_OK;
}

/* Writes the sector in the work memory; the content's last one ends blank. */
static ferry_err flush(struct ferry_stage *s)
{
    const uint32_t at = s->used_bytes + ferry_align_down(s->got_bytes - 1, REFLASH_SECTOR);
    const uint32_t n = s->got_bytes - (at - s->used_bytes);
    memset(ferry__reflash_sector(s->job) + n, 0xff, REFLASH_SECTOR - n);
    ferry_err err = erase_ahead(s, at);
    if (err)
        return err;
    err = ferry__reflash_put(s->job, s->area.off_bytes + at, true);
    if (err)
        s->fault = s->job->fault;
    return err;
}

static ferry_err check_more(struct ferry_stage *s, uint32_t n)
{
    const uint32_t got = s->got_bytes;
    if (n > s->step.dest_size_bytes - got)
        return fail(s, FERRY_ERR_REFLASH_SIZE, got + n, s->step.dest_size_bytes);
    if (s->promised_bytes && n > s->promised_bytes - got)
        return fail(s, FERRY_ERR_UPDATE_LENGTH, got + n, s->promised_bytes);
    if (n > room(s) - got)
        return fail(s, FERRY_ERR_REFLASH_FULL, got + n, room(s));
    return FERRY_OK;
}

static ferry_err take(struct ferry_stage *s, const uint8_t *data, uint32_t n)
{
    ferry_sha256_update(&s->hash, data, n);
    if (s->step.kind == FERRY_STEP_APP) {
        const ferry_err err = ferry_image_feed(&s->image, data, n);
        if (err) {
            s->fault = s->image.fault;
            return err;
        }
    }
    while (n) {
        const uint32_t at = s->got_bytes % REFLASH_SECTOR;
        const uint32_t step = n < REFLASH_SECTOR - at ? n : REFLASH_SECTOR - at;
        memcpy(ferry__reflash_sector(s->job) + at, data, step);
        s->got_bytes += step;
        data += step;
        n -= step;
        const ferry_err err = s->got_bytes % REFLASH_SECTOR ? FERRY_OK : flush(s);
        if (err)
            return err;
    }
    return FERRY_OK;
}

ferry_err ferry_stage_write(struct ferry_stage *s, const void *data, uint32_t n)
{
    if (s->phase != STAGE_RECEIVING)
        return fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = check_more(s, n);
    if (!err)
        err = take(s, data, n);
    return err ? give_up(s, err) : FERRY_OK;
}

static ferry_err check_promises(struct ferry_stage *s)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    if (!s->got_bytes)
        return fail(s, FERRY_ERR_UPDATE_EMPTY, 0, 0);
    if (s->promised_bytes && s->got_bytes != s->promised_bytes)
        return fail(s, FERRY_ERR_UPDATE_LENGTH, s->got_bytes, s->promised_bytes);
    ferry_sha256_finish(&s->hash, sha);
    if (s->has_sha256 && !ferry_equal_const_time(sha, s->step.sha256, sizeof(sha)))
        return fail(s, FERRY_ERR_UPDATE_SHA, 0, 0);
    memcpy(s->step.sha256, sha, sizeof(sha));
    return FERRY_OK;
}

static ferry_err check_staged(struct ferry_stage *s)
{
    struct ferry_reflash *r = s->job;
    const struct ferry_region staged = {r->cfg.flash, s->step.source_off_bytes, s->got_bytes};
    ferry_err err = FERRY_OK;
    uint32_t image_bytes;
    if (s->step.kind == FERRY_STEP_APP)
        err = ferry_image_end(&s->image);
    else if (s->step.kind == FERRY_STEP_BOOTLOADER)
        err = ferry__reflash_bootloader(r, s->site->policy, &staged, &image_bytes);
    else if (s->step.kind == FERRY_STEP_TABLE)
        err = ferry__reflash_table(r, &staged);
    if (err)
        s->fault = s->step.kind == FERRY_STEP_APP ? s->image.fault : r->fault;
    return err;
}

ferry_err ferry_stage_finish(struct ferry_stage *s)
{
    struct ferry_reflash *r = s->job;
    if (s->phase != STAGE_RECEIVING)
        return fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = s->got_bytes % REFLASH_SECTOR ? flush(s) : FERRY_OK;
    if (!err)
        err = check_promises(s);
    if (!err)
        err = check_staged(s);
    if (err)
        return give_up(s, err);
    s->step.length_bytes = s->got_bytes;
    r->plan.steps[r->plan.n_steps] = s->step;
    ferry__reflash_vouch(r);
    s->used_bytes += ferry_align_up(s->got_bytes, REFLASH_SECTOR);
    if (s->erased_bytes < s->used_bytes)
        s->erased_bytes = s->used_bytes;
    s->phase = STAGE_IDLE;
    return FERRY_OK;
}
