/* host/partition_copy.c - planning what becomes of the contents. Carrying it out: copy_apply.c. */
#include "partition_copy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHUNK_BYTES 4096u

int ferry_edit_slot(const struct ferry_partition *p)
{
    if (p->type != FERRY_TYPE_APP)
        return FERRY_SLOT_NONE;
    if (p->subtype == FERRY_APP_FACTORY)
        return FERRY_SLOT_FACTORY;
    if (p->subtype == FERRY_APP_TEST)
        return FERRY_SLOT_TEST;
    return (p->subtype & 0xf0) == FERRY_APP_OTA_0 ? p->subtype & 0x0f : FERRY_SLOT_NONE;
}

static bool is_otadata(const struct ferry_partition *p)
{
    return p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_OTA;
}

__attribute__((format(printf, 3, 4))) static void decide(struct ferry_fate_row *f,
                                                         enum ferry_fate fate, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof(f->why), fmt, ap);
    va_end(ap);
    f->fate = fate;
}

/** The part of an old partition that the flash has; one that leaves it is cut. */
static struct ferry_region old_region(const struct ferry_copy *c, const struct ferry_partition *p)
{
    const struct ferry_flash *f = &c->src->file.flash;
    const uint32_t off = p->off_bytes < f->size_bytes ? p->off_bytes : f->size_bytes;
    const uint32_t room = f->size_bytes - off;
    return (struct ferry_region){f, off, p->size_bytes < room ? p->size_bytes : room};
}

/** Up to the last byte that is not erased. */
static ferry_err find_used(const struct ferry_region *r, uint32_t *used_bytes)
{
    uint8_t chunk[CHUNK_BYTES];
    for (uint32_t end = r->size_bytes; end > 0;) {
        const uint32_t n = (end - 1) % CHUNK_BYTES + 1;
        const ferry_err err = ferry_region_read(r, end - n, chunk, n);
        if (err)
            return err;
        for (uint32_t i = n; i > 0; i--) {
            if (chunk[i - 1] != 0xff) {
                *used_bytes = end - n + i;
                return FERRY_OK;
            }
        }
        end -= n;
    }
    *used_bytes = 0;
    return FERRY_OK;
}

/** What must fit: an app's image, whatever an older one left behind it; else all that is used. */
static uint32_t needed(const struct ferry_copy *c, const struct ferry_partition *was,
                       uint32_t used_bytes)
{
    uint8_t work[512];
    struct ferry_image img;
    const struct ferry_region r = old_region(c, was);
    const struct ferry_image_rules rules = {.metadata_only = true, .max_bytes = r.size_bytes};
    if (was->type == FERRY_TYPE_APP && !ferry_image_verify(&r, &rules, work, sizeof(work), &img))
        return img.image_bytes;
    return used_bytes;
}

static ferry_err refuse_small(struct ferry_copy *c, const struct ferry_partition *was,
                              const struct ferry_partition *is, uint32_t n_bytes)
{
    return ferry_edit_refuse(c->edit, FERRY_ERR_IMAGE_SIZE,
                             "%s holds 0x%x bytes; as %s of 0x%x it would be too small for them",
                             was->label, (unsigned)n_bytes, is->label, (unsigned)is->size_bytes);
}

/** A partition that was there before. */
static ferry_err plan_old(struct ferry_copy *c, size_t i, const struct ferry_partition *was)
{
    const struct ferry_partition *is = &c->edit->rows[i].p;
    struct ferry_fate_row *f = &c->fates[i];
    const bool must_live = c->boots && c->boots_row == (int)i;
    const bool stays = was->off_bytes == is->off_bytes;
    const struct ferry_region r = old_region(c, was);
    const ferry_err err = find_used(&r, &f->used_bytes);
    if (err)
        return ferry_edit_refuse(c->edit, err, "%s cannot be read", was->label);
    const uint32_t n_bytes = needed(c, was, f->used_bytes);
    const bool fits = n_bytes <= is->size_bytes;
    if (!fits && (must_live || c->moves))
        return refuse_small(c, was, is, n_bytes);
    if (!stays && must_live && !c->moves)
        return ferry_edit_refuse(c->edit, FERRY_ERR_NO_BOOT,
                                 "%s, the app that boots, would move from 0x%x to 0x%x and not be "
                                 "there; --move takes contents along",
                                 was->label, (unsigned)was->off_bytes, (unsigned)is->off_bytes);
    if (!fits)
        decide(f, FERRY_FATE_ERASED, "0x%x bytes of it do not fit", (unsigned)n_bytes);
    else if (stays && is->size_bytes > was->size_bytes)
        decide(f, FERRY_FATE_KEPT, "what it has gained is erased");
    else if (stays)
        decide(f, FERRY_FATE_KEPT, "%s", "");
    else if (c->moves || is_otadata(is))
        decide(f, FERRY_FATE_MOVED, "from 0x%x", (unsigned)was->off_bytes);
    else
        decide(f, FERRY_FATE_ERASED, "it was at 0x%x", (unsigned)was->off_bytes);
    if (f->used_bytes == 0 && f->fate == FERRY_FATE_ERASED)
        decide(f, FERRY_FATE_ERASED, "it was empty");
    return FERRY_OK;
}

