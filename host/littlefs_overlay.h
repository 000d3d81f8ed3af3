/* host/littlefs_overlay.h - a region as it would be after a change: sectors that are written are
 * kept in memory, all others are read from below. `ferry fs` tries each change here first, so that
 * one that does not fit is refused before anything has changed; and a chip behind a serial port is
 * not read as a whole for it. */
#ifndef FERRY_LITTLEFS_OVERLAY_H
#define FERRY_LITTLEFS_OVERLAY_H

#include "ferry/flash.h"

/** Caller-owned; `flash` is what to work on, as large as the region, from offset 0. */
struct ferry_overlay {
    struct ferry_flash flash;
    struct ferry_region below; // never written
    uint8_t **sectors;         // NULL: as below
    uint32_t n_changed;
};

/** FERRY_ERR_NO_MEMORY; FERRY_ERR_FLASH_SIZE no whole sectors. */
FERRY_MUST_CHECK ferry_err ferry_overlay_open(struct ferry_overlay *o,
                                              const struct ferry_region *below);

void ferry_overlay_close(struct ferry_overlay *o);

#endif
