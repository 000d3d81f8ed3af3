/* ports/esp32c3/flash_rom.h - the boot flash as a struct ferry_flash, by the routines in the chip's
 * ROM. They take whole words and need the flash to themselves, and programs run from that flash: so
 * nothing may be fetched from it meanwhile. Takes those routines as a table, so that a test can
 * stand for them. Facts: ESP-IDF's esp_rom/include/esp32c3/rom/spi_flash.h. */
#ifndef FLASH_ROM_H
#define FLASH_ROM_H

#include "ferry/flash.h"

#define FLASH_ROM_PAGE_BYTES 256u

/** For code that runs while the flash is away: it lies in RAM, calls nothing that does not, and
 * reads no constant of flash. */
#define IN_RAM __attribute__((section(".iram.text"), noinline))

/** What the ROM and the chip give. All of it lies in ROM or RAM. The four of the ROM return 0 if it
 * worked; offsets, lengths and memory are multiples of 4. */
struct flash_rom_calls {
    int (*read)(uint32_t off_bytes, uint32_t *dst, int32_t n_bytes);
    int (*write)(uint32_t off_bytes, const uint32_t *src, int32_t n_bytes); // splits at pages
    int (*erase_sector)(uint32_t number);                                   // of 4 KB
    int (*erase_block)(uint32_t number);                                    // of 64 KB
    /** Takes the flash from the cache and turns interrupts off; `was` remembers how it was. */
    void (*take)(uint32_t was[2]);
    /** Gives it back. is_changed: the cache must forget what it has of it. */
    void (*give)(const uint32_t was[2], bool is_changed);
};

/** Caller-owned, in RAM. */
struct flash_rom {
    struct ferry_flash flash;
    struct flash_rom_calls calls;
    uint32_t words[FLASH_ROM_PAGE_BYTES / 4]; // what is not aligned passes through here
};

/** Makes a flash of this size. calls is copied.
 * FERRY_ERR_FLASH_IO the size is none of 256 KB to 16 MB in whole blocks: nobody has set it. */
FERRY_MUST_CHECK ferry_err flash_rom_init(struct flash_rom *f, const struct flash_rom_calls *calls,
                                          uint32_t size_bytes);

#endif
