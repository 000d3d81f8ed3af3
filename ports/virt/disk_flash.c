/* ports/virt/disk_flash.c - NOR's rules on a disk. A program reads the disk sectors around its
 * bytes, clears bits in them, and writes them back: a sector arrives whole or not at all, so a
 * power cut leaves each of them as before or as meant, and never a byte outside the range changed.
 */
#include "disk_flash.h"

#include "ferry/bytes.h"

#define BYTE_FF 0xffu

static struct disk_flash *disk_of(const struct ferry_flash *f)
{
    return f->ctx;
}

/* A piece of a range: the disk sectors that hold it, none behind the end of a DISK_PIECE_BYTES. */
struct window {
    uint32_t sector, n_bytes; // on the disk
    uint32_t skip, n;         // of the range: how far in its bytes begin, and how many
};

static struct window window_at(uint32_t off, uint32_t len)
{
    const uint32_t room = DISK_PIECE_BYTES - off % DISK_PIECE_BYTES;
    const uint32_t n = len < room ? len : room;
    const uint32_t skip = off % DISK_SECTOR_BYTES;
    return (struct window){.sector = off / DISK_SECTOR_BYTES,
                           .n_bytes = (skip + n + DISK_SECTOR_BYTES - 1) / DISK_SECTOR_BYTES *
                                      DISK_SECTOR_BYTES,
                           .skip = skip,
                           .n = n};
}

static ferry_err disk_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                           uint32_t len_bytes)
{
    struct disk_flash *disk = disk_of(f);
    uint8_t *to = dst;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len_bytes) {
        const struct window w = window_at(off_bytes, len_bytes);
        const ferry_err err = disk->bus->read(disk->bus->ctx, w.sector, disk->piece, w.n_bytes);
        if (err)
            return err;
        for (uint32_t i = 0; i < w.n; i++)
            to[i] = disk->piece[w.skip + i];
        to += w.n;
        off_bytes += w.n;
        len_bytes -= w.n;
    }
    return FERRY_OK;
}

static ferry_err disk_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                           uint32_t len_bytes)
{
    struct disk_flash *disk = disk_of(f);
    const uint8_t *from = src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len_bytes) {
        const struct window w = window_at(off_bytes, len_bytes);
        ferry_err err = disk->bus->read(disk->bus->ctx, w.sector, disk->piece, w.n_bytes);
        if (err)
            return err;
        for (uint32_t i = 0; i < w.n; i++)
            disk->piece[w.skip + i] &= from[i];
        err = disk->bus->write(disk->bus->ctx, w.sector, disk->piece, w.n_bytes);
        if (err)
            return err;
        from += w.n;
        off_bytes += w.n;
        len_bytes -= w.n;
    }
    return FERRY_OK;
}

static ferry_err disk_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    struct disk_flash *disk = disk_of(f);
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    for (uint32_t i = 0; i < DISK_PIECE_BYTES; i++)
        disk->piece[i] = BYTE_FF;
    for (uint32_t done = 0; done < len_bytes; done += DISK_PIECE_BYTES) {
        const uint32_t sector = (off_bytes + done) / DISK_SECTOR_BYTES;
        const ferry_err err =
            disk->bus->write(disk->bus->ctx, sector, disk->piece, DISK_PIECE_BYTES);
        if (err)
            return err;
    }
    return FERRY_OK;
}

static ferry_err disk_sync(const struct ferry_flash *f)
{
    const struct disk_flash *disk = disk_of(f);
    return disk->bus->flush(disk->bus->ctx);
}

static const struct ferry_flash_ops ops = {
    .read = disk_read,
    .prog = disk_prog,
    .erase = disk_erase,
    .sync = disk_sync,
};

ferry_err disk_flash_init(struct disk_flash *disk, const struct disk_bus *bus)
{
    disk->bus = bus;
    disk->flash = (struct ferry_flash){.ops = &ops,
                                       .ctx = disk,
                                       .size_bytes = bus->size_bytes,
                                       .sector_bytes = 4096,
                                       .block_bytes = 65536,
                                       .prog_bytes = 1};
    return bus->size_bytes && bus->size_bytes % disk->flash.block_bytes == 0 ? FERRY_OK
                                                                             : FERRY_ERR_FLASH_IO;
}
