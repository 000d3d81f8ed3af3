/* core/slots_mend.c - otadata put in order: what boots is what it says, and nothing unsound stays.
 * A repair tool's call; firmware that never mends does not link it. The entry that decides today is
 * touched only after another one decides the same. */
#include "core/slots_private.h"

/* A number that set_boot could still count up from. */
static bool in_range(const struct ferry_device *d, uint32_t seq)
{
    return seq <= UINT32_MAX - 2u * d->n_slots;
}

static bool is_blank(const struct ferry_otadata *e)
{
    uint8_t bytes[FERRY_OTADATA_BYTES];
    ferry_otadata_encode(e, bytes);
    for (uint32_t k = 0; k < sizeof(bytes); k++) {
        if (bytes[k] != 0xff)
            return false;
    }
    return true;
}

/* The entry could have been written by an app or the bootloader, and says something true. */
static bool is_sound(struct ferry_device *d, const struct ferry_slots *s, int i)
{
    return s->names[i] >= 0 && in_range(d, s->entry[i].seq) &&
           ferry_otadata_state_name(s->entry[i].state) != NULL &&
           ferry_device_verify(d, s->names[i]) == FERRY_OK;
}

/* The running slot gets a fresh entry in the place that is not active. Above the active one if
 * there are numbers left; below it otherwise, and then it counts once the active one is gone. */
static ferry_err write_fresh(struct ferry_device *d, struct ferry__otadata_view *v, int *place)
{
    const int active = v->s.active;
    uint32_t seq = 0;
    const bool above = active >= 0 && in_range(d, v->s.entry[active].seq);
    const ferry_err err = ferry_otadata_seq_for((uint32_t)d->running, d->n_slots,
                                                above ? v->s.entry[active].seq + 1 : 0, &seq);
    if (err)
        return ferry_fail(&d->fault, err, above ? v->s.entry[active].seq : 0,
                          UINT32_MAX - 2u * d->n_slots, 0);
    // Nobody has confirmed it here: the state that says so.
    const struct ferry_otadata e = ferry_otadata_make(seq, FERRY_STATE_UNDEFINED);
    *place = active >= 0 ? 1 - active : 0;
    return ferry_slots_safe.rewrite(d, v, *place, &e);
}

ferry_err ferry_slots_mend(struct ferry_device *d)
{
    struct ferry__otadata_view v;
    if (d->running == FERRY_SLOT_NONE)
        return ferry_fail(&d->fault, FERRY_ERR_SLOT_UNKNOWN, 0, 0, 0);
    ferry_err err = ferry__slots_view(d, &v);
    if (err)
        return err;
    const int active = v.s.active;
    int keep = FERRY_SLOT_NONE; // the entry of the running slot
    if (d->running >= 0) {
        keep = active;
        if (active < 0 || v.s.names[active] != d->running || !is_sound(d, &v.s, active))
            err = write_fresh(d, &v, &keep);
    }
    // The active entry last: until then it says what it said.
    const int last = active >= 0 ? active : 1;
    for (int k = 0; !err && k < 2; k++) {
        const int i = k ? last : 1 - last;
        if (i == keep || is_blank(&v.s.entry[i]) || is_sound(d, &v.s, i))
            continue;
        err = ferry__entry_erase(d, &v, i);
    }
    return err;
}
