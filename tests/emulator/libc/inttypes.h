/* tests/emulator/libc/inttypes.h - what tests/support/t.h takes from it. */
#ifndef EMULATOR_INTTYPES_H
#define EMULATOR_INTTYPES_H

#include <stdint.h>

#define PRIdMAX "jd"

#endif
