/* host/littlefs_overlay.c - sectors in memory over a region. */
#include "littlefs_overlay.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define SECTOR_BYTES 4096u

static ferry_err read_bytes(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                            uint32_t len_bytes)
{
    const struct ferry_overlay *o = f->ctx;
    uint8_t *to = dst;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len_bytes) {
        const uint32_t in = off_bytes % SECTOR_BYTES;
        const uint32_t n = len_bytes < SECTOR_BYTES - in ? len_bytes : SECTOR_BYTES - in;
        const uint8_t *sector = o->sectors[off_bytes / SECTOR_BYTES];
        if (sector)
            memcpy(to, sector + in, n);
        const ferry_err err = sector ? FERRY_OK : ferry_region_read(&o->below, off_bytes, to, n);
        if (err)
            return err;
        to += n;
        off_bytes += n;
        len_bytes -= n;
    }
    return FERRY_OK;
}

/** The sector's copy, made now if there is none. */
static ferry_err own(struct ferry_overlay *o, uint32_t i, uint8_t **sector)
{
    if (!o->sectors[i]) {
        uint8_t *copy = malloc(SECTOR_BYTES);
        ferry_err err = copy ? ferry_region_read(&o->below, i * SECTOR_BYTES, copy, SECTOR_BYTES)
                             : FERRY_ERR_NO_MEMORY;
        if (err) {
            free(copy);
            return err;
        }
        o->sectors[i] = copy;
        o->n_changed++;
    }
    *sector = o->sectors[i];
    return FERRY_OK;
}

static ferry_err prog_bytes(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                            uint32_t len_bytes)
{
    const uint8_t *from = src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    for (uint32_t i = 0; i < len_bytes;) {
        uint8_t *sector;
        const ferry_err err = own(f->ctx, (off_bytes + i) / SECTOR_BYTES, &sector);
        if (err)
            return err;
        do {
            sector[(off_bytes + i) % SECTOR_BYTES] &= from[i];
            i++;
        } while (i < len_bytes && (off_bytes + i) % SECTOR_BYTES);
    }
    return FERRY_OK;
}

static ferry_err erase_bytes(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    uint8_t *sector;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes % SECTOR_BYTES || len_bytes != SECTOR_BYTES)
        return FERRY_ERR_FLASH_ALIGN;
    const ferry_err err = own(f->ctx, off_bytes / SECTOR_BYTES, &sector);
    if (!err)
        memset(sector, 0xff, SECTOR_BYTES);
    return err;
}

static ferry_err sync_bytes(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

ferry_err ferry_overlay_open(struct ferry_overlay *o, const struct ferry_region *below)
{
    static const struct ferry_flash_ops ops = {read_bytes, prog_bytes, erase_bytes, sync_bytes};
    *o = (struct ferry_overlay){.below = *below};
    if (!below->size_bytes || below->size_bytes % SECTOR_BYTES)
        return FERRY_ERR_FLASH_SIZE;
    o->sectors = calloc(below->size_bytes / SECTOR_BYTES, sizeof(*o->sectors));
    o->flash = (struct ferry_flash){
        .ops = &ops,
        .ctx = o,
        .size_bytes = below->size_bytes,
        .sector_bytes = SECTOR_BYTES,
        .block_bytes = SECTOR_BYTES,
        .prog_bytes = 1,
    };
    return o->sectors ? FERRY_OK : FERRY_ERR_NO_MEMORY;
}

void ferry_overlay_close(struct ferry_overlay *o)
{
    for (uint32_t i = 0; o->sectors && i < o->flash.size_bytes / SECTOR_BYTES; i++)
        free(o->sectors[i]);
    free(o->sectors);
    o->sectors = NULL;
}