/** The row of the new table that comes from this one of the old; -1. */
static int heir_of(const struct ferry_edit *e, int before)
{
    for (size_t i = 0; i < e->n; i++)
        if (e->rows[i].from == before)
            return (int)i;
    return -1;
}

/** The old row of a slot; of two the last, as the bootloader has it. -1: none. */
static int old_slot_row(const struct ferry_edit *e, int slot)
{
    int found = -1;
    for (size_t i = 0; slot != FERRY_SLOT_NONE && i < e->n_before; i++)
        if (ferry_edit_slot(&e->before[i]) == slot)
            found = (int)i;
    return found;
}

/** Which app boots now, and that it will have a partition. */
static ferry_err find_boot(struct ferry_copy *c)
{
    struct ferry_edit *e = c->edit;
    c->boots = false;
    c->boots_row = -1;
    c->slot = FERRY_SLOT_NONE;
    if (c->src->table_err)
        return FERRY_OK;
    ferry_boot_preview(&c->src->dev, &c->next);
    const int row = old_slot_row(e, c->next.booted);
    if (row < 0)
        return FERRY_OK;
    c->boots = true;
    c->boots_row = heir_of(e, row);
    if (c->boots_row < 0)
        return ferry_edit_refuse(e, FERRY_ERR_NO_BOOT,
                                 "%s at 0x%x, the app that boots, would have no partition",
                                 e->before[row].label, (unsigned)e->before[row].off_bytes);
    c->slot = ferry_edit_slot(&e->rows[c->boots_row].p);
    if (c->slot == FERRY_SLOT_NONE)
        return ferry_edit_refuse(e, FERRY_ERR_NO_BOOT,
                                 "%s, the app that boots, would be no slot that can boot",
                                 e->before[row].label);
    return FERRY_OK;
}

/** Bootloader and app count slots in different ways unless each is there once, from ota_0 on. */
static ferry_err check_slots(struct ferry_edit *e, uint32_t *n_slots)
{
    uint32_t seen = 0;
    *n_slots = 0;
    for (size_t i = 0; i < e->n; i++) {
        const int slot = ferry_edit_slot(&e->rows[i].p);
        if (slot == FERRY_SLOT_NONE)
            continue;
        const uint32_t bit = 1u << (slot - FERRY_SLOT_TEST);
        if (seen & bit)
            return ferry_edit_refuse(e, FERRY_ERR_TABLE_DUPLICATE, "%s would be a second app/%s",
                                     e->rows[i].p.label,
                                     ferry_subtype_name(FERRY_TYPE_APP, e->rows[i].p.subtype));
        seen |= bit;
        *n_slots += slot >= 0;
    }
    if (seen >> -FERRY_SLOT_TEST != (1u << *n_slots) - 1)
        return ferry_edit_refuse(e, FERRY_ERR_SLOT_GAP,
                                 "the %u OTA slots would not count up from ota_0 without a gap",
                                 (unsigned)*n_slots);
    return FERRY_OK;
}

/** True if every number means the app that it meant. */
static bool same_numbers(const struct ferry_copy *c, uint32_t n_slots)
{
    const struct ferry_edit *e = c->edit;
    for (int slot = 0; slot < (int)FERRY_SLOTS_MAX; slot++) {
        const int was = old_slot_row(e, slot);
        const int is = was < 0 ? -1 : heir_of(e, was);
        if ((was < 0) != (slot >= (int)n_slots) ||
            (was >= 0 && (is < 0 || ferry_edit_slot(&e->rows[is].p) != slot)))
            return false;
    }
    return true;
}

