/* core/slots.c - reading otadata from the running app's side, and the choice between the two ways
 * of writing it. Rules: docs/design.md "otadata, written safely", docs/formats.md "otadata". */
#include "ferry/slots.h"

#include "core/slots_private.h"

static const struct ferry_slots_writer *writer(const struct ferry_device *d)
{
    return d->policy->writer ? d->policy->writer : &ferry_slots_safe;
}

static ferry_err fail(struct ferry_device *d, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&d->fault, err, value, limit, 0);
}

static ferry_err check_slots(struct ferry_device *d)
{
    if (d->has_duplicates)
        return fail(d, FERRY_ERR_TABLE_DUPLICATE, 0, 0);
    // The bootloader counts rows, the app counts up to the gap: they would compute other slots.
    if (d->n_slots != d->n_slot_rows)
        return fail(d, FERRY_ERR_SLOT_GAP, d->n_slots, d->n_slot_rows);
    if (!d->n_slots)
        return fail(d, FERRY_ERR_NO_SLOT, 0, 1);
    return FERRY_OK;
}

/* What the entries mean together. */
static void interpret(const struct ferry_device *d, struct ferry_slots *s)
{
    bool runs[2];
    for (int i = 0; i < 2; i++) {
        const struct ferry_otadata *e = &s->entry[i];
        s->names[i] = ferry_otadata_names_slot(e) ? (int)ferry_otadata_slot(e->seq, d->n_slots)
                                                  : FERRY_SLOT_NONE;
        runs[i] = d->running >= 0 && s->names[i] == d->running && ferry_otadata_is_valid(e);
    }
    s->active = ferry_otadata_active(s->entry);
    s->running = ferry_otadata_pick(s->entry, runs, true);
}

ferry_err ferry__slots_view(struct ferry_device *d, struct ferry__otadata_view *v)
{
    ferry_err err = check_slots(d);
    if (!err)
        err = ferry_device_otadata(d, &v->region);
    for (uint32_t i = 0; !err && i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        const uint32_t off = i * FERRY_OTADATA_STRIDE;
        err = ferry_region_read(&v->region, off, bytes, sizeof(bytes));
        if (err)
            return ferry_fail(&d->fault, err, 0, 0, v->region.off_bytes + off);
        ferry_otadata_decode(bytes, &v->s.entry[i]);
    }
    if (!err)
        interpret(d, &v->s);
    return err;
}

ferry_err ferry__entry_erase(struct ferry_device *d, struct ferry__otadata_view *v, int i)
{
    const uint32_t off = (uint32_t)i * FERRY_OTADATA_STRIDE;
    ferry_err err = ferry_region_erase(&v->region, off, FERRY_OTADATA_STRIDE, false);
    if (!err)
        err = ferry_region_sync(&v->region);
    if (err)
        return ferry_fail(&d->fault, err, 0, 0, v->region.off_bytes + off);
    return ferry__slots_view(d, v);
}

uint32_t ferry__armed_state(const struct ferry_device *d)
{
    return d->policy->rollback ? (uint32_t)FERRY_STATE_NEW : FERRY_STATE_UNDEFINED;
}

ferry_err ferry_slots_load(struct ferry_device *d, struct ferry_slots *s)
{
    struct ferry__otadata_view v;
    const ferry_err err = ferry__slots_view(d, &v);
    if (!err)
        *s = v.s;
    return err;
}

ferry_err ferry_slots_state(const struct ferry_slots *s, int slot, uint32_t *state)
{
    bool valid[2];
    bool named[2];
    for (int i = 0; i < 2; i++) {
        named[i] = slot >= 0 && s->names[i] == slot;
        valid[i] = named[i] && ferry_otadata_is_valid(&s->entry[i]);
    }
    int i = ferry_otadata_pick(s->entry, valid, true);
    if (i < 0)
        i = ferry_otadata_pick(s->entry, named, true);
    if (i < 0)
        return FERRY_ERR_NOT_FOUND;
    *state = s->entry[i].state;
    return FERRY_OK;
}

