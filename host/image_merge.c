/* host/image_merge.c - order, gaps and the bootloader's header. */
#include "image_merge.h"

#include <stdlib.h>
#include <string.h>

#include "chip_build.h"
#include "ferry/bytes.h"
#include "ferry/crypto.h"
#include "ferry/image.h"

#define SECTOR_BYTES     4096u
#define SEG_HEADER_BYTES 8u
#define CHECKSUM_ALIGN   16u
#define MODE_OFF         2u
#define SIZE_CLOCK_OFF   3u
#define HASHED_OFF       23u
#define ERASED           0xff

static int by_place(const void *a, const void *b)
{
    const struct ferry_merge_part *x = a, *y = b;
    if (x->off_bytes != y->off_bytes)
        return x->off_bytes < y->off_bytes ? -1 : 1;
    return x->n_bytes < y->n_bytes ? -1 : x->n_bytes > y->n_bytes;
}

ferry_err ferry_merge_sort(struct ferry_merge_part *parts, size_t n, size_t *second)
{
    uint64_t end = 0; // of the sectors taken so far
    qsort(parts, n, sizeof(*parts), by_place);
    for (size_t i = 0; i < n; i++) {
        if (parts[i].off_bytes / SECTOR_BYTES * (uint64_t)SECTOR_BYTES < end) {
            *second = i;
            return FERRY_ERR_RANGE;
        }
        const uint64_t own = (uint64_t)parts[i].off_bytes + parts[i].n_bytes;
        end = (own + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    }
    return FERRY_OK;
}

/* Where the checksum's block of 16 ends; 0 if the image ends behind the bytes, or is none. Its
 * contents are not judged: what is to be set right may be an image that somebody patched. */
static size_t checksum_end(const uint8_t *b, size_t n)
{
    if (n < FERRY_IMAGE_HEADER_BYTES || b[0] != FERRY_IMAGE_MAGIC || b[1] > FERRY_IMAGE_SEGMENTS ||
        b[HASHED_OFF] > 1)
        return 0;
    size_t at = FERRY_IMAGE_HEADER_BYTES;
    for (unsigned i = 0; i < b[1]; i++) {
        if (n - at < SEG_HEADER_BYTES)
            return 0;
        const uint32_t n_data = ferry_le32(b + at + 4);
        at += SEG_HEADER_BYTES;
        if (n - at < n_data)
            return 0;
        at += n_data;
    }
    at = at / CHECKSUM_ALIGN * CHECKSUM_ALIGN + CHECKSUM_ALIGN;
    return at + (b[HASHED_OFF] ? FERRY_SHA256_BYTES : 0) <= n ? at : 0;
}

/* False: the chip has no such clock. */
static bool set_clock(const struct ferry_chip *chip, uint8_t mhz, uint8_t *size_clock)
{
    const struct ferry_chip_build *build = ferry_chip_build_of(chip);
    for (size_t i = 0; build && i < 4 && build->clocks[i].mhz; i++) {
        if (build->clocks[i].mhz == mhz) {
            *size_clock = (uint8_t)((*size_clock & 0xf0) | build->clocks[i].code);
            return true;
        }
    }
    return false;
}

ferry_err ferry_merge_set_flash(const struct ferry_merge_part *bootloader,
                                const struct ferry_chip *chip, const struct ferry_merge_flash *want,
                                uint8_t **made)
{
    const size_t end = checksum_end(bootloader->bytes, bootloader->n_bytes);
    if (!end)
        return FERRY_ERR_IMAGE_MAGIC;
    uint8_t size_clock = bootloader->bytes[SIZE_CLOCK_OFF];
    if (want->mhz && !set_clock(chip, want->mhz, &size_clock))
        return FERRY_ERR_ARG;
    if (want->size_code >= 0)
        size_clock = (uint8_t)((size_clock & 0x0f) | want->size_code << 4);
    uint8_t *b = malloc(bootloader->n_bytes);
    if (!b)
        return FERRY_ERR_NO_MEMORY;
    memcpy(b, bootloader->bytes, bootloader->n_bytes);
    if (want->mode >= 0)
        b[MODE_OFF] = (uint8_t)want->mode;
    b[SIZE_CLOCK_OFF] = size_clock;
    if (b[HASHED_OFF]) {
        struct ferry_sha256 h;
        ferry_sha256_init(&h);
        ferry_sha256_update(&h, b, end);
        ferry_sha256_finish(&h, b + end);
    }
    *made = b;
    return FERRY_OK;
}

static ferry_err piece_of(struct ferry_merge *m, const struct ferry_merge_part *part,
                          const uint8_t **bytes, size_t *n_bytes)
{
    const size_t at = m->n_given, left = part->n_bytes - at;
    *n_bytes = left < sizeof(m->piece) ? left : sizeof(m->piece);
    m->n_given += *n_bytes;
    *bytes = part->file ? m->piece : part->bytes + at;
    return part->file ? ferry_map_read(part->file, at, m->piece, *n_bytes) : FERRY_OK;
}

static ferry_err next_piece(struct ferry_pieces *p, const uint8_t **bytes, size_t *n_bytes)
{
    struct ferry_merge *m = (struct ferry_merge *)(void *)p;
    ferry_err err = FERRY_OK;
    while (m->i < m->n_parts && m->n_given == m->parts[m->i].n_bytes) {
        m->i++;
        m->n_given = 0;
    }
    const bool is_last = m->i == m->n_parts;
    const uint32_t until = is_last ? m->end_bytes : m->parts[m->i].off_bytes;
    if (m->at_bytes < until) {
        const uint32_t gap = until - m->at_bytes;
        *bytes = m->erased;
        *n_bytes = gap < sizeof(m->erased) ? gap : sizeof(m->erased);
    } else if (is_last) {
        *n_bytes = 0;
    } else {
        err = piece_of(m, &m->parts[m->i], bytes, n_bytes);
    }
    m->at_bytes += (uint32_t)*n_bytes;
    return err;
}

void ferry_merge_begin(struct ferry_merge *m, const struct ferry_merge_part *parts, size_t n_parts,
                       uint32_t start_bytes, uint32_t end_bytes)
{
    m->pieces = (struct ferry_pieces){next_piece};
    m->parts = parts;
    m->n_parts = n_parts;
    m->end_bytes = end_bytes;
    m->at_bytes = start_bytes;
    m->i = m->n_given = 0;
    memset(m->erased, ERASED, sizeof(m->erased));
}
