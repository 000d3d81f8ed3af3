/* ports/espressif/flash_mmu.c - the mapping tables of seven chips, and one way to read them all.
 * An address within a window gives a page number, that an entry, and that the page in flash. */
#include "flash_mmu.h"

#define BIT(n) (1u << (n))
#define PAGE_64_KB                                                                                 \
    {                                                                                              \
        16, 16, 16, 16                                                                             \
    }
#define PAGE_CODE(v) ((v) >> 3 & 3u)

/* The windows are those of the PRO core's table, two for data and two for code that nobody uses. */
const struct flash_mmu flash_mmu_esp32 = {
    .chip = &ferry_chip_esp32,
    .entry_addr = 0x3ff10000,
    .page_log2 = PAGE_64_KB,
    .n_pages = 64,
    .page_mask = 0xff,
    .flash_mask = BIT(8), // not mapped
    .flash_is = 0,
    .windows = {{0x3f400000, 0x3f800000, 0},
                {0x400d0000, 0x40400000, 64},
                {0x40400000, 0x40800000, 128},
                {0x40800000, 0x40c00000, 192}},
};

/* Two buses with three windows each; PSRAM is mapped by the same table. */
const struct flash_mmu flash_mmu_esp32s2 = {
    .chip = &ferry_chip_esp32s2,
    .entry_addr = 0x61801000,
    .page_log2 = PAGE_64_KB,
    .n_pages = 64,
    .page_mask = 0x3fff,
    .flash_mask = BIT(14) | BIT(15) | BIT(16), // not mapped, flash, PSRAM
    .flash_is = BIT(15),
    .windows = {{0x40080000, 0x40400000, 0},
                {0x40400000, 0x40800000, 64},
                {0x3f000000, 0x3f400000, 128},
                {0x3fc00000, 0x3ff80000, 192},
                {0x3f800000, 0x3fc00000, 256},
                {0x3f500000, 0x3f800000, 320}},
};

const struct flash_mmu flash_mmu_esp32s3 = {
    .chip = &ferry_chip_esp32s3,
    .entry_addr = 0x600c5000,
    .page_log2 = PAGE_64_KB,
    .n_pages = 512,
    .page_mask = 0x3fff,
    .flash_mask = BIT(14) | BIT(15), // not mapped, PSRAM
    .flash_is = 0,
    .windows = {{0x3c000000, 0x3e000000, 0}, {0x42000000, 0x44000000, 0}},
};

const struct flash_mmu flash_mmu_esp32c2 = {
    .chip = &ferry_chip_esp32c2,
    .entry_addr = 0x600c5000,
    .page_addr = 0x600c40c8,
    .page_log2 = {14, 15, 16, 16},
    .n_pages = 64,
    .page_mask = 0x3f,
    .flash_mask = BIT(6), // not mapped
    .flash_is = 0,
    .windows = {{0x3c000000, 0x3c400000, 0}, {0x42000000, 0x42400000, 0}},
};

const struct flash_mmu flash_mmu_esp32c3 = {
    .chip = &ferry_chip_esp32c3,
    .entry_addr = 0x600c5000,
    .page_log2 = PAGE_64_KB,
    .n_pages = 128,
    .page_mask = 0xff,
    .flash_mask = BIT(8), // not mapped
    .flash_is = 0,
    .windows = {{0x3c000000, 0x3c800000, 0}, {0x42000000, 0x42800000, 0}},
};

/* Data and code share one window, and the table is behind two registers of the flash controller.
 * Bit 10 only says that the page is encrypted. */
const struct flash_mmu flash_mmu_esp32c6 = {
    .chip = &ferry_chip_esp32c6,
    .entry_addr = 0x6000237c,
    .index_addr = 0x60002380,
    .page_addr = 0x60002384,
    .page_log2 = {16, 15, 14, 13},
    .n_pages = 256,
    .page_mask = 0x1ff,
    .flash_mask = BIT(9), // mapped
    .flash_is = BIT(9),
    .windows = {{0x42000000, 0x43000000, 0}},
};

const struct flash_mmu flash_mmu_esp32h2 = {
    .chip = &ferry_chip_esp32h2,
    .entry_addr = 0x6000237c,
    .index_addr = 0x60002380,
    .page_addr = 0x60002384,
    .page_log2 = {16, 15, 14, 13},
    .n_pages = 256,
    .page_mask = 0x1ff,
    .flash_mask = BIT(9), // mapped
    .flash_is = BIT(9),
    .windows = {{0x42000000, 0x43000000, 0}},
};

const struct flash_mmu *flash_mmu_at(size_t i)
{
    static const struct flash_mmu *const all[] = {
        &flash_mmu_esp32,   &flash_mmu_esp32s2, &flash_mmu_esp32s3, &flash_mmu_esp32c2,
        &flash_mmu_esp32c3, &flash_mmu_esp32c6, &flash_mmu_esp32h2,
    };
    return i < sizeof(all) / sizeof(*all) ? all[i] : NULL;
}

static const struct flash_mmu_window *window_of(const struct flash_mmu *mmu, uint32_t addr,
                                                uint32_t window_bytes)
{
    for (size_t i = 0; i < FLASH_MMU_WINDOWS; i++) {
        const struct flash_mmu_window *w = &mmu->windows[i];
        // With small pages the table ends before the largest window does.
        if (addr >= w->start && addr < w->end && addr - w->start < window_bytes)
            return w;
    }
    return NULL;
}

ferry_err flash_mmu_find(const struct flash_mmu *mmu, const struct flash_mmu_bus *bus,
                         uint32_t addr, uint32_t *off_bytes)
{
    const uint32_t code =
        mmu->page_addr == FLASH_MMU_ALWAYS ? 0 : PAGE_CODE(bus->read(bus->ctx, mmu->page_addr));
    const uint32_t page_log2 = mmu->page_log2[code];
    const uint32_t window_bytes = (uint32_t)mmu->n_pages << page_log2;
    const struct flash_mmu_window *w = window_of(mmu, addr, window_bytes);
    if (!w)
        return FERRY_ERR_NOT_FOUND;
    const uint32_t i = w->first + ((addr & (window_bytes - 1)) >> page_log2);
    if (mmu->index_addr)
        bus->write(bus->ctx, mmu->index_addr, i);
    const uint32_t entry =
        bus->read(bus->ctx, mmu->index_addr ? mmu->entry_addr : mmu->entry_addr + 4 * i);
    if ((entry & mmu->flash_mask) != mmu->flash_is)
        return FERRY_ERR_NOT_FOUND;
    *off_bytes = (entry & mmu->page_mask) << page_log2 | (addr & (BIT(page_log2) - 1));
    return FERRY_OK;
}
