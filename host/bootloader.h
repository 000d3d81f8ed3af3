/* host/bootloader.h - what a second-stage bootloader tells of itself: whole or damaged, for which
 * chip and flash, and whether it was built with rollback. A bootloader is no app: its first segment
 * may be short and has no app descriptor, so the core's reader is not the one for it.
 * Facts: docs/formats.md "Application image", "Boot"; what its texts prove: docs/doctor.md. */
#ifndef FERRY_BOOTLOADER_H
#define FERRY_BOOTLOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/chip.h"
#include "ferry/image.h"

/** The answer to a question that the bytes may leave open. */
enum ferry_told { FERRY_TOLD_NOTHING, FERRY_TOLD_NO, FERRY_TOLD_YES };

enum ferry_bootloader_state {
    FERRY_BOOTLOADER_NOT_LOOKED, // the chip is not known, so nor is the place
    FERRY_BOOTLOADER_ERASED,     // all 0xff
    FERRY_BOOTLOADER_FOREIGN,    // something that is no image
    FERRY_BOOTLOADER_CUT,        // its segments reach beyond the bytes there are
    FERRY_BOOTLOADER_CHECKSUM,   // the checksum is wrong
    FERRY_BOOTLOADER_HASH,       // the checksum is right, the SHA-256 is not: a header was patched
    FERRY_BOOTLOADER_WHOLE,
};

struct ferry_bootloader {
    enum ferry_bootloader_state state;
    uint32_t off_bytes;            // in flash
    const struct ferry_chip *chip; // by its header; NULL unknown
    struct ferry_image_header header;
    uint32_t flash_bytes;          // that its header says; 0: a code without meaning
    uint32_t image_bytes;          // from CUT on: as far as its headers say
    bool has_desc;                 // the bootloader's own descriptor (ESP-IDF 5.2 and later)
    bool is_bootloader;            // its descriptor or its texts say so, damaged or not
    uint32_t version;              // from it
    char idf_version[33];          // from it
    enum ferry_told rollback;      // was built with app rollback
    enum ferry_told anti_rollback; // ... and with anti-rollback
};

/** Looks at the n bytes where a bootloader should be. Writes *b whole but for off_bytes; never
 * fails: what is no bootloader is a state. */
void ferry_bootloader_look(struct ferry_bootloader *b, const uint8_t *bytes, size_t n);

/** True if a file that begins with these n bytes is a bootloader and no app. */
bool ferry_is_bootloader(const uint8_t *bytes, size_t n);

/** Sets the flash size in the header of a whole bootloader of n bytes, and its SHA-256 if it has
 * one. False: it is not whole, or no code says this size; bytes are as they were. */
bool ferry_bootloader_set_flash(uint8_t *bytes, size_t n, uint32_t flash_bytes);

#endif
