/* core/reflash_check.c - all that is asked of a plan before the first destination byte changes:
 * ranges, sources, contents, order, windows, and the layout that is left behind. Reads flash,
 * writes nothing. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

static ferry_err fail_step(struct ferry_reflash *r, int step, ferry_err err)
{
    if (err)
        r->step = step;
    return err;
}

/* ---- ranges ---- */

static ferry_err check_running(struct ferry_reflash *r)
{
    const struct ferry_span run = r->cfg.running;
    for (int i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        if (s->source != FERRY_SOURCE_HELD &&
            ferry_ranges_overlap(s->dest_off_bytes, s->dest_size_bytes, run.off_bytes,
                                 run.size_bytes))
            return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_RUNNING, s->dest_off_bytes,
                                       run.off_bytes, 0);
    }
    return FERRY_OK;
}

/* The journal belongs to no partition: whoever uses that one would write over it. */
static ferry_err check_journal(struct ferry_reflash *r, const struct ferry_table *t)
{
    const uint32_t off = r->cfg.journal.off_bytes;
    for (uint32_t i = 0; i < t->n_partitions; i++) {
        struct ferry_partition p;
        const ferry_err err = ferry_table_get(t, i, &p);
        if (err)
            return ferry__reflash_fail(r, -1, err, 0, 0, t->off_bytes);
        if (ferry_ranges_overlap(off, REFLASH_SECTOR, p.off_bytes, p.size_bytes))
            return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_JOURNAL, off, p.off_bytes, 0);
    }
    if (ferry_ranges_overlap(off, REFLASH_SECTOR, t->off_bytes, REFLASH_SECTOR))
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_JOURNAL, off, t->off_bytes, 0);
    return FERRY_OK;
}

/* The contents of a plan have one view of the flash. If that one encrypts, what others read and
 * write without encryption can be no destination, and no source. */
static ferry_err check_view(struct ferry_reflash *r, const struct ferry_table *t, bool of_sources)
{
    struct ferry_partition p;
    for (uint32_t i = 0; r->cfg.flash != r->cfg.journal.flash && i < t->n_partitions; i++) {
        const ferry_err err = ferry_table_get(t, i, &p);
        if (err)
            return ferry__reflash_fail(r, -1, err, 0, 0, t->off_bytes);
        const bool encrypted = p.type == FERRY_TYPE_APP || (p.flags & FERRY_FLAG_ENCRYPTED) ||
                               (p.type == FERRY_TYPE_DATA &&
                                (p.subtype == FERRY_DATA_OTA || p.subtype == FERRY_DATA_NVS_KEYS));
        for (int k = 0; !encrypted && k < r->plan.n_steps; k++) {
            const struct ferry_step *s = &r->plan.steps[k];
            const uint32_t off = of_sources ? s->source_off_bytes : s->dest_off_bytes;
            const uint32_t n = of_sources ? s->length_bytes : ferry__step_work_bytes(s);
            if ((!of_sources || s->source == FERRY_SOURCE_MOVED) &&
                ferry_ranges_overlap(off, n, p.off_bytes, p.size_bytes))
                return ferry__reflash_fail(r, k, FERRY_ERR_REFLASH_PLAIN, off, p.off_bytes, 0);
        }
    }
    return FERRY_OK;
}

static ferry_err check_ranges(struct ferry_reflash *r, const struct ferry_reflash_site *site)
{
    struct ferry_table today;
    const struct ferry_span boot =
        ferry__reflash_bootloader_place(site->policy, site->table_off_bytes);
    const uint32_t off = r->cfg.journal.off_bytes;
    if (!r->plan.n_steps)
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_NONE, 0, 0, 0);
    ferry_err err = ferry__plan_check(&r->plan, false, &r->step, &r->fault);
    if (!err)
        err = check_running(r);
    if (err)
        return err;
    if (ferry_ranges_overlap(off, REFLASH_SECTOR, boot.off_bytes, boot.size_bytes))
        return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_JOURNAL, off, boot.off_bytes, 0);
    // A device without a table has no partitions to look after.
    if (ferry_table_open(&today, r->cfg.flash, site->table_off_bytes, NULL))
        return FERRY_OK;
    err = check_view(r, &today, true);
    return err ? err : check_journal(r, &today);
}

/* ---- contents ---- */

