/* tests/unit/test_flash_mmu.c - a program finds the slot it runs from by its chip's mapping table.
 * Each chip is a handful of registers with the values that a bootloader would have left there. */
#include "flash_mmu.h"

#include "ferry/device.h"

#include "t.h"

#define REGISTERS_MOST 4u
#define ABSENT         UINT32_MAX // the address is one that no entry maps to flash

/** Registers of a chip. With an index register, those of the table are listed by number. */
struct registers {
    struct {
        uint32_t addr, value;
    } r[REGISTERS_MOST];
    uint32_t index_addr, entry_addr; // 0: the table lies in memory
    uint32_t index;
    unsigned n_strange; // reads of what is no register, writes to what is not the index
};

static uint32_t read_register(void *ctx, uint32_t addr)
{
    struct registers *regs = ctx;
    const uint32_t key = regs->entry_addr && addr == regs->entry_addr ? regs->index : addr;
    for (size_t i = 0; i < REGISTERS_MOST; i++) {
        if (regs->r[i].addr == key)
            return regs->r[i].value;
    }
    regs->n_strange++;
    return 0;
}

static void write_register(void *ctx, uint32_t addr, uint32_t value)
{
    struct registers *regs = ctx;
    regs->n_strange += addr != regs->index_addr || !addr;
    regs->index = value;
}

#define MEMORY(...)                                                                                \
    {                                                                                              \
        .r = { __VA_ARGS__ }                                                                       \
    }
#define INDEXED(...)                                                                               \
    {                                                                                              \
        .r = {__VA_ARGS__}, .index_addr = 0x60002380, .entry_addr = 0x6000237c                     \
    }

