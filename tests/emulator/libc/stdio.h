/* tests/emulator/libc/stdio.h - as much of it as tests/support/t.h needs on a machine without libc:
 * %s, %c, and the integers %d %u %x with widths, zeros and the sizes l, ll, j, z. */
#ifndef EMULATOR_STDIO_H
#define EMULATOR_STDIO_H

__attribute__((format(printf, 1, 2))) int printf(const char *format, ...);

#endif
