/* host/serial_chip.h - the flash of a real chip behind a serial port, as the core wants a flash.
 * Reading fetches what is needed, in growing pieces. Writes are noted, sector by sector in the
 * core's order, and go to the chip at each sync: whatever happens to cable or power, the chip holds
 * what a cut between two flash operations leaves, and those are the cuts of tests/power. Once the
 * link has failed nothing more is sent. The bytes travel by esptool_run.h. */
#ifndef FERRY_SERIAL_CHIP_H
#define FERRY_SERIAL_CHIP_H

#include "esptool_run.h"
#include "ferry/flash.h"

/** What carries bytes to and from the chip; esptool, or a fake in tests. */
struct ferry_serial_link {
    /** Both all or nothing; FERRY_ERR_FLASH_IO. Whole sectors. */
    ferry_err (*read)(void *ctx, uint32_t off_bytes, uint8_t *dst, uint32_t n_bytes);
    ferry_err (*write)(void *ctx, uint32_t off_bytes, const uint8_t *src, uint32_t n_bytes);
    void *ctx;
};

/** Told before bytes travel: n_bytes from off_bytes on are about to be read or written. */
struct ferry_serial_watch {
    void (*told)(void *ctx, bool is_write, uint32_t off_bytes, uint32_t n_bytes);
    void *ctx;
};

/** A sector as it is to become. */
struct ferry_serial_note {
    uint32_t sector;
    uint8_t bytes[4096];
};

/** Caller-owned; `flash` is what the core gets. */
struct ferry_serial_chip {
    struct ferry_flash flash;
    struct ferry_serial_link link;
    struct ferry_serial_watch watch; // {0}: nobody
    uint8_t *image;                  // the flash as the core sees it; owned
    uint8_t *states;                 // of its sectors; owned
    struct ferry_serial_note *notes; // writes not on the chip yet, in order; owned
    uint32_t n_notes, n_room;
    uint32_t erased_at, n_erased; // sectors of the last erase, noted when the core writes them
    uint32_t fetched_to_bytes;    // where the last fetch ended
    uint32_t window_bytes;        // of it
    uint32_t n_read_bytes, n_written_bytes;
    bool is_lost; // the link has failed: nothing more is read or written
};

/** Makes a flash of size_bytes, a multiple of 64 KB. link and watch are copied.
 * FERRY_ERR_FLASH_SIZE; FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_serial_chip_open(struct ferry_serial_chip *c, uint32_t size_bytes,
                                                  const struct ferry_serial_link *link,
                                                  const struct ferry_serial_watch *watch);

/** Forgets what was not synced. */
void ferry_serial_chip_close(struct ferry_serial_chip *c);

#endif
