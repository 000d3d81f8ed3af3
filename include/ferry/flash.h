/* ferry/flash.h - the flash contract: what a port promises the core.
 * One struct ferry_flash is the whole chip, by absolute address; a region is a part of it.
 * Implemented under ports/, called only from core/. Every port runs tests/port/. */
#ifndef FERRY_FLASH_H
#define FERRY_FLASH_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_flash;

/** Four functions, each all or nothing: on an error the caller assumes nothing about the bytes of
 * the range but that bytes outside of it are untouched. Offsets are absolute, in bytes.
 * Errors: FERRY_ERR_FLASH_IO the chip failed; FERRY_ERR_FLASH_RANGE outside the chip;
 * FERRY_ERR_FLASH_ALIGN not a multiple of the unit. */
struct ferry_flash_ops {
    /** Fills dst, all or nothing: a short read is FERRY_ERR_FLASH_IO. */
    ferry_err (*read)(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                      uint32_t len_bytes);
    /** Programs bytes; a bit can only go from 1 to 0. off_bytes and len_bytes are multiples of
     * prog_bytes. Where prog_bytes is 1, programmed bytes may be programmed again. */
    ferry_err (*prog)(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                      uint32_t len_bytes);
    /** Sets [off_bytes, off_bytes + len_bytes) to 0xff: one sector or one block, aligned to its
     * own size. */
    ferry_err (*erase)(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes);
    /** Returns only once every earlier prog and erase would survive power loss. */
    ferry_err (*sync)(const struct ferry_flash *f);
};

/** A flash chip, or one view of it: on a chip with flash encryption the port gives a second view
 * that encrypts, with prog_bytes 16 or 32. */
struct ferry_flash {
    const struct ferry_flash_ops *ops;
    void *ctx;             // the port's own; the core never looks inside
    uint32_t size_bytes;   // multiple of sector_bytes
    uint32_t sector_bytes; // 4096
    uint32_t block_bytes;  // 65536; equal to sector_bytes where the chip has no block erase
    uint32_t prog_bytes;   // 1, 2, 4, ... at most 256
};

/** A part of a flash. Offsets given to the functions below count from its start.
 * Plain data; `flash` is borrowed for as long as the region is used. */
struct ferry_region {
    const struct ferry_flash *flash;
    uint32_t off_bytes;
    uint32_t size_bytes;
};

/** Reads [off_bytes, off_bytes + len_bytes) of the region; zero length is fine.
 * FERRY_ERR_FLASH_RANGE leaves the region; else as the port. */
FERRY_MUST_CHECK ferry_err ferry_region_read(const struct ferry_region *r, uint32_t off_bytes,
                                             void *dst, uint32_t len_bytes);

/** Programs erased bytes of the region. Offset and length are multiples of the flash's prog_bytes.
 * FERRY_ERR_FLASH_RANGE leaves the region; FERRY_ERR_FLASH_ALIGN; else as the port. */
FERRY_MUST_CHECK ferry_err ferry_region_prog(const struct ferry_region *r, uint32_t off_bytes,
                                             const void *src, uint32_t len_bytes);

/** Erases whole sectors of the region: len_bytes is a multiple of the sector, and off_bytes lies
 * on one. Uses 64 KB blocks where the absolute address allows and `blocks` is true.
 * FERRY_ERR_FLASH_RANGE, FERRY_ERR_FLASH_ALIGN; else as the port. */
FERRY_MUST_CHECK ferry_err ferry_region_erase(const struct ferry_region *r, uint32_t off_bytes,
                                              uint32_t len_bytes, bool blocks);

/** Waits until all that was written survives power loss. */
FERRY_MUST_CHECK ferry_err ferry_region_sync(const struct ferry_region *r);

#ifdef __cplusplus
}
#endif
#endif
