/* ports/bare/machine.h - a machine as a program without operating system sees it: console, clock,
 * flash, start and end. Every bare port implements it; what needs no register is shared in this
 * folder. Single-threaded: no interrupt handler runs. */
#ifndef BARE_MACHINE_H
#define BARE_MACHINE_H

#include "ferry/device.h"

#include <stdbool.h>
#include <stddef.h>

/** Makes console and clock ready. To be called once, first. */
void machine_init(void);

/** The flash that the machine boots from; it lives as long as the program.
 * FERRY_ERR_FLASH_IO no chip answers, or it does not say a size that can be. */
FERRY_MUST_CHECK ferry_err machine_flash(const struct ferry_flash **out);

/** Where in flash the running program's image begins or, on a machine that only knows where its
 * code is mapped from, an address within that image. handed: as firmware_main got it.
 * UINT32_MAX if the machine cannot tell. */
uint32_t machine_image_off(uint32_t handed);

/** Sets the policy's revisions to what the chip says of itself, and whether it wants an image's
 * upper limit ignored; a machine that is no such chip leaves it as it is. */
void machine_revisions(struct ferry_policy *policy);

void console_put_char(char c);
void console_put_text(const char *text);
void console_put_hex(uint32_t v, unsigned n_digits);
void console_put_number(uint32_t v);

/** The next byte from the console, or -1 after wait_us without one. */
int console_get(uint32_t wait_us);

/** Microseconds since power-on; wraps after 71 minutes. */
uint32_t clock_us(void);

/** Ends this run. With 0 the machine starts again at its ROM; with any other code, which says why
 * that would be in vain, an emulator exits with it, and a chip starts again. */
_Noreturn void machine_end(uint32_t exit_code);

/** Deepest use of the stack so far, in bytes; start-up has painted it. */
uint32_t stack_used_bytes(void);

/* The program's own. */

/** Where start-up leads. handed: what the caller of the entry point left in a0. */
void firmware_main(uint32_t handed);

/** Called on any trap; must not return. cause and address: mcause and mepc. */
void firmware_trap(uint32_t cause, uint32_t address);

#endif
