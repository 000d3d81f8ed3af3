/* ferry/bytes.h - explicit loads, stores and range checks.
 * Everything on flash is little-endian and is read through here, never by a struct over bytes. */
#ifndef FERRY_BYTES_H
#define FERRY_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Functions, not inlined: a load byte by byte is longer than a call, and the core has many. */
uint16_t ferry_le16(const uint8_t *p);
uint32_t ferry_le32(const uint8_t *p);
void ferry_put_le16(uint8_t *p, uint16_t v);
void ferry_put_le32(uint8_t *p, uint32_t v);

#ifdef __cplusplus
}
#endif

/** True if [off, off + len) lies in [0, total).
 * Subtraction instead of off + len: the sum is the sender's to choose and can wrap. */
static inline bool ferry_range_fits(uint32_t off, uint32_t len, uint32_t total)
{
    return off <= total && len <= total - off;
}

/** True if [a, a + a_len) and [b, b + b_len) share a byte; neither may wrap. */
static inline bool ferry_ranges_overlap(uint32_t a, uint32_t a_len, uint32_t b, uint32_t b_len)
{
    return a_len && b_len && (a < b ? b - a < a_len : a - b < b_len);
}

/** v down to a multiple of the power of two `to`. */
static inline uint32_t ferry_align_down(uint32_t v, uint32_t to)
{
    return v & ~(to - 1u);
}

/** v up to a multiple of the power of two `to`; v must be at most UINT32_MAX - (to - 1). */
static inline uint32_t ferry_align_up(uint32_t v, uint32_t to)
{
    return (v + (to - 1u)) & ~(to - 1u);
}

/** True if the two byte strings are equal. The time does not depend on where they differ. */
static inline bool ferry_equal_const_time(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint8_t diff = 0;
    for (size_t i = 0; i < n; i++)
        diff = (uint8_t)(diff | (a[i] ^ b[i]));
    return diff == 0;
}

#endif