static ferry_err check_sources(struct ferry_reflash *r, struct ferry_reflash_bench *b,
                               struct ferry_reflash_report *report)
{
    uint32_t time_us = REFLASH_JOURNAL_US;
    const bool vouched = ferry__reflash_vouchers(&r->plan) == r->vouched;
    for (int i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        const uint32_t off =
            s->source == FERRY_SOURCE_HELD ? s->dest_off_bytes : s->source_off_bytes;
        uint8_t sha[FERRY_SHA256_BYTES];
        r->step = i;
        // What was hashed when it was added, in this session, is not read again.
        ferry_err err = vouched ? FERRY_OK : ferry__reflash_hash(r, off, s->length_bytes, sha);
        if (err)
            return err;
        if (!vouched && s->length_bytes && memcmp(sha, s->sha256, sizeof(sha)) != 0)
            return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_SOURCE, 0, 0, off);
        struct ferry__reflash_cost cost;
        err = ferry__reflash_cost(r, s, &cost);
        if (err)
            return err;
        b->n_differ[i] = cost.n_sectors;
        b->time_us[i] = cost.time_us;
        report->n_sectors += cost.n_sectors;
        time_us += cost.time_us;
    }
    report->time_ms = report->n_sectors ? time_us / 1000 : 0;
    return FERRY_OK;
}

/* As they will lie: what is behind a content in its region is seen too. */
static ferry_err check_contents(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                                struct ferry_reflash_bench *b)
{
    ferry__reflash_view(b, r, r->plan.n_steps);
    for (int i = 0; i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        const struct ferry_region region = {&b->view, s->dest_off_bytes, s->dest_size_bytes};
        const ferry_err err = ferry__reflash_content(r, site->policy, s, &region, &b->work);
        if (err)
            return fail_step(r, i, err);
    }
    return FERRY_OK;
}

/* ---- the new layout ---- */

static ferry_err check_app_place(struct ferry_reflash *r, int i, const struct ferry_table *t)
{
    const struct ferry_step *s = &r->plan.steps[i];
    struct ferry_partition p;
    for (uint32_t at = 0;; at++) {
        const ferry_err err = ferry_table_find(t, FERRY_TYPE_APP, FERRY_SUBTYPE_ANY, NULL, &at, &p);
        if (err == FERRY_ERR_NOT_FOUND)
            return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_PLACE, s->dest_off_bytes, 0, 0);
        if (err)
            return ferry__reflash_fail(r, i, err, 0, 0, t->off_bytes);
        if (p.off_bytes == s->dest_off_bytes)
            break;
    }
    if (s->length_bytes > p.size_bytes)
        return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_SIZE, s->length_bytes, p.size_bytes, 0);
    return FERRY_OK;
}

static ferry_err check_bootloader_place(struct ferry_reflash *r, int i,
                                        const struct ferry_reflash_site *site,
                                        const struct ferry_table *t)
{
    const struct ferry_step *s = &r->plan.steps[i];
    const struct ferry_span place = ferry__reflash_bootloader_place(site->policy, t->off_bytes);
    if (site->recovery_off_bytes && s->dest_off_bytes == site->recovery_off_bytes)
        return FERRY_OK;
    if (site->policy->chip && s->dest_off_bytes != place.off_bytes)
        return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_PLACE, s->dest_off_bytes,
                                   place.off_bytes, 0);
    if (s->length_bytes > place.size_bytes)
        return ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_SIZE, s->length_bytes, place.size_bytes,
                                   0);
    return FERRY_OK;
}

static ferry_err check_places(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                              const struct ferry_table *t)
{
    ferry_err err = FERRY_OK;
    for (int i = 0; !err && i < r->plan.n_steps; i++) {
        const struct ferry_step *s = &r->plan.steps[i];
        if (s->kind == FERRY_STEP_APP)
            err = check_app_place(r, i, t);
        else if (s->kind == FERRY_STEP_BOOTLOADER)
            err = check_bootloader_place(r, i, site, t);
        else if (s->kind == FERRY_STEP_TABLE && s->dest_off_bytes != t->off_bytes)
            err = ferry__reflash_fail(r, i, FERRY_ERR_REFLASH_PLACE, s->dest_off_bytes,
                                      t->off_bytes, 0);
    }
    return err;
}

static bool is_brought(const struct ferry_reflash *r, uint32_t off)
{
    for (int i = 0; i < r->plan.n_steps; i++) {
        if (r->plan.steps[i].dest_off_bytes == off)
            return true;
    }
    return false;
}

/* Each NVS partition of today stays where it is or comes along. */
static ferry_err check_nvs(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                           const struct ferry_table *t)
{
    struct ferry_table today;
    struct ferry_partition old, new;
    if (ferry_table_open(&today, r->cfg.flash, site->table_off_bytes, NULL))
        return FERRY_OK;
    for (uint32_t i = 0;; i++) {
        ferry_err err = ferry_table_find(&today, FERRY_TYPE_DATA, FERRY_DATA_NVS, NULL, &i, &old);
        if (err == FERRY_ERR_NOT_FOUND)
            return FERRY_OK;
        uint32_t k = 0;
        if (!err)
            err = ferry_table_find(t, FERRY_TYPE_DATA, FERRY_DATA_NVS, old.label, &k, &new);
        if (err && err != FERRY_ERR_NOT_FOUND)
            return ferry__reflash_fail(r, -1, err, 0, 0, today.off_bytes);
        if (err || (new.off_bytes != old.off_bytes && !is_brought(r, new.off_bytes)))
            return ferry__reflash_fail(r, -1, FERRY_ERR_REFLASH_LOST, old.off_bytes, 0, 0);
    }
}

