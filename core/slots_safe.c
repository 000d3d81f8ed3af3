/* core/slots_safe.c - otadata written so that every instant boots a good image.
 * R is the running slot's valid entry. The entry that is not R is the one to write; R itself is
 * rewritten only while the other entry, or the factory app, would boot instead. Each rule and the
 * cut it survives: docs/design.md "otadata, written safely". */
#include "core/slots_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

/* Where the programming of an entry is split: up to here first, the CRC last. A torn write then
 * never reads as an entry, whatever state its bits happen to spell. */
static uint32_t split_off(const struct ferry_region *r)
{
    return FERRY_OTADATA_CRC_OFF - FERRY_OTADATA_CRC_OFF % r->flash->prog_bytes;
}

static ferry_err prog_and_read_back(const struct ferry_region *r, uint32_t off,
                                    const uint8_t *bytes, uint32_t n)
{
    uint8_t seen[FERRY_OTADATA_BYTES];
    ferry_err err = ferry_region_prog(r, off, bytes, n);
    if (!err)
        err = ferry_region_sync(r);
    if (!err)
        err = ferry_region_read(r, off, seen, n);
    if (!err && memcmp(seen, bytes, n) != 0)
        err = FERRY_ERR_OTADATA_VERIFY;
    return err;
}

static ferry_err write_entry(struct ferry_device *d, struct ferry__otadata_view *v, int i,
                             const struct ferry_otadata *e, bool is_erased)
{
    const uint32_t off = (uint32_t)i * FERRY_OTADATA_STRIDE;
    const uint32_t split = split_off(&v->region);
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    ferry_err err = FERRY_OK;
    if (!is_erased)
        err = ferry_region_erase(&v->region, off, FERRY_OTADATA_STRIDE, false);
    if (!err)
        err = prog_and_read_back(&v->region, off, bytes, split);
    if (!err)
        err = prog_and_read_back(&v->region, off + split, bytes + split, sizeof(bytes) - split);
    if (err)
        return ferry_fail(&d->fault, err, (uint32_t)i, 0, v->region.off_bytes + off);
    return ferry__slots_view(d, v);
}

/* A fresh entry for `slot`, above whatever is active. */
static ferry_err make_above(struct ferry_device *d, const struct ferry_slots *s, int slot,
                            uint32_t at_least, uint32_t state, struct ferry_otadata *out)
{
    uint32_t seq = 0;
    const ferry_err err = ferry_otadata_seq_for((uint32_t)slot, d->n_slots, at_least, &seq);
    if (err)
        return ferry_fail(&d->fault, err, s->active >= 0 ? s->entry[s->active].seq : 0,
                          UINT32_MAX - 2u * d->n_slots, 0);
    *out = ferry_otadata_make(seq, state);
    return FERRY_OK;
}

static uint32_t active_seq(const struct ferry_slots *s)
{
    return s->active >= 0 ? s->entry[s->active].seq : 0;
}

/* The slot that runs by fallback has no entry. It gets one in the place that is not active. */
static ferry_err give_running_entry(struct ferry_device *d, struct ferry__otadata_view *v,
                                    uint32_t state)
{
    struct ferry_otadata e;
    const uint32_t at_least = v->s.active >= 0 ? active_seq(&v->s) + 1 : 0;
    const ferry_err err = make_above(d, &v->s, d->running, at_least, state, &e);
    if (err)
        return err;
    return write_entry(d, v, v->s.active >= 0 ? 1 - v->s.active : 0, &e, false);
}

/* Erases both, the active one last: until then it still says what it said. */
static ferry_err erase_both(struct ferry_device *d, struct ferry__otadata_view *v)
{
    const int last = v->s.active >= 0 ? v->s.active : 0;
    const ferry_err err = ferry__entry_erase(d, v, 1 - last);
    return err ? err : ferry__entry_erase(d, v, last);
}

static ferry_err prepare(struct ferry_device *d, int target, uint8_t *erased)
{
    struct ferry__otadata_view v;
    ferry_err err = ferry__slots_view(d, &v);
    if (err)
        return err;
    if (d->running == FERRY_SLOT_FACTORY) {
        err = erase_both(d, &v);
        if (!err)
            *erased = 3;
        return err;
    }
    if (d->running >= 0 && v.s.running < 0)
        err = give_running_entry(d, &v, FERRY_STATE_UNDEFINED);
    uint8_t mask = 0;
    for (int i = 0; !err && i < 2; i++) {
        if (v.s.names[i] != target)
            continue;
        err = ferry__entry_erase(d, &v, i);
        mask = (uint8_t)(mask | 1u << i);
    }
    if (!err)
        *erased = mask;
    return err;
}