ferry_err ferry_slots_next(struct ferry_device *d, int *slot)
{
    const ferry_err err = check_slots(d);
    if (err)
        return err;
    int next;
    if (d->running >= 0) {
        next = (d->running + 1) % d->n_slots;
    } else if (d->running == FERRY_SLOT_FACTORY) {
        next = 0;
    } else if (d->running == FERRY_SLOT_TEST) {
        // The active entry's slot is what boots after the test: keep it.
        struct ferry_slots s;
        const ferry_err load = ferry_slots_load(d, &s);
        if (load)
            return load;
        next = s.active >= 0 && s.names[s.active] == 0 ? 1 : 0;
    } else {
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    }
    if (next == d->running || next >= d->n_slots)
        return fail(d, FERRY_ERR_NO_SLOT, d->n_slots, 2);
    *slot = next;
    return FERRY_OK;
}

int ferry_slots_boot(const struct ferry_device *d, const struct ferry_slots *s)
{
    if (s->active >= 0 && s->names[s->active] >= 0)
        return s->names[s->active];
    if (d->factory.size_bytes)
        return FERRY_SLOT_FACTORY;
    for (int i = 0; i < (int)FERRY_SLOTS_MAX; i++) {
        if (d->slots[i].size_bytes)
            return i;
    }
    return d->test.size_bytes ? FERRY_SLOT_TEST : FERRY_SLOT_NONE;
}

ferry_err ferry_slots_last_invalid(struct ferry_device *d, int *slot)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return err;
    bool refused[2];
    for (int i = 0; i < 2; i++)
        refused[i] = s.names[i] >= 0 && (s.entry[i].state == FERRY_STATE_INVALID ||
                                         s.entry[i].state == FERRY_STATE_ABORTED);
    const int i = ferry_otadata_pick(s.entry, refused, false);
    if (i < 0 || ferry_device_verify(d, s.names[i]))
        return fail(d, FERRY_ERR_NOT_FOUND, 0, 0);
    *slot = s.names[i];
    return FERRY_OK;
}

ferry_err ferry_slots_rollback_target(struct ferry_device *d, int *slot)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return err;
    const int from = s.running >= 0 ? s.running : s.active;
    if (from >= 0) {
        const int other = s.names[1 - from];
        const bool usable = ferry_otadata_is_valid(&s.entry[1 - from]) && other >= 0;
        if (usable && other != d->running && !ferry_device_verify(d, other)) {
            *slot = other;
            return FERRY_OK;
        }
        // With anti-rollback the bootloader passes a factory app by: its version is too low.
        if (d->factory.size_bytes && !d->policy->anti_rollback &&
            !ferry_device_verify(d, FERRY_SLOT_FACTORY)) {
            *slot = FERRY_SLOT_FACTORY;
            return FERRY_OK;
        }
    }
    return fail(d, FERRY_ERR_ROLLBACK_NONE, 0, 0);
}

ferry_err ferry_slots_prepare(struct ferry_device *d, int target, uint8_t *erased)
{
    if (target == d->running)
        return fail(d, FERRY_ERR_UPDATE_RUNNING, (uint32_t)target, 0);
    if (d->running == FERRY_SLOT_NONE)
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    return writer(d)->prepare(d, target, erased);
}

ferry_err ferry__slots_arm(struct ferry_device *d, int slot, uint32_t flags)
{
    if (d->running == FERRY_SLOT_NONE)
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    return writer(d)->set_boot(d, slot, flags);
}

ferry_err ferry_slots_set_boot(struct ferry_device *d, int slot, uint32_t flags)
{
    ferry_err err = FERRY_OK;
    if (!(flags & FERRY_SET_BOOT_VERIFIED))
        err = ferry_device_verify(d, slot);
    return err ? err : ferry__slots_arm(d, slot, flags);
}

