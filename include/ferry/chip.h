/* ferry/chip.h - what differs between the ESP32 chips, as data.
 * One constant per chip, so that firmware links only its own; tools use the list.
 * Facts: docs/formats.md "Chips". */
#ifndef FERRY_CHIP_H
#define FERRY_CHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An address range [start, end); start == end means none. */
struct ferry_addr_range {
    uint32_t start;
    uint32_t end;
};

struct ferry_chip {
    char name[12];                 // "esp32c3", as esptool spells it
    uint16_t id;                   // chip_id of the image header
    uint8_t page_log2_min;         // smallest MMU page an app may be built for, log2
    uint8_t page_log2_max;         // equal to the minimum: the page is fixed
    uint8_t secure_version_bits;   // width of the eFuse field
    bool has_blk_rev;              // eFuse block revision is checked
    bool big_flash;                // more than 16 MB can be mapped
    uint32_t bootloader_off_bytes; // where the ROM looks for the bootloader
    struct ferry_addr_range drom;  // mapped data
    struct ferry_addr_range irom;  // mapped code; equals drom where the two share one range
    struct ferry_addr_range psram; // external RAM that maps like flash, or none
};

extern const struct ferry_chip ferry_chip_esp32;
extern const struct ferry_chip ferry_chip_esp32s2;
extern const struct ferry_chip ferry_chip_esp32s3;
extern const struct ferry_chip ferry_chip_esp32c2;
extern const struct ferry_chip ferry_chip_esp32c3;
extern const struct ferry_chip ferry_chip_esp32c5;
extern const struct ferry_chip ferry_chip_esp32c6;
extern const struct ferry_chip ferry_chip_esp32c61;
extern const struct ferry_chip ferry_chip_esp32h2;
extern const struct ferry_chip ferry_chip_esp32h21;
extern const struct ferry_chip ferry_chip_esp32h4;
extern const struct ferry_chip ferry_chip_esp32p4;
extern const struct ferry_chip ferry_chip_esp32s31;

/** The i-th known chip, or NULL past the end. For tools: links every chip. */
const struct ferry_chip *ferry_chip_at(size_t i);

/** The chip with this image chip_id, or NULL. */
const struct ferry_chip *ferry_chip_by_id(uint16_t id);

/** The chip with this name ("esp32c3" and "ESP32-C3" alike), or NULL. */
const struct ferry_chip *ferry_chip_by_name(const char *name);

#ifdef __cplusplus
}
#endif
#endif
