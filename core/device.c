/* core/device.c - opening a device: which partitions of its table take part in booting. */
#include "ferry/device.h"

#include "core/mem.h"
#include "ferry/otadata.h"

static void note(struct ferry_device *d, struct ferry_span *span, const struct ferry_partition *p)
{
    if (span->size_bytes)
        d->has_duplicates = true;
    *span = (struct ferry_span){p->off_bytes, p->size_bytes};
}

static void note_partition(void *ctx, const struct ferry_partition *p)
{
    struct ferry_device *d = ctx;
    if (p->type == FERRY_TYPE_DATA && p->subtype == FERRY_DATA_OTA)
        note(d, &d->otadata, p);
    if (p->type != FERRY_TYPE_APP)
        return;
    if (p->subtype == FERRY_APP_FACTORY) {
        note(d, &d->factory, p);
    } else if (p->subtype == FERRY_APP_TEST) {
        note(d, &d->test, p);
    } else if ((p->subtype & 0xf0) == FERRY_APP_OTA_0) {
        note(d, &d->slots[p->subtype & 0x0f], p);
        d->n_slot_rows++;
    }
}

ferry_err ferry_device_open(struct ferry_device *d, const struct ferry_flash *flash,
                            const struct ferry_policy *policy, uint32_t table_off_bytes,
                            struct ferry_device_work *work)
{
    memset(d, 0, sizeof(*d));
    d->flash = flash;
    d->policy = policy;
    d->work = work;
    d->running = FERRY_SLOT_NONE;
    const ferry_err err =
        ferry_table_read(&d->table, flash, table_off_bytes, &d->fault, note_partition, d);
    while (d->n_slots < FERRY_SLOTS_MAX && d->slots[d->n_slots].size_bytes)
        d->n_slots++;
    return err;
}

struct ferry_span ferry_device_span(const struct ferry_device *d, int slot)
{
    if (slot == FERRY_SLOT_FACTORY)
        return d->factory;
    if (slot == FERRY_SLOT_TEST)
        return d->test;
    if (slot >= 0 && slot < d->n_slot_rows && slot < (int)FERRY_SLOTS_MAX)
        return d->slots[slot];
    return (struct ferry_span){0, 0};
}

static ferry_err span_region(struct ferry_device *d, struct ferry_span span,
                             struct ferry_region *out)
{
    // A hostile table may call the bootloader's sectors a slot.
    const uint32_t first_safe = d->table.off_bytes + d->flash->sector_bytes;
    if (span.off_bytes < first_safe)
        return ferry_fail(&d->fault, FERRY_ERR_FLASH_PROTECTED, span.off_bytes, first_safe, 0);
    if (span.off_bytes % d->flash->sector_bytes)
        return ferry_fail(&d->fault, FERRY_ERR_FLASH_ALIGN, span.off_bytes, d->flash->sector_bytes,
                          0);
    *out = (struct ferry_region){d->flash, span.off_bytes, span.size_bytes};
    return FERRY_OK;
}

ferry_err ferry_device_region(struct ferry_device *d, int slot, struct ferry_region *out)
{
    const struct ferry_span span = ferry_device_span(d, slot);
    if (!span.size_bytes)
        return ferry_fail(&d->fault, FERRY_ERR_NOT_FOUND, (uint32_t)slot, 0, 0);
    return span_region(d, span, out);
}

ferry_err ferry_device_otadata(struct ferry_device *d, struct ferry_region *out)
{
    // Without the row its offset would be 0, which is where the bootloader lies.
    if (!d->otadata.size_bytes)
        return ferry_fail(&d->fault, FERRY_ERR_NO_OTADATA, 0, 0, 0);
    if (d->otadata.size_bytes < FERRY_OTADATA_PARTITION_BYTES)
        return ferry_fail(&d->fault, FERRY_ERR_OTADATA_SIZE, d->otadata.size_bytes,
                          FERRY_OTADATA_PARTITION_BYTES, 0);
    return span_region(d, d->otadata, out);
}

int ferry_device_slot_at(const struct ferry_device *d, uint32_t off_bytes)
{
    for (int slot = FERRY_SLOT_TEST; slot < (int)FERRY_SLOTS_MAX; slot++) {
        const struct ferry_span span = ferry_device_span(d, slot);
        if (off_bytes >= span.off_bytes && off_bytes - span.off_bytes < span.size_bytes)
            return slot;
    }
    return FERRY_SLOT_NONE;
}

void ferry_device_rules(const struct ferry_device *d, int slot, struct ferry_image_rules *out)
{
    const struct ferry_span span = ferry_device_span(d, slot);
    const struct ferry_policy *p = d->policy;
    memset(out, 0, sizeof(*out));
    out->chip = p->chip;
    out->chip_rev = p->chip_rev;
    out->blk_rev = p->blk_rev;
    out->ignore_max_rev = p->ignore_max_rev;
    out->base_off_bytes = span.off_bytes;
    out->max_bytes = span.size_bytes;
    if (p->anti_rollback)
        out->min_secure_version = p->secure_version;
}

ferry_err ferry_device_verify(struct ferry_device *d, int slot)
{
    struct ferry_region region;
    const ferry_err err = ferry_device_region(d, slot, &region);
    if (err)
        return err;
    struct ferry_device_work *w = d->work;
    ferry_device_rules(d, slot, &w->rules);
    w->rules.desc_head = w->desc_head;
    const ferry_err verdict =
        ferry_image_verify(&region, &w->rules, w->buffer, sizeof(w->buffer), &w->image);
    if (verdict) {
        d->fault = w->image.fault;
        return verdict;
    }
    struct ferry_boot_check *check = d->policy->boot_check;
    return check ? check->image(check, &region, w->image.image_bytes, &d->fault) : FERRY_OK;
}

ferry_err ferry_device_desc(struct ferry_device *d, int slot, struct ferry_app_desc *out)
{
    struct ferry_region region;
    const ferry_err err = ferry_device_region(d, slot, &region);
    return err ? err : ferry_image_read_desc(&region, d->work->buffer, out);
}
