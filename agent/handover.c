/* agent/handover.c - arming the application's slot. The order of the writes is what a power cut
 * asks for: the updater's own entry stands before the application's is touched, and is never the
 * one that is rewritten while the other would boot something else. */
#include "agent/handover.h"

#include <string.h>

static ferry_err fail(struct ferry_device *d, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&d->fault, err, value, limit, 0);
}

ferry_err ferry_handover_check(struct ferry_device *d)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return err;
    if (d->running != FERRY_SLOT_FACTORY && (d->running < 0 || d->running >= d->n_slots))
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    const uint8_t needed = d->running < 0 ? 1 : 2;
    return d->n_slots < needed ? fail(d, FERRY_ERR_NO_SLOT, d->n_slots, needed) : FERRY_OK;
}

ferry_err ferry_handover_spare(struct ferry_device *d, int keep, int *slot)
{
    const ferry_err err = ferry_handover_check(d);
    if (err)
        return err;
    // A small slot, made for an updater, is no place for what fills a large one.
    int found = keep;
    uint32_t least = keep >= 0 ? ferry_device_span(d, keep).size_bytes : 1;
    for (int i = d->n_slots - 1; i >= 0; i--) {
        const uint32_t size = ferry_device_span(d, i).size_bytes;
        if (i == d->running || i == keep || size < least)
            continue;
        found = i;
        least = size;
    }
    *slot = found;
    return FERRY_OK;
}

static ferry_err erase_entry(struct ferry_device *d, int i)
{
    struct ferry_region region;
    ferry_err err = ferry_device_otadata(d, &region);
    if (!err)
        err = ferry_region_erase(&region, (uint32_t)i * FERRY_OTADATA_STRIDE, FERRY_OTADATA_STRIDE,
                                 false);
    if (!err)
        err = ferry_region_sync(&region);
    return err ? fail(d, err, (uint32_t)i, 0) : FERRY_OK;
}

/* An updater in an OTA slot. Its entry is rewritten in place only beside another updater's, which
 * is VALID: beside an armed application's a cut would leave that one alone, and from there the
 * bootloader need not come back. */
static ferry_err settle_in_slot(struct ferry_device *d, const struct ferry_slots *s)
{
    const int r = s->running;
    if (r >= 0 && s->entry[r].state == FERRY_STATE_VALID)
        return FERRY_OK;
    ferry_err err = FERRY_OK;
    if (r >= 0 && ferry_otadata_is_valid(&s->entry[1 - r]) &&
        s->entry[1 - r].state != FERRY_STATE_VALID)
        err = erase_entry(d, 1 - r);
    return err ? err : ferry_slots_confirm(d);
}

ferry_err ferry_handover_settle(struct ferry_device *d)
{
    struct ferry_slots s;
    ferry_err err = ferry_handover_check(d);
    if (!err)
        err = ferry_slots_load(d, &s);
    if (err)
        return err;
    if (d->running >= 0)
        return settle_in_slot(d, &s);
    return s.active >= 0 ? ferry_slots_set_boot(d, FERRY_SLOT_FACTORY, FERRY_SET_BOOT_VERIFIED)
                         : FERRY_OK;
}

/* The slot's entry stands there, NEW, it will be chosen, and nothing else would be but the
 * updater. */
static bool is_armed(const struct ferry_device *d, const struct ferry_slots *s, int slot)
{
    const int a = s->active;
    if (a < 0 || s->names[a] != slot || s->entry[a].state != FERRY_STATE_NEW)
        return false;
    if (d->running >= 0)
        return s->running >= 0 && s->entry[s->running].state == FERRY_STATE_VALID;
    return !ferry_otadata_is_valid(&s->entry[1 - a]);
}

ferry_err ferry_handover_arm(struct ferry_device *d, int slot)
{
    struct ferry_slots s;
    ferry_err err = ferry_handover_check(d);
    if (!err)
        err = ferry_slots_load(d, &s);
    if (err)
        return err;
    if (slot < 0 || slot >= d->n_slots || slot == d->running)
        return fail(d, FERRY_ERR_ARG, (uint32_t)slot, d->n_slots);
    err = ferry_device_verify(d, slot);
    if (err || is_armed(d, &s, slot))
        return err;
    err = ferry_handover_settle(d);
    if (err)
        return err;
    // The application has no say in otadata: even one that rejected itself is started again.
    return ferry_slots_set_boot(d, slot, FERRY_SET_BOOT_VERIFIED | FERRY_SET_BOOT_INVALID_TOO);
}

