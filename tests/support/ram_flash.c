/* tests/support/ram_flash.c - NOR flash in RAM. */
#include "ram_flash.h"

#include <string.h>

#include "ferry/bytes.h"

static void tell(struct ram_flash *r, char op, uint32_t off_bytes, uint32_t len_bytes)
{
    if (r->trace)
        r->trace(r->trace_ctx, op, off_bytes, len_bytes);
}

static ferry_err ram_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                          uint32_t len_bytes)
{
    struct ram_flash *r = f->ctx;
    tell(r, 'R', off_bytes, len_bytes);
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    memcpy(dst, r->bytes + off_bytes, len_bytes);
    return FERRY_OK;
}

static ferry_err ram_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                          uint32_t len_bytes)
{
    struct ram_flash *r = f->ctx;
    const uint8_t *from = src;
    tell(r, 'W', off_bytes, len_bytes);
    if (++r->n_ops == r->fail_at)
        return FERRY_ERR_FLASH_IO;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes % f->prog_bytes || len_bytes % f->prog_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    bool raised = false;
    for (uint32_t i = 0; i < len_bytes; i++) {
        raised |= (from[i] & ~r->bytes[off_bytes + i]) != 0;
        r->bytes[off_bytes + i] &= from[i];
    }
    r->n_raised += raised;
    return FERRY_OK;
}

static ferry_err ram_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    struct ram_flash *r = f->ctx;
    tell(r, 'E', off_bytes, len_bytes);
    if (++r->n_ops == r->fail_at)
        return FERRY_ERR_FLASH_IO;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    memset(r->bytes + off_bytes, 0xff, len_bytes);
    return FERRY_OK;
}

static ferry_err ram_sync(const struct ferry_flash *f)
{
    tell(f->ctx, 'S', 0, 0);
    return FERRY_OK;
}

static const struct ferry_flash_ops ops = {ram_read, ram_prog, ram_erase, ram_sync};

void ram_flash_init(struct ram_flash *r, uint8_t *bytes, uint32_t size_bytes)
{
    memset(r, 0, sizeof(*r));
    r->bytes = bytes;
    r->flash = (struct ferry_flash){
        .ops = &ops,
        .ctx = r,
        .size_bytes = size_bytes,
        .sector_bytes = 4096,
        .block_bytes = 65536,
        .prog_bytes = 1,
    };
}
