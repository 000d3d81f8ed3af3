/* core/reflash_area.c - the staging area of a reflash: found where it costs least, and looked at
 * before anything is written there. What it takes in: core/reflash_stage.c. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/slots.h"

/* A step that reads or writes there, or -1. */
static int user_of(const struct ferry_reflash *r, struct ferry_span area)
{
    for (int i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        const bool reads = s->source != FERRY_SOURCE_HELD &&
                           ferry__spans_overlap(area, s->source_off_bytes, s->length_bytes);
        if (reads || ferry__spans_overlap(area, s->dest_off_bytes, s->dest_size_bytes))
            return i;
    }
    return -1;
}

static bool is_free(const struct ferry_reflash *r, struct ferry_span area, struct ferry_span extra)
{
    return area.size_bytes > REFLASH_SECTOR &&
           !ferry__spans_overlap(area, r->cfg.running.off_bytes, r->cfg.running.size_bytes) &&
           !ferry__spans_overlap(area, r->cfg.journal.off_bytes, REFLASH_SECTOR) &&
           !ferry__spans_overlap(area, extra.off_bytes, extra.size_bytes) && user_of(r, area) < 0;
}

/* The i-th slot to try: those behind the running one, round robin, then factory and test. */
static int candidate(const struct ferry_device *dev, int i)
{
    const int first = dev->running < 0 ? 0 : dev->running + 1;
    if (i < dev->n_slots)
        return (first + i) % dev->n_slots;
    return i == dev->n_slots ? FERRY_SLOT_FACTORY : FERRY_SLOT_TEST;
}

/* What staging there would cost: less is better. */
enum loss { LOSS_NONE, LOSS_APP, LOSS_ROLLBACK };

static enum loss loss_of(struct ferry_device *dev, int slot)
{
    int back;
    if (ferry_device_verify(dev, slot))
        return LOSS_NONE;
    return !ferry_slots_rollback_target(dev, &back) && back == slot ? LOSS_ROLLBACK : LOSS_APP;
}

ferry_err ferry_stage_find(const struct ferry_reflash *r, struct ferry_device *dev,
                           uint32_t need_bytes, struct ferry_span extra, struct ferry_span *out,
                           struct ferry_fault *fault)
{
    uint32_t largest = 0;
    int least = LOSS_ROLLBACK + 1;
    for (int i = 0; dev->running != FERRY_SLOT_NONE && i < dev->n_slots + 2; i++) {
        const int slot = candidate(dev, i);
        const struct ferry_span area = ferry_device_span(dev, slot);
        if (slot == dev->running || area.off_bytes % REFLASH_SECTOR || !is_free(r, area, extra))
            continue;
        // Its first sector stays blank.
        const uint32_t room = area.size_bytes - REFLASH_SECTOR;
        largest = largest > room ? largest : room;
        const int loss = room >= need_bytes ? (int)loss_of(dev, slot) : least;
        if (loss < least) {
            *out = area;
            least = loss;
        }
    }
    if (least <= LOSS_ROLLBACK)
        return FERRY_OK;
    return ferry_fail(fault, FERRY_ERR_REFLASH_STAGING, need_bytes, largest, 0);
}

/* Which app goes with what lay in the area; a rollback's before any other. */
static void find_loss(struct ferry_stage *s, struct ferry_device *dev)
{
    enum loss most = LOSS_NONE;
    s->lost_slot = FERRY_SLOT_NONE;
    for (int i = 0; i < dev->n_slots + 2; i++) {
        const int slot = candidate(dev, i);
        const struct ferry_span app = ferry_device_span(dev, slot);
        if (!ferry_ranges_overlap(app.off_bytes, app.size_bytes, s->area.off_bytes,
                                  s->area.size_bytes))
            continue;
        const enum loss loss = loss_of(dev, slot);
        if (loss > most) {
            most = loss;
            s->lost_slot = slot;
        }
    }
    s->loses_rollback = most == LOSS_ROLLBACK;
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
        return ferry__stage_fail(s, FERRY_ERR_FLASH_ALIGN, area.off_bytes | area.size_bytes,
                                 REFLASH_SECTOR);
    if (!area.size_bytes || !ferry_range_fits(area.off_bytes, area.size_bytes, flash_bytes))
        return ferry__stage_fail(s, FERRY_ERR_FLASH_RANGE, area.off_bytes, flash_bytes);
    if (area.off_bytes < first_safe)
        return ferry__stage_fail(s, FERRY_ERR_FLASH_PROTECTED, area.off_bytes, first_safe);
    if (ferry__spans_overlap(area, run.off_bytes, run.size_bytes) ||
        ferry__spans_overlap(area, slot.off_bytes, slot.size_bytes))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_RUNNING, area.off_bytes,
                                 run.size_bytes ? run.off_bytes : slot.off_bytes);
    if (ferry__spans_overlap(area, dev->otadata.off_bytes, dev->otadata.size_bytes))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_OVERLAP, area.off_bytes,
                                 dev->otadata.off_bytes);
    if (ferry__spans_overlap(area, r->cfg.journal.off_bytes, REFLASH_SECTOR))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_JOURNAL, r->cfg.journal.off_bytes,
                                 area.off_bytes);
    const int user = user_of(r, area);
    if (user >= 0)
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_OVERLAP, area.off_bytes,
                                 r->plan.steps[user].dest_off_bytes);
    return FERRY_OK;
}

ferry_err ferry_stage_open(struct ferry_stage *s, struct ferry_reflash *r,
                           const struct ferry_reflash_site *site, struct ferry_device *dev,
                           struct ferry_span area)
{
    memset(s, 0, sizeof(*s));
    s->job = r;
    s->site = site;
    s->area = (struct ferry_region){r->cfg.flash, area.off_bytes, area.size_bytes};
    if (r->phase != REFLASH_OPEN && r->phase != REFLASH_CHECKED)
        return ferry__stage_fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = check_area(s, dev);
    if (err)
        return err;
    const int slot = ferry_device_slot_at(dev, area.off_bytes);
    if (slot != FERRY_SLOT_NONE && ferry_device_span(dev, slot).off_bytes == area.off_bytes)
        s->used_bytes = REFLASH_SECTOR;
    find_loss(s, dev);
    s->phase = STAGE_IDLE;
    return FERRY_OK;
}
