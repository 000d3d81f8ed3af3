/* tests/port/contract.c - the promises of ferry/flash.h, one function each.
 * What flash must hold is computed from the offset, so no copy of it is kept. */
#include "contract.h"

#include <stdbool.h>
#include <string.h>

#define PIECE 256u

struct suite {
    const struct ferry_flash *f;
    uint32_t base; // the area's start
    unsigned n_broken;
    void (*report)(void *ctx, const char *promise);
    void *ctx;
};

static void promise(struct suite *s, bool kept, const char *what)
{
    if (kept)
        return;
    s->n_broken++;
    if (s->report)
        s->report(s->ctx, what);
}

/** What the pattern has at this offset: no two neighbouring sectors alike, every bit used. */
static uint8_t pattern(uint32_t off)
{
    return (uint8_t)((off * 2654435761u) >> 24 ^ off >> 12);
}

static bool holds(const struct suite *s, uint32_t off, uint32_t len, bool blank)
{
    uint8_t got[PIECE];
    for (uint32_t at = 0; at < len; at += PIECE) {
        const uint32_t n = len - at < PIECE ? len - at : PIECE;
        if (s->f->ops->read(s->f, off + at, got, n))
            return false;
        for (uint32_t i = 0; i < n; i++)
            if (got[i] != (blank ? 0xff : pattern(off + at + i)))
                return false;
    }
    return true;
}

static bool erase_area(const struct suite *s)
{
    for (uint32_t at = 0; at < 4 * s->f->block_bytes; at += s->f->sector_bytes)
        if (s->f->ops->erase(s->f, s->base + at, s->f->sector_bytes))
            return false;
    return true;
}

static bool write_pattern(const struct suite *s, uint32_t off, uint32_t len)
{
    uint8_t bytes[PIECE];
    for (uint32_t at = 0; at < len; at += PIECE) {
        for (uint32_t i = 0; i < PIECE; i++)
            bytes[i] = pattern(off + at + i);
        if (s->f->ops->prog(s->f, off + at, bytes, PIECE))
            return false;
    }
    return true;
}

static bool prepare(const struct suite *s)
{
    return erase_area(s) && write_pattern(s, s->base, 4 * s->f->block_bytes);
}

/** The area is the pattern everywhere but in [off, off + len), where it is blank. */
static bool only_blank_at(const struct suite *s, uint32_t off, uint32_t len)
{
    const uint32_t end = s->base + 4 * s->f->block_bytes;
    return holds(s, s->base, off - s->base, false) && holds(s, off, len, true) &&
           holds(s, off + len, end - off - len, false);
}

static bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

static void geometry(struct suite *s)
{
    const struct ferry_flash *f = s->f;
    promise(s, f->ops && f->ops->read && f->ops->prog && f->ops->erase && f->ops->sync,
            "all four operations are there");
    promise(s, f->sector_bytes == 4096, "a sector is 4096 bytes");
    promise(s, is_power_of_two(f->block_bytes) && f->block_bytes >= f->sector_bytes,
            "a block is a power of two and no smaller than a sector");
    promise(s, is_power_of_two(f->prog_bytes) && f->prog_bytes <= 256,
            "the program unit is a power of two, at most 256");
    promise(s, f->size_bytes && f->size_bytes % f->sector_bytes == 0,
            "the flash is a whole number of sectors");
}

static void erase_and_program(struct suite *s)
{
    promise(s, erase_area(s), "a sector can be erased");
    promise(s, holds(s, s->base, 4 * s->f->block_bytes, true), "an erased sector is all 0xff");
    promise(s, write_pattern(s, s->base, 4 * s->f->block_bytes), "erased bytes can be programmed");
    promise(s, holds(s, s->base, 4 * s->f->block_bytes, false),
            "programmed bytes read as they were given");
    promise(s, s->f->ops->sync(s->f) == FERRY_OK, "sync succeeds");
    promise(s, holds(s, s->base, 4 * s->f->block_bytes, false), "sync changes nothing");
}

static void erase_hits_its_range_only(struct suite *s)
{
    const uint32_t sector = s->base + 2 * s->f->block_bytes - s->f->sector_bytes;
    const uint32_t block = s->base + 2 * s->f->block_bytes;
    promise(s,
            prepare(s) && !s->f->ops->erase(s->f, sector, s->f->sector_bytes) &&
                only_blank_at(s, sector, s->f->sector_bytes),
            "erasing a sector erases all of it and nothing beside it");
    promise(s,
            prepare(s) && !s->f->ops->erase(s->f, block, s->f->block_bytes) &&
                only_blank_at(s, block, s->f->block_bytes),
            "erasing a block erases all of it and nothing beside it");
}

