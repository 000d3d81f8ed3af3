/* host/boot_preview.c - the next power-on, played through without a write. */
#include <string.h>

#include "vdevice.h"

static ferry_err secure_version(void *ctx, int slot, uint32_t *out)
{
    struct ferry_app_desc desc;
    const ferry_err err = ferry_device_desc(ctx, slot, &desc);
    if (!err)
        *out = desc.secure_version;
    return err;
}

static bool read_entries(struct ferry_device *d, struct ferry_otadata entries[2])
{
    struct ferry_region otadata;
    memset(entries, 0xff, 2 * sizeof(*entries));
    if (ferry_device_otadata(d, &otadata))
        return false;
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        if (ferry_region_read(&otadata, i * FERRY_OTADATA_STRIDE, bytes, sizeof(bytes)))
            return false;
        ferry_otadata_decode(bytes, &entries[i]);
    }
    return true;
}

void ferry_boot_preview(struct ferry_device *d, struct ferry_boot_preview *p)
{
    const struct ferry_boot_versions versions = {secure_version, d};
    memset(p, 0, sizeof(*p));
    p->booted = FERRY_SLOT_NONE;
    p->has_entries = read_entries(d, p->entries);
    ferry_boot_select(&p->boot, d, &versions, p->entries, p->has_entries);
    for (int slot = ferry_boot_next(&p->boot); slot != FERRY_SLOT_NONE;
         slot = ferry_boot_next(&p->boot)) {
        const uint8_t i = p->n_tried++;
        p->tried[i] = (int8_t)slot;
        const ferry_err err = ferry_device_verify(d, slot);
        if (err) {
            p->results[i] = d->fault;
            p->results[i].err = err;
            continue;
        }
        p->booted = slot;
        break;
    }
    p->boot.versions = NULL; // lived on this stack
}
