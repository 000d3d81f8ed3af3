/* host/chip_build.h - what an image builder must know of a chip beyond include/ferry/chip.h.
 * The memory map with its names, the clock codes of the header, the MMU page sizes. Plain data:
 * a further chip is a further row. Facts: docs/formats.md "Building images". */
#ifndef FERRY_CHIP_BUILD_H
#define FERRY_CHIP_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/chip.h"

/** Kinds of memory, named as the chips' own tools name them. Ranges of one chip may overlap. */
enum ferry_memory_kind {
    FERRY_MEMORY_PADDING,
    FERRY_MEMORY_DROM,
    FERRY_MEMORY_IROM,
    FERRY_MEMORY_IRAM,
    FERRY_MEMORY_DRAM,
    FERRY_MEMORY_DIRAM_IRAM,
    FERRY_MEMORY_DIRAM_DRAM,
    FERRY_MEMORY_CACHE_PRO,
    FERRY_MEMORY_CACHE_APP,
    FERRY_MEMORY_RTC_IRAM,
    FERRY_MEMORY_RTC_DRAM,
    FERRY_MEMORY_RTC_DATA,
    FERRY_MEMORY_IROM_MASK,
    FERRY_MEMORY_DROM_MASK,
    FERRY_MEMORY_EXTRAM,
    FERRY_MEMORY_INTERNAL2,
    FERRY_MEMORY_INTERNAL,
    FERRY_MEMORY_BYTE,
    FERRY_MEMORY_KINDS
};

struct ferry_memory {
    uint32_t start; // [start, end)
    uint32_t end;
    enum ferry_memory_kind kind;
};

/** Code in the low nibble of header byte 3 for a flash clock. mhz 0: no further row. */
struct ferry_flash_clock {
    uint8_t mhz;
    uint8_t code;
};

struct ferry_chip_build {
    const struct ferry_chip *chip;
    const struct ferry_memory *memory;
    size_t n_memory;
    struct ferry_addr_range mapped[2]; // what the builder lays out as flash
    struct ferry_flash_clock clocks[4];
    uint32_t page_min_bytes; // MMU pages that may be asked for; 0: fixed at 64 KB
    uint32_t page_max_bytes;
    bool is_xtensa;        // else RISC-V
    bool pads_page_border; // ESP32: a mapped segment may not end just behind a page border
};

/** The builder's row of a chip, or NULL if images cannot be built for it here. */
const struct ferry_chip_build *ferry_chip_build_of(const struct ferry_chip *chip);

/** The kinds of memory an address lies in, a bit each (1u << kind); 0 if in none. */
uint32_t ferry_memory_kinds(const struct ferry_chip_build *b, uint32_t addr);

/** True if what loads there is mapped from flash, not copied to RAM. */
bool ferry_memory_is_mapped(const struct ferry_chip_build *b, uint32_t addr);

/** The one name that says most about an address ("DROM", "IRAM", "RTC"); "padding" for a load
 * address of 0 and its like; "?" if the chip has nothing there or is NULL. */
const char *ferry_memory_name(const struct ferry_chip *chip, uint32_t addr);

#endif
