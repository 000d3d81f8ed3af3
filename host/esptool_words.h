/* host/esptool_words.h - what esptool says of a chip, read from its output.
 * Versions 4 and 5 word it differently, and lines are drawn over with terminal codes. Pure
 * functions over text that comes from another program; fuzzed. */
#ifndef FERRY_ESPTOOL_WORDS_H
#define FERRY_ESPTOOL_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/chip.h"

/** What was said; zeros and "" for what was not. */
struct ferry_chip_facts {
    const struct ferry_chip *chip;
    uint16_t revision; // major * 100 + minor
    bool has_revision;
    uint32_t flash_bytes;
    char mac[24];
};

/** Reads the output of flash-id. */
void ferry_esptool_facts(const char *output, struct ferry_chip_facts *facts);

/** The major version that `esptool version` prints; 0: that is no esptool. */
unsigned ferry_esptool_major(const char *output);

/** The line that says why it failed, without terminal codes, in buf; the last one that is not empty
 * if none says so. */
const char *ferry_esptool_reason(const char *output, char *buf, size_t n_bytes);

#endif
