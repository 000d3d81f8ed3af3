/* core/slots_idf.c - otadata written exactly as Espressif's esp_ota_ops writes it, windows without
 * a valid entry included: for those who need the same bytes. Facts: docs/formats.md "otadata". */
#include "core/slots_private.h"

/* One erase, one write of 32 bytes, nothing read back. */
static ferry_err rewrite(struct ferry_device *d, struct ferry__otadata_view *v, int i,
                         const struct ferry_otadata *e)
{
    const uint32_t off = (uint32_t)i * FERRY_OTADATA_STRIDE;
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    ferry_err err = ferry_region_erase(&v->region, off, FERRY_OTADATA_STRIDE, false);
    if (!err)
        err = ferry_region_prog(&v->region, off, bytes, sizeof(bytes));
    if (!err)
        err = ferry_region_sync(&v->region);
    if (err)
        return ferry_fail(&d->fault, err, (uint32_t)i, 0, v->region.off_bytes + off);
    return ferry__slots_view(d, v);
}

static ferry_err prepare(struct ferry_device *d, int target, uint8_t *erased)
{
    (void)target; // the inactive entry goes, whichever slot it names
    *erased = 0;  // set_boot erases again
    struct ferry__otadata_view v;
    const ferry_err err = ferry__slots_view(d, &v);
    if (err || !d->policy->rollback || v.s.active < 0)
        return err;
    const int inactive = 1 - v.s.active;
    if (v.s.names[inactive] < 0 || v.s.names[inactive] == d->running)
        return FERRY_OK;
    return ferry__entry_erase(d, &v, inactive);
}

/* The smallest (slot + 1) mod n + i * n that is not below the active seq, in 32-bit arithmetic
 * that wraps like the original. */
static uint32_t next_seq(uint32_t slot, uint32_t n, uint32_t active)
{
    uint32_t seq = (slot + 1) % n;
    if (active > seq)
        seq += (active - seq + n - 1) / n * n;
    return seq;
}

static ferry_err erase_both(struct ferry_device *d, struct ferry__otadata_view *v)
{
    const ferry_err err = ferry__entry_erase(d, v, 0);
    return err ? err : ferry__entry_erase(d, v, 1);
}

static ferry_err set_boot(struct ferry_device *d, int slot, uint32_t flags)
{
    (void)flags;
    struct ferry__otadata_view v;
    const ferry_err err = ferry__slots_view(d, &v);
    if (err)
        return err;
    if (slot == FERRY_SLOT_FACTORY)
        return erase_both(d, &v);
    if (slot < 0 || slot >= d->n_slots)
        return ferry_fail(&d->fault, FERRY_ERR_ARG, (uint32_t)slot, d->n_slots, 0);
    int i = 0;
    uint32_t seq = (uint32_t)slot + 1;
    if (v.s.active >= 0) {
        const bool same = (int)ferry_otadata_slot(v.s.entry[v.s.active].seq, d->n_slots) == slot;
        i = same ? v.s.active : 1 - v.s.active;
        seq = same ? v.s.entry[i].seq
                   : next_seq((uint32_t)slot, d->n_slots, v.s.entry[v.s.active].seq);
    }
    struct ferry_otadata e = v.s.entry[i]; // its label bytes stay
    e.seq = seq;
    e.state = ferry__armed_state(d);
    e.crc = ferry_otadata_crc(seq);
    return rewrite(d, &v, i, &e);
}

/* Espressif confirms the active entry, which after a fallback is not the entry of the slot that
 * runs. */
static ferry_err confirm(struct ferry_device *d)
{
    struct ferry__otadata_view v;
    const ferry_err err = ferry__slots_view(d, &v);
    if (err)
        return err;
    if (v.s.active < 0)
        return ferry_fail(&d->fault, FERRY_ERR_SLOT_NO_ENTRY, (uint32_t)d->running, 0, 0);
    struct ferry_otadata e = v.s.entry[v.s.active];
    if (e.state == FERRY_STATE_VALID)
        return FERRY_OK;
    e.state = FERRY_STATE_VALID;
    return rewrite(d, &v, v.s.active, &e);
}

const struct ferry_slots_writer ferry_slots_idf = {prepare, set_boot, confirm, rewrite, true};
