/* ports/sifive-u/sifive_u.h - the machine `sifive_u` of QEMU as firmware sees it: console, clock,
 * flash, and the end. Single-threaded, hart 0 only; no interrupt handler runs, interrupts only
 * wake. Facts: SiFive's FU540-C000 manual, chapters 9 to 19. */
#ifndef SIFIVE_U_H
#define SIFIVE_U_H

#include "spi_nor.h"

#include <stdbool.h>
#include <stddef.h>

/** Makes console and flash controller ready. To be called once, first. */
void sifive_u_init(void);

/** The bus with the machine's flash chip, for spi_nor_init. */
extern const struct spi_nor_bus sifive_u_spi;

void console_put_char(char c);
void console_put_text(const char *text);
void console_put_hex(uint32_t v, unsigned n_digits);
void console_put_number(uint32_t v);

/** The next byte from the console, or -1 after wait_us without one. Sleeps while waiting. */
int console_get(uint32_t wait_us);

/** Microseconds since power-on; wraps after 71 minutes. */
uint32_t clock_us(void);

/** Ends the emulator with this exit code. There is no reset: who started the emulator starts it
 * again. On a debugger that does not know semihosting it stops for good. */
_Noreturn void machine_end(uint32_t exit_code);

/** Deepest use of the stack so far, in bytes; start-up has painted it. */
uint32_t stack_used_bytes(void);

/* The program's own. */

/** Where start-up leads. handed: what the caller of the entry point left in a0. */
void firmware_main(uint32_t handed);

/** Called on any trap; must not return. cause and address: mcause and mepc. */
void firmware_trap(uint32_t cause, uint32_t address);

#endif
