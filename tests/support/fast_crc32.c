/* tests/support/fast_crc32.c - ferry_crc32() for sweeps that spend their time in it, in place of
 * the core's: 8 KB of tables, eight bytes a step. A program that has this among its sources does
 * not link core/crc32.c. Checks itself against the number of ferry/crc32.h when first called. */
#include "ferry/crc32.h"

#include <stdlib.h>

static uint32_t tables[8][256];

/* As ferry_le32(), which is a call to keep chips small. */
static inline uint32_t load(const uint8_t *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t by_bytes(uint32_t c, const uint8_t *p, size_t n)
{
    while (n--)
        c = c >> 8 ^ tables[0][(c ^ *p++) & 0xff];
    return c;
}

static void make_tables(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c >> 1 ^ (c & 1 ? 0xedb88320u : 0);
        tables[0][i] = c;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++)
            tables[k][i] = tables[k - 1][i] >> 8 ^ tables[0][tables[k - 1][i] & 0xff];
    }
    if (ferry_crc32(0, "123456789", 9) != 0xcbf43926u)
        abort();
}

uint32_t ferry_crc32(uint32_t crc, const void *data, size_t n)
{
    const uint8_t *p = data;
    uint32_t c = ~crc;
    if (!tables[0][1])
        make_tables();
    for (; n >= 8; n -= 8, p += 8) {
        const uint32_t a = c ^ load(p), b = load(p + 4);
        c = tables[7][a & 0xff] ^ tables[6][a >> 8 & 0xff] ^ tables[5][a >> 16 & 0xff] ^
            tables[4][a >> 24] ^ tables[3][b & 0xff] ^ tables[2][b >> 8 & 0xff] ^
            tables[1][b >> 16 & 0xff] ^ tables[0][b >> 24];
    }
    return ~by_bytes(c, p, n);
}