/* Confirm and reject are about an app in an OTA slot. */
static ferry_err check_ota_runs(struct ferry_device *d)
{
    if (d->running == FERRY_SLOT_NONE)
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    return d->running < 0 ? fail(d, FERRY_ERR_SLOT_FACTORY, 0, 0) : FERRY_OK;
}

ferry_err ferry_slots_confirm(struct ferry_device *d)
{
    const ferry_err err = check_ota_runs(d);
    if (err)
        return err;
    return writer(d)->confirm(d);
}

ferry_err ferry_slots_reject(struct ferry_device *d, int *back)
{
    struct ferry__otadata_view v;
    const struct ferry_slots_writer *w = writer(d);
    int target = FERRY_SLOT_NONE;
    ferry_err err = check_ota_runs(d);
    if (!err)
        err = ferry__slots_view(d, &v);
    if (err)
        return err;
    const int i = w->rejects_active ? v.s.active : v.s.running;
    if (i < 0)
        return fail(d, FERRY_ERR_SLOT_NO_ENTRY, (uint32_t)d->running, 0);
    err = ferry_slots_rollback_target(d, &target);
    if (err)
        return err;
    // Back to factory: a valid entry that names this slot again, or a bad image, would win.
    if (!w->rejects_active && target == FERRY_SLOT_FACTORY &&
        ferry_otadata_is_valid(&v.s.entry[1 - i]))
        err = ferry__entry_erase(d, &v, 1 - i);
    struct ferry_otadata e = v.s.entry[i];
    e.state = FERRY_STATE_INVALID;
    if (!err)
        err = w->rewrite(d, &v, i, &e);
    if (!err)
        *back = target;
    return err;
}

/* A slot that force may choose: another one, never rejected, and its image is good. */
static bool can_force(struct ferry_device *d, const struct ferry_slots *s, int slot)
{
    if (slot == d->running || slot == FERRY_SLOT_NONE)
        return false;
    for (int i = 0; i < 2; i++) {
        if (slot >= 0 && s->names[i] == slot && s->entry[i].state == FERRY_STATE_INVALID)
            return false;
    }
    return !ferry_device_verify(d, slot);
}

ferry_err ferry_slots_force(struct ferry_device *d, int *slot)
{
    struct ferry_slots s;
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return err;
    const int from = s.running >= 0 ? s.running : s.active;
    int found = from >= 0 ? s.names[1 - from] : FERRY_SLOT_NONE;
    const int start = d->running >= 0 ? d->running : d->n_slots;
    for (int k = 1; !can_force(d, &s, found) && k <= d->n_slots; k++)
        found = (start + d->n_slots - k) % d->n_slots;
    if (!can_force(d, &s, found))
        found = FERRY_SLOT_FACTORY;
    if (!can_force(d, &s, found))
        return fail(d, FERRY_ERR_ROLLBACK_NONE, 0, 0);
    const ferry_err set = ferry_slots_set_boot(d, found, FERRY_SET_BOOT_VERIFIED);
    if (!set)
        *slot = found;
    return set;
}

ferry_err ferry_slots_cancel_force(struct ferry_device *d)
{
    struct ferry_slots s;
    if (d->running == FERRY_SLOT_NONE)
        return fail(d, FERRY_ERR_SLOT_UNKNOWN, 0, 0);
    const ferry_err err = ferry_slots_load(d, &s);
    if (err)
        return err;
    if (s.active < 0 || s.names[s.active] == d->running)
        return fail(d, FERRY_ERR_NOT_FORCED, 0, 0);
    // Without an entry of their own, factory and test boot again once no slot is selected.
    const int slot = d->running < 0 ? FERRY_SLOT_FACTORY : d->running;
    return ferry__slots_arm(d, slot, FERRY_SET_BOOT_PENDING_TOO);
}
