/* ports/virt/disk_flash.h - the flash of QEMU's `virt`: a virtio disk that keeps NOR's rules,
 * because the machine's own CFI flash keeps neither those nor an ESP's sectors. Programming clears
 * bits only, an erase is of 4 KB or 64 KB, a byte is the least that can be programmed. Why, and
 * what it stands for: ports/virt/README.md. */
#ifndef DISK_FLASH_H
#define DISK_FLASH_H

#include "ferry/flash.h"

#define DISK_SECTOR_BYTES 512u // what a disk writes whole or not at all
#define DISK_PIECE_BYTES  4096u

/** What carries whole disk sectors; an error is FERRY_ERR_FLASH_IO. */
struct disk_bus {
    /** n_bytes: a multiple of DISK_SECTOR_BYTES, at most DISK_PIECE_BYTES. */
    ferry_err (*read)(void *ctx, uint32_t sector, void *dst, uint32_t n_bytes);
    ferry_err (*write)(void *ctx, uint32_t sector, const void *src, uint32_t n_bytes);
    /** Returns once everything written would survive a power loss. */
    ferry_err (*flush)(void *ctx);
    void *ctx;
    uint32_t size_bytes; // of the disk
};

/** Caller-owned. */
struct disk_flash {
    struct ferry_flash flash;
    const struct disk_bus *bus; // kept
    uint8_t piece[DISK_PIECE_BYTES];
};

/** A flash on a disk.
 * FERRY_ERR_FLASH_IO the disk is no whole number of 64 KB blocks, or none at all */
FERRY_MUST_CHECK ferry_err disk_flash_init(struct disk_flash *disk, const struct disk_bus *bus);

#endif
