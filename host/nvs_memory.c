/* host/nvs_memory.c - four functions over an array. */
#include "nvs_memory.h"

#include <string.h>

#include "ferry/bytes.h"

#define SECTOR_BYTES 4096u

static ferry_err read_bytes(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                            uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    memcpy(dst, (const uint8_t *)f->ctx + off_bytes, len_bytes);
    return FERRY_OK;
}

static ferry_err prog_bytes(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                            uint32_t len_bytes)
{
    const uint8_t *from = src;
    uint8_t *to = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    for (uint32_t i = 0; i < len_bytes; i++)
        to[off_bytes + i] &= from[i];
    return FERRY_OK;
}

static ferry_err erase_bytes(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    uint8_t *to = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes % SECTOR_BYTES || len_bytes != SECTOR_BYTES)
        return FERRY_ERR_FLASH_ALIGN;
    memset(to + off_bytes, 0xff, len_bytes);
    return FERRY_OK;
}

static ferry_err sync_bytes(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

void ferry_nvs_memory(struct ferry_flash *flash, uint8_t *bytes, uint32_t size_bytes)
{
    static const struct ferry_flash_ops ops = {read_bytes, prog_bytes, erase_bytes, sync_bytes};
    *flash = (struct ferry_flash){
        .ops = &ops,
        .ctx = bytes,
        .size_bytes = size_bytes,
        .sector_bytes = SECTOR_BYTES,
        .block_bytes = SECTOR_BYTES,
        .prog_bytes = 1,
    };
}