bool ferry_handover_was_started(struct ferry_device *d, int slot)
{
    struct ferry_slots s;
    if (slot < 0 || ferry_slots_load(d, &s))
        return false;
    for (int i = 0; i < 2; i++)
        if (s.names[i] == slot && s.entry[i].state == FERRY_STATE_ABORTED)
            return true;
    return false;
}

/* ---- the probe ---- */

static ferry_err probe_place(struct ferry_device *d, int *i)
{
    struct ferry_slots s;
    ferry_err err = ferry_handover_check(d);
    if (!err)
        err = ferry_slots_load(d, &s);
    if (err)
        return err;
    *i = d->running >= 0 && s.running >= 0 ? 1 - s.running : 1;
    return FERRY_OK;
}

static ferry_err read_entry(struct ferry_device *d, int i, struct ferry_otadata *e)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (!err)
        *e = s.entry[i];
    return err;
}

ferry_err ferry_probe_write(struct ferry_device *d)
{
    struct ferry_region region;
    struct ferry_otadata e = ferry_otadata_make(0, FERRY_STATE_PENDING);
    uint8_t bytes[FERRY_OTADATA_BYTES];
    int i = 1;
    e.seq = FERRY_OTADATA_SEQ_BLANK;
    e.crc = UINT32_MAX;
    ferry_otadata_encode(&e, bytes);
    ferry_err err = ferry_handover_settle(d);
    if (!err)
        err = probe_place(d, &i);
    if (!err)
        err = erase_entry(d, i);
    if (!err)
        err = ferry_device_otadata(d, &region);
    if (err)
        return err;
    err = ferry_region_prog(&region, (uint32_t)i * FERRY_OTADATA_STRIDE, bytes, sizeof bytes);
    if (!err)
        err = ferry_region_sync(&region);
    return err ? fail(d, err, (uint32_t)i, 0) : FERRY_OK;
}

ferry_err ferry_probe_read(struct ferry_device *d, enum ferry_probe *seen)
{
    struct ferry_otadata e;
    int i = 1;
    ferry_err err = probe_place(d, &i);
    if (!err)
        err = read_entry(d, i, &e);
    if (err)
        return err;
    *seen = FERRY_PROBE_GONE;
    if (e.seq == FERRY_OTADATA_SEQ_BLANK && e.state == FERRY_STATE_PENDING)
        *seen = FERRY_PROBE_WAITING;
    if (e.seq == FERRY_OTADATA_SEQ_BLANK && e.state == FERRY_STATE_ABORTED)
        *seen = FERRY_PROBE_ABORTED;
    return FERRY_OK;
}

ferry_err ferry_probe_erase(struct ferry_device *d)
{
    struct ferry_otadata e;
    int i = 1;
    ferry_err err = probe_place(d, &i);
    if (!err)
        err = read_entry(d, i, &e);
    if (err || ferry_otadata_names_slot(&e) || e.state == FERRY_STATE_UNDEFINED)
        return err;
    return erase_entry(d, i);
}

ferry_err ferry_probe_bootloader(struct ferry_device *d, uint8_t sha256[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 hash;
    uint8_t *const piece = d->work->buffer;
    const uint32_t end = d->table.off_bytes;
    if (!d->policy->chip || d->policy->chip->bootloader_off_bytes >= end)
        return fail(d, FERRY_ERR_CHIP_UNKNOWN, 0, 0);
    ferry_sha256_init(&hash);
    for (uint32_t at = d->policy->chip->bootloader_off_bytes; at < end;) {
        const uint32_t left = end - at;
        const uint32_t n = left < sizeof d->work->buffer ? left : sizeof d->work->buffer;
        const ferry_err err = d->flash->ops->read(d->flash, at, piece, n);
        if (err)
            return ferry_fail(&d->fault, err, 0, 0, at);
        ferry_sha256_update(&hash, piece, n);
        at += n;
    }
    ferry_sha256_finish(&hash, sha256);
    return FERRY_OK;
}