static const struct {
    const struct flash_mmu *mmu;
    const char *what;
    struct registers regs;
    uint32_t addr, want;
} cases[] = {
    {&flash_mmu_esp32, "code", MEMORY({0x3ff10134, 0x13}), 0x400d0f20, 0x130f20},
    {&flash_mmu_esp32, "data", MEMORY({0x3ff10004, 0x12}), 0x3f410020, 0x120020},
    {&flash_mmu_esp32, "last code page", MEMORY({0x3ff101fc, 0xff}), 0x403fffff, 0xffffff},
    {&flash_mmu_esp32, "second code window", MEMORY({0x3ff10200, 0x01}), 0x40400004, 0x010004},
    {&flash_mmu_esp32, "third code window", MEMORY({0x3ff103fc, 0x02}), 0x40bf0000, 0x020000},
    {&flash_mmu_esp32, "not mapped", MEMORY({0x3ff10134, 0x100}), 0x400d0f20, ABSENT},
    {&flash_mmu_esp32, "code in RAM", MEMORY({0, 0}), 0x40080400, ABSENT},
    {&flash_mmu_esp32, "PSRAM", MEMORY({0, 0}), 0x3f800000, ABSENT},
    {&flash_mmu_esp32s2, "code", MEMORY({0x61801020, 0x8011}), 0x40080020, 0x110020},
    {&flash_mmu_esp32s2, "second code window", MEMORY({0x61801100, 0x8012}), 0x40400000, 0x120000},
    {&flash_mmu_esp32s2, "data", MEMORY({0x61801200, 0x8010}), 0x3f000020, 0x100020},
    {&flash_mmu_esp32s2, "data, other bus", MEMORY({0x618015fc, 0x8013}), 0x3f7f0008, 0x130008},
    {&flash_mmu_esp32s2, "third data window", MEMORY({0x61801300, 0x8014}), 0x3fc00000, 0x140000},
    {&flash_mmu_esp32s2, "fourth data window", MEMORY({0x61801404, 0x8015}), 0x3f810000, 0x150000},
    {&flash_mmu_esp32s2, "beyond 16 MB", MEMORY({0x61801020, 0x8123}), 0x40080000, 0x1230000},
    {&flash_mmu_esp32s2, "PSRAM", MEMORY({0x61801020, 0x10011}), 0x40080020, ABSENT},
    {&flash_mmu_esp32s2, "not mapped", MEMORY({0x61801020, 0x4000}), 0x40080020, ABSENT},
    {&flash_mmu_esp32s2, "code in RAM", MEMORY({0, 0}), 0x40028000, ABSENT},
    {&flash_mmu_esp32s3, "code", MEMORY({0x600c5004, 0x22}), 0x42010106, 0x220106},
    {&flash_mmu_esp32s3, "data, same entry", MEMORY({0x600c5004, 0x22}), 0x3c010106, 0x220106},
    {&flash_mmu_esp32s3, "last page", MEMORY({0x600c57fc, 0x1ff}), 0x43ffffff, 0x1ffffff},
    {&flash_mmu_esp32s3, "PSRAM", MEMORY({0x600c5004, 0x8022}), 0x42010106, ABSENT},
    {&flash_mmu_esp32s3, "not mapped", MEMORY({0x600c5004, 0x4000}), 0x42010106, ABSENT},
    {&flash_mmu_esp32s3, "code in RAM", MEMORY({0, 0}), 0x40378000, ABSENT},
    {&flash_mmu_esp32c2, "code", MEMORY({0x600c40c8, 0x10}, {0x600c5004, 0x2}), 0x42010106,
     0x20106},
    {&flash_mmu_esp32c2, "pages of 32 KB", MEMORY({0x600c40c8, 0x08}, {0x600c5008, 0x4}),
     0x42010106, 0x20106},
    {&flash_mmu_esp32c2, "pages of 16 KB", MEMORY({0x600c40c8, 0x00}, {0x600c5010, 0x9}),
     0x42011106, 0x25106},
    {&flash_mmu_esp32c2, "other bits beside", MEMORY({0x600c40c8, 0xfffffff7}, {0x600c5004, 0x2}),
     0x3c010106, 0x20106},
    {&flash_mmu_esp32c2, "last small page", MEMORY({0x600c40c8, 0x00}, {0x600c50fc, 0x3f}),
     0x420fffff, 0xfffff},
    {&flash_mmu_esp32c2, "behind the last one", MEMORY({0x600c40c8, 0x00}), 0x42100000, ABSENT},
    {&flash_mmu_esp32c2, "not mapped", MEMORY({0x600c40c8, 0x10}, {0x600c5004, 0x40}), 0x42010106,
     ABSENT},
    {&flash_mmu_esp32c3, "code in ota_0", MEMORY({0x600c5004, 0x02}), 0x42010106, 0x20106},
    {&flash_mmu_esp32c3, "code in ota_1", MEMORY({0x600c5004, 0x12}), 0x42010106, 0x120106},
    {&flash_mmu_esp32c3, "descriptor", MEMORY({0x600c5000, 0x11}), 0x3c000020, 0x110020},
    {&flash_mmu_esp32c3, "last page", MEMORY({0x600c51fc, 0xff}), 0x427fffff, 0xffffff},
    {&flash_mmu_esp32c3, "not mapped", MEMORY({0x600c5004, 0x100}), 0x42010106, ABSENT},
    {&flash_mmu_esp32c3, "code in RAM", MEMORY({0, 0}), 0x40380000, ABSENT},
    {&flash_mmu_esp32c3, "behind the window", MEMORY({0, 0}), 0x42800000, ABSENT},
    {&flash_mmu_esp32c3, "before the window", MEMORY({0, 0}), 0x3bffffff, ABSENT},
    {&flash_mmu_esp32c6, "code", INDEXED({0x60002384, 0x00}, {1, 0x212}), 0x42010106, 0x120106},
    {&flash_mmu_esp32c6, "encrypted", INDEXED({0x60002384, 0x00}, {1, 0x612}), 0x42010106,
     0x120106},
    {&flash_mmu_esp32c6, "pages of 32 KB", INDEXED({0x60002384, 0x08}, {3, 0x225}), 0x42018106,
     0x128106},
    {&flash_mmu_esp32c6, "pages of 16 KB", INDEXED({0x60002384, 0x10}, {255, 0x3ff}), 0x423fffff,
     0x7fffff},
    {&flash_mmu_esp32c6, "pages of 8 KB", INDEXED({0x60002384, 0x18}, {9, 0x290}), 0x42012106,
     0x120106},
    {&flash_mmu_esp32c6, "behind 8 KB pages", INDEXED({0x60002384, 0x18}), 0x42200000, ABSENT},
    {&flash_mmu_esp32c6, "not mapped", INDEXED({0x60002384, 0x00}, {1, 0x012}), 0x42010106, ABSENT},
    {&flash_mmu_esp32c6, "code in RAM", INDEXED({0x60002384, 0x00}), 0x40800000, ABSENT},
    {&flash_mmu_esp32h2, "code", INDEXED({0x60002384, 0x00}, {2, 0x203}), 0x42020106, 0x030106},
    {&flash_mmu_esp32h2, "pages of 16 KB", INDEXED({0x60002384, 0x10}, {8, 0x20c}), 0x42020106,
     0x030106},
    {&flash_mmu_esp32h2, "not mapped", INDEXED({0x60002384, 0x00}, {2, 0x000}), 0x42020106, ABSENT},
};

