/* ports/esp-idf/flash_esp.c - the flash contract over esp_flash.
 * esp_flash locks the bus, switches the cache off and on, copies sources that lie in flash, and
 * brings the cache up to date after a write; so nothing of that stands here. */
#include "flash_esp.h"

#include <string.h>

#include "ferry/bytes.h"

#define PIECE_BYTES 128u // of the chip as it is, looked at for erased units

#ifndef ESP_ERR_NOT_ALLOWED // ESP-IDF before 5.2
#define ESP_ERR_NOT_ALLOWED 0x10d
#endif

static struct ferry_flash_esp *as_esp(const struct ferry_flash *f)
{
    return f->ctx;
}

static ferry_err err_of(esp_err_t e)
{
    switch (e) {
    case ESP_OK:
        return FERRY_OK;
    case ESP_ERR_NO_MEM:
        return FERRY_ERR_NO_MEMORY;
    case ESP_ERR_INVALID_ARG: // ranges were checked here, so it is what ESP-IDF guards: bootloader,
    case ESP_ERR_NOT_ALLOWED: // table and running app, or a partition marked read-only
        return FERRY_ERR_FLASH_PROTECTED;
    default:
        return FERRY_ERR_FLASH_IO;
    }
}

static ferry_err check(const struct ferry_flash *f, uint32_t off, uint32_t len, uint32_t unit)
{
    if (!ferry_range_fits(off, len, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    return off % unit || len % unit ? FERRY_ERR_FLASH_ALIGN : FERRY_OK;
}

static ferry_err read_plain(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const ferry_err err = check(f, off, len, 1);
    return err || !len ? err : err_of(esp_flash_read(as_esp(f)->chip, dst, off, len));
}

static ferry_err prog_plain(const struct ferry_flash *f, uint32_t off, const void *src,
                            uint32_t len)
{
    const ferry_err err = check(f, off, len, f->prog_bytes);
    return err || !len ? err : err_of(esp_flash_write(as_esp(f)->chip, src, off, len));
}

static ferry_err erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    const ferry_err err = check(f, off, len, f->sector_bytes);
    if (err)
        return err;
    if ((len != f->sector_bytes && len != f->block_bytes) || off % len)
        return FERRY_ERR_FLASH_ALIGN;
    return err_of(esp_flash_erase_region(as_esp(f)->chip, off, len));
}

/* esp_flash waits for the chip in each call. */
static ferry_err sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

static bool is_erased(const uint8_t *p, uint32_t n)
{
    while (n && *p == 0xff) {
        p++;
        n--;
    }
    return n == 0;
}

/* True if the n bytes at address off may hold a unit that is erased, or the end of one. */
static bool may_be_erased(const uint8_t *raw, uint32_t off, uint32_t n)
{
    for (uint32_t at = 0; at < n;) {
        const uint32_t to_end =
            FERRY_FLASH_ESP_CRYPT_BYTES - (off + at) % FERRY_FLASH_ESP_CRYPT_BYTES;
        const uint32_t step = to_end < n - at ? to_end : n - at;
        if (is_erased(raw + at, step))
            return true;
        at += step;
    }
    return false;
}

/* Sets the bytes in [off, off + len) of every erased unit to 0xff. */
static ferry_err blank_erased(const struct ferry_flash *f, uint32_t off, uint8_t *dst, uint32_t len)
{
    uint8_t raw[PIECE_BYTES];
    uint32_t at = off - off % FERRY_FLASH_ESP_CRYPT_BYTES;
    while (at < off + len) {
        const uint32_t room = f->size_bytes - at;
        const uint32_t n = room < PIECE_BYTES ? room : PIECE_BYTES;
        const ferry_err err = err_of(esp_flash_read(as_esp(f)->chip, raw, at, n));
        if (err)
            return err;
        for (uint32_t i = 0; i < n; i += FERRY_FLASH_ESP_CRYPT_BYTES) {
            if (!is_erased(raw + i, FERRY_FLASH_ESP_CRYPT_BYTES))
                continue;
            for (uint32_t k = at + i; k < at + i + FERRY_FLASH_ESP_CRYPT_BYTES; k++)
                if (k >= off && k - off < len)
                    dst[k - off] = 0xff;
        }
        at += n;
    }
    return FERRY_OK;
}

/* An erased unit decrypts to noise, and the contract says 0xff. It is known by the chip's own
 * bytes: no text encrypts to sixteen times 0xff but with a chance of one in 2^128. They are read
 * into dst first, so that a read without such a unit, the usual one, costs one read more. */
static ferry_err read_crypt(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    ferry_err err = read_plain(f, off, dst, len);
    if (err || !len)
        return err;
    const bool has_erased = may_be_erased(dst, off, len);
    err = err_of(esp_flash_read_encrypted(as_esp(f)->chip, off, dst, len));
    return err || !has_erased ? err : blank_erased(f, off, dst, len);
}

static ferry_err prog_crypt(const struct ferry_flash *f, uint32_t off, const void *src,
                            uint32_t len)
{
    const ferry_err err = check(f, off, len, f->prog_bytes);
    return err || !len ? err : err_of(esp_flash_write_encrypted(as_esp(f)->chip, off, src, len));
}

static const struct ferry_flash_ops plain = {read_plain, prog_plain, erase, sync};
static const struct ferry_flash_ops crypt = {read_crypt, prog_crypt, erase, sync};

ferry_err ferry_flash_esp_open(struct ferry_flash_esp *f, esp_flash_t *chip, bool encrypts)
{
    uint32_t size = 0;
    if (esp_flash_get_size(chip, &size) != ESP_OK || !size)
        return FERRY_ERR_FLASH_IO;
    f->chip = chip;
    f->flash = (struct ferry_flash){
        .ops = encrypts ? &crypt : &plain,
        .ctx = f,
        .size_bytes = size,
        .sector_bytes = 4096,
        .block_bytes = 65536,
        .prog_bytes = encrypts ? FERRY_FLASH_ESP_CRYPT_BYTES : 1,
    };
    return FERRY_OK;
}
