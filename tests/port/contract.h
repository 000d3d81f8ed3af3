/* tests/port/contract.h - the flash contract of ferry/flash.h as a suite: a port is done when it
 * finds nothing. Needs no heap and no libc beyond string.h, so it runs on a chip as well. */
#ifndef PORT_CONTRACT_H
#define PORT_CONTRACT_H

#include "ferry/flash.h"

/** Puts a flash to the test. ERASES AND WRITES the whole area [off_bytes, off_bytes + 4 blocks),
 * which must lie in the flash, on a block boundary; the flash's end is read, and written only by
 * calls that must be refused. report is told of each promise not kept; may be NULL.
 * Returns how many were not kept. */
unsigned port_contract(const struct ferry_flash *f, uint32_t off_bytes,
                       void (*report)(void *ctx, const char *promise), void *ctx);

#endif
