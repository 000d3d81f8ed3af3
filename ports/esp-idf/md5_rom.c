/* ports/esp-idf/md5_rom.c - MD5, for the partition table's row, by the routines in the chip's ROM:
 * they work on plain memory, as ferry/crypto.h wants it. */
#include <esp_rom_md5.h>

#include "ferry/crypto.h"

_Static_assert(sizeof(md5_context_t) <= sizeof(struct ferry_md5), "state fits");

static md5_context_t *as_rom(struct ferry_md5 *h)
{
    return (md5_context_t *)(void *)h->opaque;
}

void ferry_md5_init(struct ferry_md5 *h)
{
    esp_rom_md5_init(as_rom(h));
}

void ferry_md5_update(struct ferry_md5 *h, const void *data, size_t n)
{
    esp_rom_md5_update(as_rom(h), data, (uint32_t)n);
}

void ferry_md5_finish(struct ferry_md5 *h, uint8_t out[FERRY_MD5_BYTES])
{
    esp_rom_md5_final(out, as_rom(h));
}
