/* host/serial_chip.c - the flash of a real chip behind a serial port. */
#include "serial_chip.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define SECTOR      4096u
#define BLOCK       65536u
#define WINDOW_MOST (8u * BLOCK)

enum {
    STATE_UNKNOWN, // not fetched yet
    STATE_SAME,    // as on the chip
    STATE_ERASED,  // by the last erase, which is not noted for it yet
    STATE_NOTED,   // other than on the chip
};

static bool is_blank(const uint8_t *bytes)
{
    for (uint32_t i = 0; i < SECTOR; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

/** Fetches from the sector on, as far as nothing is known yet and the window reaches. A reader that
 * goes on where the last fetch ended gets twice as much. */
static ferry_err fetch(struct ferry_serial_chip *c, uint32_t sector)
{
    const uint32_t off = sector * SECTOR;
    const bool goes_on = off == c->fetched_to_bytes && c->window_bytes;
    const uint32_t most = goes_on && c->window_bytes < WINDOW_MOST ? 2 * c->window_bytes
                          : goes_on                                ? WINDOW_MOST
                                                                   : BLOCK - off % BLOCK;
    uint32_t n = 0;
    while (n < most && off + n < c->flash.size_bytes &&
           c->states[sector + n / SECTOR] == STATE_UNKNOWN)
        n += SECTOR;
    if (c->is_lost)
        return FERRY_ERR_FLASH_IO;
    if (c->watch.told)
        c->watch.told(c->watch.ctx, false, off, n);
    const ferry_err err = c->link.read(c->link.ctx, off, c->image + off, n);
    c->is_lost = err != FERRY_OK;
    if (err)
        return err;
    memset(c->states + sector, STATE_SAME, n / SECTOR);
    c->fetched_to_bytes = off + n;
    c->window_bytes = n > BLOCK ? n : BLOCK;
    c->n_read_bytes += n;
    return FERRY_OK;
}

static ferry_err need(struct ferry_serial_chip *c, uint32_t off_bytes, uint32_t n_bytes)
{
    ferry_err err = FERRY_OK;
    const uint64_t end = (uint64_t)off_bytes + n_bytes;
    for (uint32_t s = off_bytes / SECTOR; !err && (uint64_t)s * SECTOR < end; s++)
        if (c->states[s] == STATE_UNKNOWN)
            err = fetch(c, s);
    return err;
}

static ferry_err chip_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                           uint32_t len_bytes)
{
    struct ferry_serial_chip *c = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    const ferry_err err = need(c, off_bytes, len_bytes);
    if (!err)
        memcpy(dst, c->image + off_bytes, len_bytes);
    return err;
}

/** Adds the sector as it is now to what the chip will get. */
static ferry_err note(struct ferry_serial_chip *c, uint32_t sector)
{
    if (!c->n_notes || c->notes[c->n_notes - 1].sector != sector) {
        if (c->n_notes == c->n_room) {
            const uint32_t room = c->n_room ? 2 * c->n_room : 16;
            void *more = realloc(c->notes, room * sizeof(*c->notes));
            if (!more)
                return FERRY_ERR_NO_MEMORY;
            c->notes = more;
            c->n_room = room;
        }
        c->notes[c->n_notes++].sector = sector;
    }
    memcpy(c->notes[c->n_notes - 1].bytes, c->image + sector * SECTOR, SECTOR);
    c->states[sector] = STATE_NOTED;
    return FERRY_OK;
}

/** What the last erase has left blank becomes part of the order, before anything else is written.
 */
static ferry_err note_erased(struct ferry_serial_chip *c)
{
    ferry_err err = FERRY_OK;
    for (uint32_t i = 0; !err && i < c->n_erased; i++)
        if (c->states[c->erased_at + i] == STATE_ERASED)
            err = note(c, c->erased_at + i);
    c->n_erased = err ? c->n_erased : 0;
    return err;
}

/* A block is erased at once and then filled, sector by sector. esptool erases what it writes, so
 * the erase of a sector waits for its first bytes: a block whose erase was cut between two sectors
 * is one of the states that a cut leaves on the chip, too. */
static ferry_err chip_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    struct ferry_serial_chip *c = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != SECTOR && len_bytes != BLOCK) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    const ferry_err err = note_erased(c);
    if (err)
        return err;
    c->erased_at = off_bytes / SECTOR;
    c->n_erased = len_bytes / SECTOR;
    for (uint32_t s = c->erased_at; s < c->erased_at + c->n_erased; s++)
        if (c->states[s] != STATE_SAME || !is_blank(c->image + s * SECTOR))
            c->states[s] = STATE_ERASED;
    memset(c->image + off_bytes, 0xff, len_bytes);
    return FERRY_OK;
}

