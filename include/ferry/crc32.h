/* ferry/crc32.h - the CRC-32 of otadata, NVS and updates.
 * Reflected polynomial 0xEDB88320, complemented on entry and exit: the same number as zlib's
 * crc32(crc, data, n) and as the ROM's crc32_le. otadata and NVS start from 0xFFFFFFFF. */
#ifndef FERRY_CRC32_H
#define FERRY_CRC32_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Continues crc over n bytes; crc is the result so far (0 to begin a standard CRC-32).
 * Check value: "123456789" gives 0xCBF43926 from 0 and 0xD202D277 from 0xFFFFFFFF. */
uint32_t ferry_crc32(uint32_t crc, const void *data, size_t n);

#ifdef __cplusplus
}
#endif
#endif