/* b->dev was opened over the result by ferry__reflash_order, and what boots is known. */
static ferry_err check_layout(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                              struct ferry_reflash_bench *b, uint32_t flags)
{
    struct ferry_device *d = &b->dev;
    struct ferry_table t;
    ferry_err err = ferry_table_open(&t, &b->view, b->table_off_bytes, &r->fault);
    if (err)
        return fail_step(r, -1, err);
    err = check_journal(r, &t);
    if (!err)
        err = check_view(r, &t, false);
    if (!err)
        err = check_places(r, site, &t);
    if (!err && d->n_slot_rows && !d->otadata.size_bytes)
        err = ferry__reflash_fail(r, -1, FERRY_ERR_NO_OTADATA, 0, 0, 0);
    if (!err && b->boot.booted == FERRY_SLOT_NONE)
        err = ferry__reflash_fail(r, -1, FERRY_ERR_NO_BOOT, b->boot.n_tried, 0, 0);
    if (!err && !(flags & FERRY_REFLASH_DROP_DATA))
        err = check_nvs(r, site, &t);
    return err;
}

/* ---- the verdict ---- */

static ferry_err check_danger(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                              uint32_t flags, const struct ferry_reflash_report *report)
{
    const int i = r->plan.switch_step;
    if ((flags & FERRY_REFLASH_DANGEROUS) || i >= r->plan.n_steps)
        return FERRY_OK;
    if (report->window_sectors)
        return ferry__reflash_fail(r, report->window_step, FERRY_ERR_REFLASH_WINDOW,
                                   report->window_sectors, report->window_ms, 0);
    return ferry__reflash_fail(r, i, FERRY_ERR_FLASH_PROTECTED, r->plan.steps[i].dest_off_bytes,
                               site->table_off_bytes + REFLASH_SECTOR, 0);
}

static void report_boot(const struct ferry_reflash *r, struct ferry_reflash_bench *b,
                        struct ferry_reflash_report *report)
{
    const struct ferry_span app = ferry_device_span(&b->dev, b->boot.booted);
    report->boots = b->boot.booted;
    report->boots_off_bytes = app.off_bytes;
    report->boots_running = app.size_bytes && app.off_bytes == r->cfg.running.off_bytes;
}

static ferry_err check_all(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                           uint32_t flags, struct ferry_reflash_bench *b,
                           struct ferry_reflash_report *report)
{
    ferry_err err = check_ranges(r, site);
    if (!err)
        err = check_sources(r, b, report);
    if (!err)
        err = ferry__reflash_order(r, site, b, report);
    if (!err)
        err = ferry__plan_check(&r->plan, true, &r->step, &r->fault);
    if (err)
        return err;
    report_boot(r, b, report);
    if (!(flags & FERRY_REFLASH_FOREIGN)) {
        report->no_return_step = -1;
        err = check_layout(r, site, b, flags);
    }
    if (!err)
        err = check_contents(r, site, b);
    return err ? err : check_danger(r, site, flags, report);
}

ferry_err ferry_reflash_check(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                              uint32_t flags, struct ferry_reflash_bench *bench,
                              struct ferry_reflash_report *report)
{
    *report = (struct ferry_reflash_report){
        .window_step = -1, .no_return_step = -1, .boots = FERRY_SLOT_NONE};
    if (r->phase != REFLASH_OPEN && r->phase != REFLASH_CHECKED)
        return ferry__reflash_fail(r, -1, FERRY_ERR_STATE, 0, 0, 0);
    // Whoever trusts keys takes nothing unsigned, by no other door either.
    if (site->policy->gate && !r->cfg.gate)
        return ferry__reflash_fail(r, -1, FERRY_ERR_SIGNATURE_NONE, 0, 0, 0);
    r->phase = REFLASH_OPEN;
    r->plan.flags = flags;
    const ferry_err err = check_all(r, site, flags, bench, report);
    if (err)
        return err;
    uint8_t *bytes = ferry__reflash_plan_bytes(r);
    r->checked = ferry_crc32(0, bytes, ferry_plan_encode(&r->plan, bytes));
    r->n_needed = report->n_sectors;
    r->phase = REFLASH_CHECKED;
    r->step = -1;
    return FERRY_OK;
}