/** The state that the old entry of the app has; UNDEFINED if no valid one names it. */
static uint32_t state_of(const struct ferry_copy *c, int before)
{
    const struct ferry_device *d = &c->src->dev;
    const int slot = ferry_edit_slot(&c->edit->before[before]);
    uint32_t state = FERRY_STATE_UNDEFINED, seq = 0;
    for (int i = 0; slot >= 0 && c->next.has_entries && d->n_slot_rows && i < 2; i++) {
        const struct ferry_otadata *e = &c->next.entries[i];
        if (ferry_otadata_is_valid(e) && e->seq >= seq &&
            (int)ferry_otadata_slot(e->seq, d->n_slot_rows) == slot) {
            state = e->state;
            seq = e->seq;
        }
    }
    return state;
}

/** The app to go back to keeps its entry too, if it was confirmed. Its entry comes first. */
static ferry_err entry_of_other(struct ferry_copy *c, uint32_t n_slots, uint32_t *at_least)
{
    const struct ferry_edit *e = c->edit;
    for (size_t i = 0; i < e->n; i++) {
        const int slot = ferry_edit_slot(&e->rows[i].p);
        if (slot < 0 || (int)i == c->boots_row || e->rows[i].from < 0 ||
            c->fates[i].fate == FERRY_FATE_ERASED ||
            state_of(c, e->rows[i].from) != FERRY_STATE_VALID)
            continue;
        uint32_t seq;
        const ferry_err err = ferry_otadata_seq_for((uint32_t)slot, n_slots, 1, &seq);
        if (err)
            return err;
        c->entries[1] = ferry_otadata_make(seq, FERRY_STATE_VALID);
        *at_least = seq + 1;
        break;
    }
    return FERRY_OK;
}

/** otadata for the new numbers. Blank where that boots the right app as well. */
static ferry_err plan_entries(struct ferry_copy *c, size_t i, uint32_t n_slots)
{
    const struct ferry_edit *e = c->edit;
    bool has_factory = false;
    uint32_t at_least = 1, seq;
    memset(c->entries, 0xff, sizeof(c->entries));
    for (size_t k = 0; k < e->n; k++)
        has_factory |= ferry_edit_slot(&e->rows[k].p) == FERRY_SLOT_FACTORY;
    decide(&c->fates[i], FERRY_FATE_REWRITTEN, "blank: %s",
           c->boots ? "that boots the same app" : "nothing booted before");
    const uint32_t state =
        c->boots ? state_of(c, e->rows[c->boots_row].from) : FERRY_STATE_UNDEFINED;
    if (!c->boots || c->slot < 0 ||
        (c->slot == 0 && !has_factory && state == FERRY_STATE_UNDEFINED))
        return FERRY_OK;
    ferry_err err = entry_of_other(c, n_slots, &at_least);
    if (!err)
        err = ferry_otadata_seq_for((uint32_t)c->slot, n_slots, at_least, &seq);
    if (err)
        return ferry_edit_refuse(c->edit, err, "no sequence number is left");
    c->entries[0] = ferry_otadata_make(seq, state);
    decide(&c->fates[i], FERRY_FATE_REWRITTEN, "names %s", e->rows[c->boots_row].p.label);
    return FERRY_OK;
}

static ferry_err plan_otadata(struct ferry_copy *c)
{
    struct ferry_edit *e = c->edit;
    uint32_t n_slots;
    ferry_err err = check_slots(e, &n_slots);
    if (err)
        return err;
    for (size_t i = 0; i < e->n; i++) {
        if (!is_otadata(&e->rows[i].p))
            continue;
        const bool is_new = e->rows[i].from < 0;
        return is_new || !same_numbers(c, n_slots) ? plan_entries(c, i, n_slots) : FERRY_OK;
    }
    if (n_slots)
        return ferry_edit_refuse(e, FERRY_ERR_NO_OTADATA,
                                 "there would be %u OTA slots and no otadata to choose with",
                                 (unsigned)n_slots);
    return FERRY_OK;
}

ferry_err ferry_copy_plan(struct ferry_copy *c)
{
    struct ferry_edit *e = c->edit;
    memset(c->fates, 0, sizeof(c->fates));
    ferry_err err = find_boot(c);
    for (size_t i = 0; !err && i < e->n; i++) {
        if (e->rows[i].from >= 0)
            err = plan_old(c, i, &e->before[e->rows[i].from]);
        else
            decide(&c->fates[i], FERRY_FATE_ERASED, "new");
    }
    return err ? err : plan_otadata(c);
}