static void erase_is_aligned(struct suite *s)
{
    const struct ferry_flash *f = s->f;
    const uint32_t sector = f->sector_bytes;
    if (!prepare(s)) {
        promise(s, false, "the area can be prepared");
        return;
    }
    promise(s, f->ops->erase(f, s->base + 256, sector) == FERRY_ERR_FLASH_ALIGN,
            "an erase off the sector boundary is refused with FLASH_ALIGN");
    promise(s, f->ops->erase(f, s->base, sector / 2) == FERRY_ERR_FLASH_ALIGN,
            "an erase of half a sector is refused with FLASH_ALIGN");
    if (f->block_bytes > sector)
        promise(s, f->ops->erase(f, s->base + sector, f->block_bytes) == FERRY_ERR_FLASH_ALIGN,
                "a block erase off the block boundary is refused with FLASH_ALIGN");
    promise(s, holds(s, s->base, 4 * f->block_bytes, false), "a refused erase changes nothing");
}

static void program_hits_its_range_only(struct suite *s)
{
    // Across a program page, not from its start, from memory that is not aligned.
    const uint32_t unit = s->f->prog_bytes;
    const uint32_t off = s->base + s->f->sector_bytes + 256 - unit;
    const uint32_t len = 2 * unit;
    uint8_t bytes[1 + 2 * 256];
    for (uint32_t i = 0; i < len; i++)
        bytes[1 + i] = pattern(off + i);
    promise(s,
            erase_area(s) && !s->f->ops->prog(s->f, off, bytes + 1, len) &&
                holds(s, s->base, off - s->base, true) && holds(s, off, len, false) &&
                holds(s, off + len, s->f->block_bytes, true),
            "programming writes its bytes and none beside them, across a page too");
}

static void program_clears_bits_only(struct suite *s)
{
    const uint8_t first = 0xf0, second = 0x3c;
    uint8_t got = 0;
    if (s->f->prog_bytes > 1)
        return; // each unit once per erase
    promise(s,
            erase_area(s) && !s->f->ops->prog(s->f, s->base, &first, 1) &&
                !s->f->ops->prog(s->f, s->base, &second, 1) &&
                !s->f->ops->read(s->f, s->base, &got, 1) && got == (first & second),
            "programming a byte again can only clear bits");
}

static void program_is_aligned(struct suite *s)
{
    uint8_t bytes[256];
    memset(bytes, 0, sizeof(bytes));
    const uint32_t unit = s->f->prog_bytes;
    if (unit == 1 || !erase_area(s))
        return;
    promise(s, s->f->ops->prog(s->f, s->base + 1, bytes, unit) == FERRY_ERR_FLASH_ALIGN,
            "programming off the unit is refused with FLASH_ALIGN");
    promise(s, s->f->ops->prog(s->f, s->base, bytes, unit - 1) == FERRY_ERR_FLASH_ALIGN,
            "programming a part of a unit is refused with FLASH_ALIGN");
    promise(s, holds(s, s->base, s->f->sector_bytes, true), "a refused program changes nothing");
}

static void range_is_kept(struct suite *s)
{
    const struct ferry_flash *f = s->f;
    uint8_t last[256], after[256], bytes[512];
    const uint32_t sector = f->sector_bytes, end = f->size_bytes;
    memset(bytes, 0, sizeof(bytes));
    promise(s, !f->ops->read(f, end - 256, last, 256), "the flash can be read to its end");
    promise(s, f->ops->read(f, end - 256, bytes, 512) == FERRY_ERR_FLASH_RANGE,
            "a read over the end is refused with FLASH_RANGE");
    promise(s, f->ops->read(f, UINT32_MAX - 255, bytes, 512) == FERRY_ERR_FLASH_RANGE,
            "a read whose end wraps is refused with FLASH_RANGE");
    memset(bytes, 0, sizeof(bytes));
    promise(s, f->ops->prog(f, end - 256, bytes, 512) == FERRY_ERR_FLASH_RANGE,
            "a program over the end is refused with FLASH_RANGE");
    promise(s, f->ops->prog(f, UINT32_MAX - 255, bytes, 512) == FERRY_ERR_FLASH_RANGE,
            "a program whose end wraps is refused with FLASH_RANGE");
    promise(s, f->ops->erase(f, end, sector) == FERRY_ERR_FLASH_RANGE,
            "an erase behind the end is refused with FLASH_RANGE");
    promise(s, f->ops->erase(f, 0u - sector, f->block_bytes) != FERRY_OK,
            "an erase whose end wraps is refused");
    promise(s, !f->ops->read(f, end - 256, after, 256) && !memcmp(last, after, sizeof(last)),
            "what is refused changes nothing");
}

unsigned port_contract(const struct ferry_flash *f, uint32_t off_bytes,
                       void (*report)(void *ctx, const char *promise), void *ctx)
{
    struct suite s = {.f = f, .base = off_bytes, .report = report, .ctx = ctx};
    geometry(&s);
    if (s.n_broken)
        return s.n_broken; // nothing below means anything
    erase_and_program(&s);
    erase_hits_its_range_only(&s);
    erase_is_aligned(&s);
    program_hits_its_range_only(&s);
    program_clears_bits_only(&s);
    program_is_aligned(&s);
    range_is_kept(&s);
    return s.n_broken;
}
