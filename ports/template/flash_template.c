/* ports/template/flash_template.c - four functions that refuse, and what to put in their place.
 * Each is all or nothing: return FERRY_OK only if the whole range was done, and pass on every
 * failure of the driver. The contract is in ferry/flash.h. */
#include "flash_template.h"

#include "ferry/bytes.h"

/* Read len_bytes at the absolute flash address off_bytes into dst. Not through a cached memory
 * map, unless the cache is told of writes: the core reads back what it has just written. */
static ferry_err template_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                               uint32_t len_bytes)
{
    (void)dst;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    return FERRY_ERR_FLASH_IO;
}

/* Program. The core keeps offset and length to multiples of prog_bytes; split at the chip's
 * program page (usually 256 bytes) here. src may lie in flash or in unaligned memory. Programming
 * can only clear bits: do not erase behind the core's back. Wait until the chip is ready. */
static ferry_err template_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                               uint32_t len_bytes)
{
    (void)src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes % f->prog_bytes || len_bytes % f->prog_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    return FERRY_ERR_FLASH_IO;
}

/* Erase one sector (command 0x20 of most SPI NOR) or one block (0xd8), whichever len_bytes says. */
static ferry_err template_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    return FERRY_ERR_FLASH_IO;
}

/* Return when everything written so far survives a power cut. With a driver that waits for the
 * chip after each operation there is nothing to do: return FERRY_OK. */
static ferry_err template_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_ERR_FLASH_IO;
}

static const struct ferry_flash_ops ops = {
    .read = template_read,
    .prog = template_prog,
    .erase = template_erase,
    .sync = template_sync,
};

void flash_template_init(struct flash_template *t, uint32_t size_bytes)
{
    t->flash = (struct ferry_flash){
        .ops = &ops,
        .ctx = t,
        .size_bytes = size_bytes,
        .sector_bytes = 4096,
        .block_bytes = 65536, // equal to sector_bytes if the chip has no block erase
        .prog_bytes = 1,      // 16 or 32 for a view that encrypts
    };
}