/* Which entry a new choice goes to: the one that is not R; without R, Espressif's. */
static int entry_for(const struct ferry_slots *s, int slot)
{
    if (s->running >= 0)
        return 1 - s->running;
    if (s->active < 0)
        return 0;
    return s->names[s->active] == slot ? s->active : 1 - s->active;
}

static ferry_err check_set_boot(struct ferry_device *d, const struct ferry_slots *s, int slot,
                                uint32_t flags)
{
    if (s->running >= 0 && s->entry[s->running].state == FERRY_STATE_PENDING &&
        !(flags & FERRY_SET_BOOT_PENDING_TOO))
        return ferry_fail(&d->fault, FERRY_ERR_UPDATE_PENDING, (uint32_t)d->running, 0, 0);
    for (int i = 0; i < 2; i++) {
        if (slot >= 0 && s->names[i] == slot && s->entry[i].state == FERRY_STATE_INVALID &&
            !(flags & FERRY_SET_BOOT_INVALID_TOO))
            return ferry_fail(&d->fault, FERRY_ERR_SLOT_INVALID, (uint32_t)slot, 0, 0);
    }
    return FERRY_OK;
}

/* Nothing to write: the slot's entry is active and was not waiting for a first boot. */
static bool boots_already(const struct ferry_slots *s, int slot)
{
    if (s->active < 0 || s->names[s->active] != slot)
        return false;
    const uint32_t state = s->entry[s->active].state;
    return state != FERRY_STATE_NEW && state != FERRY_STATE_PENDING;
}

static ferry_err set_boot(struct ferry_device *d, int slot, uint32_t flags)
{
    struct ferry__otadata_view v;
    ferry_err err = ferry__slots_view(d, &v);
    if (!err)
        err = check_set_boot(d, &v.s, slot, flags);
    if (err)
        return err;
    if (slot == FERRY_SLOT_FACTORY)
        return erase_both(d, &v);
    if (slot < 0 || slot >= d->n_slots)
        return ferry_fail(&d->fault, FERRY_ERR_ARG, (uint32_t)slot, d->n_slots, 0);
    if (boots_already(&v.s, slot))
        return FERRY_OK;
    if (d->running >= 0 && v.s.running < 0)
        err = give_running_entry(d, &v, FERRY_STATE_UNDEFINED);
    if (err)
        return err;
    // The running slot needs no new entry, only the forced one out of its way.
    if (slot == d->running)
        return v.s.active == v.s.running ? FERRY_OK : ferry__entry_erase(d, &v, v.s.active);
    struct ferry_otadata e;
    err = make_above(d, &v.s, slot, active_seq(&v.s), ferry__armed_state(d), &e);
    if (err)
        return err;
    const int i = entry_for(&v.s, slot);
    return write_entry(d, &v, i, &e, (flags >> 8 & 1u << i) != 0);
}

static ferry_err confirm(struct ferry_device *d)
{
    struct ferry__otadata_view v;
    ferry_err err = ferry__slots_view(d, &v);
    if (err)
        return err;
    const int r = v.s.running;
    if (r < 0)
        return give_running_entry(d, &v, FERRY_STATE_VALID);
    struct ferry_otadata e = v.s.entry[r];
    if (e.state == FERRY_STATE_VALID)
        return FERRY_OK;
    const int other = 1 - r;
    if (ferry_otadata_is_valid(&v.s.entry[other]) && v.s.names[other] != d->running) {
        e.state = FERRY_STATE_VALID;
        return write_entry(d, &v, r, &e, false);
    }
    // No other entry would boot while R is rewritten: the confirmed one is built beside it.
    err = make_above(d, &v.s, d->running, e.seq + 1, FERRY_STATE_VALID, &e);
    if (!err)
        err = write_entry(d, &v, other, &e, false);
    return err ? err : ferry__entry_erase(d, &v, r);
}

static ferry_err rewrite(struct ferry_device *d, struct ferry__otadata_view *v, int i,
                         const struct ferry_otadata *e)
{
    return write_entry(d, v, i, e, false);
}

const struct ferry_slots_writer ferry_slots_safe = {prepare, set_boot, confirm, rewrite, false};
