/* ports/sifive-u/sifive_u.h - the machine `sifive_u` of QEMU as firmware sees it: what every
 * machine has, and the bus of its flash. Hart 0 only; interrupts only wake. machine_end resets by
 * the pin that a HiFive Unleashed resets by, or leaves the emulator with a code by semihosting; on
 * a debugger that does not know that it stops for good. Facts: SiFive's FU540-C000 manual, chapters
 * 9 to 19. */
#ifndef SIFIVE_U_H
#define SIFIVE_U_H

#include "machine.h"
#include "spi_nor.h"

/** The bus with the machine's flash chip, for spi_nor_init. */
extern const struct spi_nor_bus sifive_u_spi;

#endif
