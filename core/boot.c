/* core/boot.c - the bootloader's decision, pure. Executed by core/boot_run.c.
 * Rules, and where their oddities come from: docs/formats.md "Boot". */
#include "ferry/boot.h"

enum leg { LEG_DOWN, LEG_UP, LEG_TEST, LEG_END };

static bool version_allows(const struct ferry_boot *b, int slot)
{
    if (!b->dev->policy->anti_rollback)
        return true;
    if (!ferry_device_span(b->dev, slot).size_bytes)
        return false; // a table with a gap: there is no app whose version could do
    uint32_t version = 0;
    if (b->versions->secure_version(b->versions->ctx, slot, &version))
        return false;
    return version >= b->dev->policy->secure_version;
}

/* A running app that was still unconfirmed at the reset has failed. The bootloader looks at the
 * state alone here: not at seq, not at the CRC. */
static void abort_pending(struct ferry_boot *b)
{
    for (uint8_t i = 0; i < 2; i++) {
        if (b->entries[i].state == FERRY_STATE_PENDING) {
            b->entries[i].state = FERRY_STATE_ABORTED;
            b->writes[b->n_writes++] = i;
        }
    }
}

static bool is_blank(const struct ferry_otadata *e)
{
    return !ferry_otadata_names_slot(e);
}

/* Neither entry may be used. True if that settles the start. */
static bool start_without_entries(struct ferry_boot *b)
{
    const struct ferry_device *d = b->dev;
    const struct ferry_otadata *e = b->entries;
    const bool both_blank = is_blank(&e[0]) && is_blank(&e[1]);
    if (d->policy->anti_rollback) {
        if (!both_blank)
            return false;
        b->is_initial = true;
        b->start = FERRY_SLOT_FACTORY;
        b->why = FERRY_BOOT_BLANK_FACTORY;
        return true;
    }
    const bool both_out = ferry_otadata_is_out(&e[0]) && ferry_otadata_is_out(&e[1]);
    if (!both_out && d->n_slot_rows)
        return false;
    if (d->factory.off_bytes) {
        b->start = FERRY_SLOT_FACTORY;
        b->why = d->n_slot_rows ? FERRY_BOOT_BLANK_FACTORY : FERRY_BOOT_NO_SLOTS;
        return true;
    }
    b->start = 0;
    b->is_initial = both_blank;
    b->why = FERRY_BOOT_BLANK_FIRST_SLOT;
    return true;
}

static int find_active(const struct ferry_boot *b)
{
    const struct ferry_device *d = b->dev;
    bool usable[2];
    for (int i = 0; i < 2; i++) {
        const struct ferry_otadata *e = &b->entries[i];
        usable[i] = ferry_otadata_is_valid(e) && d->n_slot_rows;
        if (usable[i] && d->policy->anti_rollback)
            usable[i] = version_allows(b, (int)ferry_otadata_slot(e->seq, d->n_slot_rows));
    }
    return ferry_otadata_pick(b->entries, usable, true);
}

static void start_from_active(struct ferry_boot *b)
{
    const int active = find_active(b);
    b->active = (int8_t)active;
    if (active < 0) {
        b->start = FERRY_SLOT_FACTORY;
        b->why = FERRY_BOOT_NO_ACTIVE;
        return;
    }
    struct ferry_otadata *e = &b->entries[active];
    b->start = (int)ferry_otadata_slot(e->seq, b->dev->n_slot_rows);
    b->why = FERRY_BOOT_ACTIVE;
    if (b->dev->policy->anti_rollback && e->state == FERRY_STATE_VALID)
        b->raise_from = b->start;
    if (b->dev->policy->rollback && e->state == FERRY_STATE_NEW) {
        e->state = FERRY_STATE_PENDING;
        b->writes[b->n_writes++] = (uint8_t)active;
    }
}

void ferry_boot_select(struct ferry_boot *b, const struct ferry_device *dev,
                       const struct ferry_boot_versions *versions,
                       const struct ferry_otadata entries[2], bool otadata_ok)
{
    *b = (struct ferry_boot){
        .dev = dev,
        .versions = versions,
        .entries = {entries[0], entries[1]},
        .active = -1,
        .raise_from = FERRY_SLOT_NONE,
    };
    if (!dev->otadata.off_bytes) {
        b->start = FERRY_SLOT_FACTORY;
        b->why = FERRY_BOOT_NO_OTADATA;
    } else if (dev->otadata.size_bytes < FERRY_OTADATA_PARTITION_BYTES || !otadata_ok) {
        b->start = FERRY_SLOT_NONE;
        b->why = FERRY_BOOT_OTADATA_UNUSABLE;
    } else {
        if (dev->policy->rollback)
            abort_pending(b);
        if (!start_without_entries(b))
            start_from_active(b);
    }
    b->cursor = b->start;
    b->leg = b->start == FERRY_SLOT_NONE ? LEG_END : LEG_DOWN;
}

void ferry_boot_hold_test(struct ferry_boot *b)
{
    const bool present = b->dev->test.off_bytes != 0;
    b->start = present ? FERRY_SLOT_TEST : FERRY_SLOT_NONE;
    b->why = present ? FERRY_BOOT_TEST_HELD : FERRY_BOOT_TEST_MISSING;
    b->cursor = b->start;
    b->leg = present ? LEG_TEST : LEG_END;
}

/* The next slot number of the walk: down from the start to factory, up from behind it, test. */
static int step(struct ferry_boot *b)
{
    if (b->leg == LEG_DOWN) {
        const int slot = b->cursor--;
        if (slot >= FERRY_SLOT_FACTORY)
            return slot;
        b->leg = LEG_UP;
        b->cursor = b->start + 1;
    }
    if (b->leg == LEG_UP) {
        const int slot = b->cursor++;
        if (slot < b->dev->n_slot_rows)
            return slot;
        b->leg = LEG_TEST;
    }
    if (b->leg == LEG_TEST) {
        b->leg = LEG_END;
        return FERRY_SLOT_TEST;
    }
    return FERRY_SLOT_NONE;
}

int ferry_boot_next(struct ferry_boot *b)
{
    int slot;
    do {
        slot = step(b);
    } while (slot != FERRY_SLOT_NONE &&
             (!ferry_device_span(b->dev, slot).size_bytes || !version_allows(b, slot)));
    return slot;
}

bool ferry_boot_loaded(const struct ferry_boot *b, int slot, struct ferry_otadata *entry0)
{
    if (!b->is_initial || slot < 0)
        return false;
    *entry0 = ferry_otadata_make((uint32_t)slot + 1, FERRY_STATE_VALID);
    return true;
}
