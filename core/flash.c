/* core/flash.c - regions: bounds and alignment in one place, then the port. */
#include "ferry/flash.h"

#include "ferry/bytes.h"

ferry_err ferry_region_read(const struct ferry_region *r, uint32_t off_bytes, void *dst,
                            uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, r->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (!len_bytes)
        return FERRY_OK;
    return r->flash->ops->read(r->flash, r->off_bytes + off_bytes, dst, len_bytes);
}

ferry_err ferry_region_prog(const struct ferry_region *r, uint32_t off_bytes, const void *src,
                            uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, r->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    const uint32_t unit = r->flash->prog_bytes;
    if (off_bytes % unit || len_bytes % unit)
        return FERRY_ERR_FLASH_ALIGN;
    if (!len_bytes)
        return FERRY_OK;
    return r->flash->ops->prog(r->flash, r->off_bytes + off_bytes, src, len_bytes);
}

ferry_err ferry_region_erase(const struct ferry_region *r, uint32_t off_bytes, uint32_t len_bytes,
                             bool blocks)
{
    if (!ferry_range_fits(off_bytes, len_bytes, r->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    const struct ferry_flash *f = r->flash;
    uint32_t at = r->off_bytes + off_bytes;
    uint32_t left = len_bytes;
    if (at % f->sector_bytes || left % f->sector_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    while (left) {
        const bool block = blocks && at % f->block_bytes == 0 && left >= f->block_bytes;
        const uint32_t step = block ? f->block_bytes : f->sector_bytes;
        const ferry_err err = f->ops->erase(f, at, step);
        if (err)
            return err;
        at += step;
        left -= step;
    }
    return FERRY_OK;
}

ferry_err ferry_region_sync(const struct ferry_region *r)
{
    return r->flash->ops->sync(r->flash);
}
