/* tests/support/ram_flash.h - NOR flash in RAM for tests: programming ANDs, erasing sets 0xff.
 * Counts and traces operations, and can refuse one of them. Held to the flash contract by
 * tests/port, as every port is. */
#ifndef RAM_FLASH_H
#define RAM_FLASH_H

#include "ferry/flash.h"

/** Caller-owned. Fields after `bytes` may be set at any time after ram_flash_init. */
struct ram_flash {
    struct ferry_flash flash; // hand this to the core; geometry may be changed before use
    uint8_t *bytes;
    /** Told of every operation before it happens, also one that is refused.
     * op: 'R' read, 'W' program, 'E' erase, 'S' sync (off and len 0). NULL: nobody. */
    void (*trace)(void *ctx, char op, uint32_t off_bytes, uint32_t len_bytes);
    void *trace_ctx;
    uint32_t fail_at;  // refuses this program or erase, counted from 1; 0: none
    uint32_t n_ops;    // programs and erases so far, refused ones included
    uint32_t n_raised; // programs that wanted a bit to go from 0 to 1
};

/** bytes: size_bytes of them, kept and not touched here. 4 KB sectors, 64 KB blocks, programmed
 * byte by byte. */
void ram_flash_init(struct ram_flash *r, uint8_t *bytes, uint32_t size_bytes);

#endif
