/* ports/espressif/flash_mmu.h - where in flash lies what a program sees at an address: the table by
 * which Espressif's chips map flash into memory, read back. So a program finds the slot it runs
 * from, which otadata does not tell: after a failed load the bootloader runs another one. Facts:
 * ESP-IDF's hal/mmu_ll.h, soc/ext_mem_defs.h and soc/reg_base.h of each chip. */
#ifndef FLASH_MMU_H
#define FLASH_MMU_H

#include "ferry/chip.h"
#include "ferry/err.h"

#define FLASH_MMU_WINDOWS 6u
#define FLASH_MMU_ALWAYS  0u // page_addr of a chip with one page size

/** Addresses that the table maps: the page with the first one's number, counted from a multiple of
 * the whole window's size, is described by entry `first`. */
struct flash_mmu_window {
    uint32_t start, end; // [start, end) as with the largest page
    uint16_t first;
};

/** One chip's table. */
struct flash_mmu {
    const struct ferry_chip *chip;
    uint32_t entry_addr;  // entry 0, the others behind it; with index_addr the one that it chose
    uint32_t index_addr;  // register that chooses an entry; 0: all entries lie in memory
    uint32_t page_addr;   // register that says the page size in bits 4:3, or FLASH_MMU_ALWAYS
    uint8_t page_log2[4]; // by those bits
    uint16_t n_pages;     // that a window has; a power of two
    uint32_t page_mask;   // of an entry: number of the page in flash
    uint32_t flash_mask;  // of an entry: the bits that tell what it is,
    uint32_t flash_is;    // and what they are in one that maps flash
    struct flash_mmu_window windows[FLASH_MMU_WINDOWS]; // unused ones are empty
};

extern const struct flash_mmu flash_mmu_esp32;
extern const struct flash_mmu flash_mmu_esp32s2;
extern const struct flash_mmu flash_mmu_esp32s3;
extern const struct flash_mmu flash_mmu_esp32c2;
extern const struct flash_mmu flash_mmu_esp32c3;
extern const struct flash_mmu flash_mmu_esp32c6;
extern const struct flash_mmu flash_mmu_esp32h2;

/** The i-th chip's table, or NULL past the end. For tests: links every chip. */
const struct flash_mmu *flash_mmu_at(size_t i);

/** The chip's registers. On an ESP32 whose second core runs, `read` must keep that core from its
 * peripherals meanwhile, as for every register of that bus. */
struct flash_mmu_bus {
    uint32_t (*read)(void *ctx, uint32_t addr);
    void (*write)(void *ctx, uint32_t addr, uint32_t value); // the index register, nothing else
    void *ctx;
};

/** The absolute flash address of what is mapped at `addr`, such as a function of the running
 * program that lies in flash; ferry_device_slot_at makes a slot of it.
 * FERRY_ERR_NOT_FOUND the address is none that maps flash, its page is not mapped, or it maps other
 * memory; *off_bytes stays as it is. */
FERRY_MUST_CHECK ferry_err flash_mmu_find(const struct flash_mmu *mmu,
                                          const struct flash_mmu_bus *bus, uint32_t addr,
                                          uint32_t *off_bytes);

#endif
