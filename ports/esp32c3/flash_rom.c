/* ports/esp32c3/flash_rom.c - the flash contract by the chip's ROM routines. What is not aligned to
 * words passes through a page of RAM, and so does all that is programmed, because it may lie in the
 * flash itself; bytes that fill a word up are 0xff, which programs nothing. */
#include "flash_rom.h"

#define SECTOR_BYTES 4096u
#define BLOCK_BYTES  65536u
#define PIECE_BYTES  4096u // read at a time, so that interrupts are not off for long
#define SIZE_LEAST   (4 * BLOCK_BYTES)
#define SIZE_MOST    (256 * BLOCK_BYTES) // three address bytes

enum erase_what { ERASE_SECTOR, ERASE_BLOCK };

static IN_RAM int rom_read(const struct flash_rom *f, uint32_t off, uint32_t *dst, uint32_t n)
{
    uint32_t was[2];
    f->calls.take(was);
    const int result = f->calls.read(off, dst, (int32_t)n);
    f->calls.give(was, false);
    return result;
}

static IN_RAM int rom_write(const struct flash_rom *f, uint32_t off, uint32_t n)
{
    uint32_t was[2];
    f->calls.take(was);
    const int result = f->calls.write(off, f->words, (int32_t)n);
    f->calls.give(was, true);
    return result;
}

static IN_RAM int rom_erase(const struct flash_rom *f, enum erase_what what, uint32_t number)
{
    uint32_t was[2];
    f->calls.take(was);
    const int result =
        what == ERASE_BLOCK ? f->calls.erase_block(number) : f->calls.erase_sector(number);
    f->calls.give(was, true);
    return result;
}

static bool is_outside(const struct ferry_flash *flash, uint32_t off, uint32_t n)
{
    return off > flash->size_bytes || n > flash->size_bytes - off;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t whole_words(uint32_t n)
{
    return (n + 3) & ~3u;
}

static void copy(uint8_t *dst, const uint8_t *src, uint32_t n)
{
    while (n--)
        *dst++ = *src++;
}

/* Reads up to a page by way of the words; says how much. */
static uint32_t read_through(struct flash_rom *f, uint32_t off, uint8_t *dst, uint32_t n,
                             int *result)
{
    const uint32_t skip = off % 4;
    const uint32_t take = least(n, sizeof(f->words) - skip);
    *result = rom_read(f, off - skip, f->words, whole_words(skip + take));
    copy(dst, (const uint8_t *)f->words + skip, take);
    return take;
}

static ferry_err flash_rom_read(const struct ferry_flash *flash, uint32_t off, void *dst,
                                uint32_t n)
{
    struct flash_rom *f = flash->ctx;
    uint8_t *to = dst;
    if (is_outside(flash, off, n))
        return FERRY_ERR_FLASH_RANGE;
    while (n) {
        uint32_t took;
        int result;
        if (off % 4 || (uintptr_t)to % 4 || n < 4) {
            took = read_through(f, off, to, n, &result);
        } else {
            took = least(n & ~3u, PIECE_BYTES);
            result = rom_read(f, off, (uint32_t *)(void *)to, took);
        }
        if (result)
            return FERRY_ERR_FLASH_IO;
        off += took;
        to += took;
        n -= took;
    }
    return FERRY_OK;
}

static ferry_err flash_rom_prog(const struct ferry_flash *flash, uint32_t off, const void *src,
                                uint32_t n)
{
    struct flash_rom *f = flash->ctx;
    const uint8_t *from = src;
    if (is_outside(flash, off, n))
        return FERRY_ERR_FLASH_RANGE;
    while (n) {
        const uint32_t skip = off % 4;
        const uint32_t took = least(n, FLASH_ROM_PAGE_BYTES - off % FLASH_ROM_PAGE_BYTES);
        const uint32_t n_words = whole_words(skip + took) / 4;
        f->words[0] = UINT32_MAX;
        f->words[n_words - 1] = UINT32_MAX;
        copy((uint8_t *)f->words + skip, from, took);
        if (rom_write(f, off - skip, n_words * 4))
            return FERRY_ERR_FLASH_IO;
        off += took;
        from += took;
        n -= took;
    }
    return FERRY_OK;
}

static ferry_err flash_rom_erase(const struct ferry_flash *flash, uint32_t off, uint32_t n)
{
    struct flash_rom *f = flash->ctx;
    if (is_outside(flash, off, n))
        return FERRY_ERR_FLASH_RANGE;
    if ((n != SECTOR_BYTES && n != BLOCK_BYTES) || off % n)
        return FERRY_ERR_FLASH_ALIGN;
    const enum erase_what what = n == BLOCK_BYTES ? ERASE_BLOCK : ERASE_SECTOR;
    return rom_erase(f, what, off / n) ? FERRY_ERR_FLASH_IO : FERRY_OK;
}

/* The ROM's routines return when the chip is no longer busy. */
static ferry_err flash_rom_sync(const struct ferry_flash *flash)
{
    (void)flash;
    return FERRY_OK;
}

ferry_err flash_rom_init(struct flash_rom *f, const struct flash_rom_calls *calls,
                         uint32_t size_bytes)
{
    static const struct ferry_flash_ops ops = {
        .read = flash_rom_read,
        .prog = flash_rom_prog,
        .erase = flash_rom_erase,
        .sync = flash_rom_sync,
    };
    if (size_bytes < SIZE_LEAST || size_bytes > SIZE_MOST || size_bytes % BLOCK_BYTES)
        return FERRY_ERR_FLASH_IO;
    f->calls = *calls;
    f->flash = (struct ferry_flash){
        .ops = &ops,
        .ctx = f,
        .size_bytes = size_bytes,
        .sector_bytes = SECTOR_BYTES,
        .block_bytes = BLOCK_BYTES,
        .prog_bytes = 1,
    };
    return FERRY_OK;
}
