/* host/esptool_run.h - running esptool, Espressif's programmer, as another process.
 * It knows every chip's loader, stub and cable; ferry knows what has to be where. Versions 4 and 5.
 * A call is never broken off by Ctrl-C: half a sector is worse than a second of waiting. */
#ifndef FERRY_ESPTOOL_RUN_H
#define FERRY_ESPTOOL_RUN_H

#include "esptool_words.h"
#include "ferry/err.h"

#define FERRY_ESPTOOL_OUTPUT 65536u
#define FERRY_ESPTOOL_BAUD   460800u

/** Which esptool, and to which port it talks. Caller-owned; strings are kept. */
struct ferry_esptool {
    const char *program; // a path or a name on PATH; NULL: esptool, esptool.py, python3 -m esptool
    const char *port;
    const char *chip; // in ferry's spelling, which is esptool's; NULL: it finds out
    uint32_t baud;
    const char *found; // what ferry_esptool_find has chosen
    bool is_module;    // ... as python3 -m esptool
    unsigned major;
    char reason[256];                  // why the last call failed, in esptool's words
    char output[FERRY_ESPTOOL_OUTPUT]; // of the last call, its end if it was longer
};

/** Finds a program that calls itself esptool. FERRY_ERR_NOT_FOUND t->reason says what was tried. */
FERRY_MUST_CHECK ferry_err ferry_esptool_find(struct ferry_esptool *t);

/** What is on the port. Leaves the chip in its loader.
 * FERRY_ERR_FLASH_IO esptool failed: t->reason. */
FERRY_MUST_CHECK ferry_err ferry_esptool_ask(struct ferry_esptool *t,
                                             struct ferry_chip_facts *facts);

/** Reads [off_bytes, off_bytes + n_bytes) into dst; as all that follows, three times if it must be:
 * lines are noisy. FERRY_ERR_FLASH_IO t->reason, of the last try. */
FERRY_MUST_CHECK ferry_err ferry_esptool_read(struct ferry_esptool *t, uint32_t off_bytes,
                                              uint8_t *dst, uint32_t n_bytes);

/** Erases and writes whole sectors; esptool compares the chip's hash of them with its own. When
 * this fails, the range holds anything. FERRY_ERR_FLASH_IO t->reason. */
FERRY_MUST_CHECK ferry_err ferry_esptool_write(struct ferry_esptool *t, uint32_t off_bytes,
                                               const uint8_t *src, uint32_t n_bytes);

/** Lets the chip run what is in its flash. FERRY_ERR_FLASH_IO t->reason. */
FERRY_MUST_CHECK ferry_err ferry_esptool_reset(struct ferry_esptool *t);

#endif