static ferry_err chip_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                           uint32_t len_bytes)
{
    struct ferry_serial_chip *c = f->ctx;
    const uint8_t *from = src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    ferry_err err = need(c, off_bytes, len_bytes);
    for (uint32_t at = off_bytes; !err && at < off_bytes + len_bytes;) {
        const uint32_t sector = at / SECTOR;
        const uint32_t end = (sector + 1) * SECTOR;
        const bool was_erased = sector >= c->erased_at && sector < c->erased_at + c->n_erased;
        if (!was_erased)
            err = note_erased(c);
        for (; at < end && at < off_bytes + len_bytes; at++)
            c->image[at] &= *from++;
        if (!err)
            err = note(c, sector);
    }
    return err;
}

/** How many notes from `first` on are of sectors that follow each other. */
static uint32_t run_length(const struct ferry_serial_chip *c, uint32_t first)
{
    uint32_t n = 1;
    while (first + n < c->n_notes && c->notes[first + n].sector == c->notes[first].sector + n)
        n++;
    return n;
}

static ferry_err write_run(struct ferry_serial_chip *c, uint32_t first, uint32_t n)
{
    const uint32_t off = c->notes[first].sector * SECTOR;
    if (c->is_lost)
        return FERRY_ERR_FLASH_IO;
    uint8_t *bytes = malloc((size_t)n * SECTOR);
    if (!bytes)
        return FERRY_ERR_NO_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        memcpy(bytes + (size_t)i * SECTOR, c->notes[first + i].bytes, SECTOR);
    if (c->watch.told)
        c->watch.told(c->watch.ctx, true, off, n * SECTOR);
    const ferry_err err = c->link.write(c->link.ctx, off, bytes, n * SECTOR);
    c->is_lost = err != FERRY_OK;
    c->n_written_bytes += err ? 0 : n * SECTOR;
    free(bytes);
    return err;
}

static ferry_err chip_sync(const struct ferry_flash *f)
{
    struct ferry_serial_chip *c = f->ctx;
    ferry_err err = note_erased(c);
    for (uint32_t first = 0, n; !err && first < c->n_notes; first += n) {
        n = run_length(c, first);
        err = write_run(c, first, n);
    }
    // After a failure nobody knows what the chip holds: it is asked when it matters.
    for (uint32_t i = 0; i < c->n_notes; i++)
        c->states[c->notes[i].sector] = err ? STATE_UNKNOWN : STATE_SAME;
    c->n_notes = 0;
    return err;
}

ferry_err ferry_serial_chip_open(struct ferry_serial_chip *c, uint32_t size_bytes,
                                 const struct ferry_serial_link *link,
                                 const struct ferry_serial_watch *watch)
{
    static const struct ferry_flash_ops ops = {chip_read, chip_prog, chip_erase, chip_sync};
    memset(c, 0, sizeof(*c));
    if (!size_bytes || size_bytes % BLOCK)
        return FERRY_ERR_FLASH_SIZE;
    c->image = malloc(size_bytes);
    c->states = calloc(size_bytes / SECTOR, 1);
    if (!c->image || !c->states) {
        ferry_serial_chip_close(c);
        return FERRY_ERR_NO_MEMORY;
    }
    c->link = *link;
    if (watch)
        c->watch = *watch;
    c->flash = (struct ferry_flash){.ops = &ops,
                                    .ctx = c,
                                    .size_bytes = size_bytes,
                                    .sector_bytes = SECTOR,
                                    .block_bytes = BLOCK,
                                    .prog_bytes = 1};
    return FERRY_OK;
}

void ferry_serial_chip_close(struct ferry_serial_chip *c)
{
    free(c->image);
    free(c->states);
    free(c->notes);
    c->image = c->states = NULL;
    c->notes = NULL;
    c->n_notes = c->n_room = 0;
}