static void every_chip_says_where_its_code_lies(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct registers regs = cases[i].regs;
        const struct flash_mmu_bus bus = {read_register, write_register, &regs};
        uint32_t got = 0xdeadbeef;
        const ferry_err err = flash_mmu_find(cases[i].mmu, &bus, cases[i].addr, &got);
        const bool is_found = cases[i].want != ABSENT;
        const long n_failed = t_failed;
        T_EQ_INT(err, is_found ? FERRY_OK : FERRY_ERR_NOT_FOUND);
        T_EQ_INT(got, is_found ? cases[i].want : 0xdeadbeef);
        T_EQ_INT(regs.n_strange, 0);
        if (t_failed > n_failed)
            printf("    %s, %s\n", cases[i].mmu->chip->name, cases[i].what);
    }
}

/* The mapped address and the table together are what tells a program where it runs. */
static void a_slot_is_found_by_its_code(void)
{
    struct ferry_device dev = {.slots = {{0x10000, 0x100000}, {0x110000, 0x100000}},
                               .factory = {0x210000, 0x10000},
                               .n_slot_rows = 2,
                               .n_slots = 2};
    static const struct {
        uint32_t page;
        int slot;
    } pages[] = {{0x01, 0},
                 {0x10, 0},
                 {0x11, 1},
                 {0x20, 1},
                 {0x21, FERRY_SLOT_FACTORY},
                 {0x22, FERRY_SLOT_NONE},
                 {0x00, FERRY_SLOT_NONE}};
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct registers regs = MEMORY({0x600c5004, pages[i].page});
        const struct flash_mmu_bus bus = {read_register, write_register, &regs};
        uint32_t off = 0;
        T_EQ_INT(flash_mmu_find(&flash_mmu_esp32c3, &bus, 0x42010106, &off), FERRY_OK);
        T_EQ_INT(ferry_device_slot_at(&dev, off), pages[i].slot);
    }
}

static bool is_within(struct ferry_addr_range range, const struct flash_mmu *mmu)
{
    for (uint32_t i = 0; i < FLASH_MMU_WINDOWS; i++) {
        if (mmu->windows[i].start == range.start)
            return true;
    }
    return false;
}

/* The list of chips says the same addresses, for another purpose. */
static void windows_are_where_images_are_linked(void)
{
    size_t n = 0;
    const struct flash_mmu *mmu;
    for (; (mmu = flash_mmu_at(n)); n++) {
        T_CHECK(is_within(mmu->chip->drom, mmu));
        T_CHECK(is_within(mmu->chip->irom, mmu));
        for (unsigned code = 0; code < 4; code++) {
            T_CHECK(mmu->page_log2[code] >= mmu->chip->page_log2_min);
            T_CHECK(mmu->page_log2[code] <= mmu->chip->page_log2_max);
        }
    }
    T_EQ_INT(n, 7);
}

int main(void)
{
    T_RUN(every_chip_says_where_its_code_lies);
    T_RUN(a_slot_is_found_by_its_code);
    T_RUN(windows_are_where_images_are_linked);
    return t_end();
}
