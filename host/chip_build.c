/* host/chip_build.c - the builder's row of every chip.
 * Numbers are those of Espressif's memory maps; see docs/formats.md "Building images". */
#include "chip_build.h"

#define ROW(start, end, kind)                                                                      \
    {                                                                                              \
        0x##start, 0x##end, FERRY_MEMORY_##kind                                                    \
    }

static const struct ferry_memory esp32_memory[] = {
    ROW(00000000, 00010000, PADDING),    ROW(3f400000, 3f800000, DROM),
    ROW(3f800000, 3fc00000, EXTRAM),     ROW(3ff80000, 3ff82000, RTC_DRAM),
    ROW(3ff90000, 40000000, BYTE),       ROW(3ffae000, 40000000, DRAM),
    ROW(3ffe0000, 3ffffffc, DIRAM_DRAM), ROW(40000000, 40070000, IROM),
    ROW(40070000, 40078000, CACHE_PRO),  ROW(40078000, 40080000, CACHE_APP),
    ROW(40080000, 400a0000, IRAM),       ROW(400a0000, 400bfffc, DIRAM_IRAM),
    ROW(400c0000, 400c2000, RTC_IRAM),   ROW(400d0000, 40400000, IROM),
    ROW(50000000, 50002000, RTC_DATA),
};

static const struct ferry_memory esp32s2_memory[] = {
    ROW(00000000, 00010000, PADDING), ROW(3f000000, 3ff80000, DROM),
    ROW(3f500000, 3ff80000, EXTRAM),  ROW(3ff9e000, 3ffa0000, RTC_DRAM),
    ROW(3ff9e000, 40000000, BYTE),    ROW(3ff9e000, 40072000, INTERNAL),
    ROW(3ffb0000, 40000000, DRAM),    ROW(40000000, 4001a100, IROM_MASK),
    ROW(40020000, 40070000, IRAM),    ROW(40070000, 40072000, RTC_IRAM),
    ROW(40080000, 40800000, IROM),    ROW(50000000, 50002000, RTC_DATA),
};

static const struct ferry_memory esp32s3_memory[] = {
    ROW(00000000, 00010000, PADDING), ROW(3c000000, 3d000000, DROM),
    ROW(3d000000, 3e000000, EXTRAM),  ROW(600fe000, 60100000, RTC_DRAM),
    ROW(3fc88000, 3fd00000, BYTE),    ROW(3fc88000, 403e2000, INTERNAL),
    ROW(3fc88000, 3fd00000, DRAM),    ROW(40000000, 4001a100, IROM_MASK),
    ROW(40370000, 403e0000, IRAM),    ROW(600fe000, 60100000, RTC_IRAM),
    ROW(42000000, 42800000, IROM),    ROW(50000000, 50002000, RTC_DATA),
};

static const struct ferry_memory esp32c2_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(3c000000, 3c400000, DROM),
    ROW(3fca0000, 3fce0000, DRAM),      ROW(3fc88000, 3fd00000, BYTE),
    ROW(3ff00000, 3ff50000, DROM_MASK), ROW(40000000, 40090000, IROM_MASK),
    ROW(42000000, 42400000, IROM),      ROW(4037c000, 403c0000, IRAM),
};

static const struct ferry_memory esp32c3_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(3c000000, 3c800000, DROM),
    ROW(3fc80000, 3fce0000, DRAM),      ROW(3fc88000, 3fd00000, BYTE),
    ROW(3ff00000, 3ff20000, DROM_MASK), ROW(40000000, 40060000, IROM_MASK),
    ROW(42000000, 42800000, IROM),      ROW(4037c000, 403e0000, IRAM),
    ROW(50000000, 50002000, RTC_IRAM),  ROW(50000000, 50002000, RTC_DRAM),
    ROW(600fe000, 60100000, INTERNAL2),
};

static const struct ferry_memory esp32c5_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(42000000, 44000000, DROM),
    ROW(40800000, 40860000, DRAM),      ROW(40800000, 40860000, BYTE),
    ROW(4003a000, 40040000, DROM_MASK), ROW(40000000, 4003a000, IROM_MASK),
    ROW(42000000, 44000000, IROM),      ROW(40800000, 40860000, IRAM),
    ROW(50000000, 50004000, RTC_IRAM),  ROW(50000000, 50004000, RTC_DRAM),
    ROW(600fe000, 60100000, INTERNAL2),
};

// Also ESP32-H2 and ESP32-H21.
static const struct ferry_memory esp32c6_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(42000000, 43000000, DROM),
    ROW(40800000, 40880000, DRAM),      ROW(40800000, 40880000, BYTE),
    ROW(4004ac00, 40050000, DROM_MASK), ROW(40000000, 4004ac00, IROM_MASK),
    ROW(42000000, 43000000, IROM),      ROW(40800000, 40880000, IRAM),
    ROW(50000000, 50004000, RTC_IRAM),  ROW(50000000, 50004000, RTC_DRAM),
    ROW(600fe000, 60100000, INTERNAL2),
};

static const struct ferry_memory esp32c61_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(42000000, 44000000, DROM),
    ROW(40800000, 40860000, DRAM),      ROW(40800000, 40860000, BYTE),
    ROW(4004ac00, 40050000, DROM_MASK), ROW(40000000, 4004ac00, IROM_MASK),
    ROW(42000000, 44000000, IROM),      ROW(40800000, 40860000, IRAM),
    ROW(50000000, 50004000, RTC_IRAM),  ROW(50000000, 50004000, RTC_DRAM),
    ROW(600fe000, 60100000, INTERNAL2),
};

static const struct ferry_memory esp32h4_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(42000000, 44000000, DROM),
    ROW(40810000, 40860000, DRAM),      ROW(40810000, 40860000, BYTE),
    ROW(40000000, 40050000, DROM_MASK), ROW(40000000, 40050000, IROM_MASK),
    ROW(42000000, 44000000, IROM),      ROW(40810000, 40860000, IRAM),
    ROW(50000000, 50004000, RTC_IRAM),  ROW(50000000, 50004000, RTC_DRAM),
    ROW(60000000, 60100000, INTERNAL2),
};

static const struct ferry_memory esp32p4_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(40000000, 4c000000, DROM),
    ROW(4ff00000, 4ffa0000, DRAM),      ROW(4ff00000, 4ffa0000, BYTE),
    ROW(4fc00000, 4fc20000, DROM_MASK), ROW(4fc00000, 4fc20000, IROM_MASK),
    ROW(40000000, 4c000000, IROM),      ROW(4ff00000, 4ffa0000, IRAM),
    ROW(50108000, 50110000, RTC_IRAM),  ROW(50108000, 50110000, RTC_DRAM),
    ROW(600fe000, 60100000, INTERNAL2),
};

static const struct ferry_memory esp32s31_memory[] = {
    ROW(00000000, 00010000, PADDING),   ROW(40000000, 54000000, DROM),
    ROW(2f000000, 2f080000, DRAM),      ROW(2f000000, 2f080000, BYTE),
    ROW(2f800000, 2f850000, DROM_MASK), ROW(2f800000, 2f850000, IROM_MASK),
    ROW(40000000, 54000000, IROM),      ROW(2f000000, 2f080000, IRAM),
    ROW(2e000000, 2e008000, RTC_IRAM),  ROW(2e000000, 2e008000, RTC_DRAM),
};

#define MEMORY_OF(name)                                                                            \
    .memory = name##_memory, .n_memory = sizeof(name##_memory) / sizeof(name##_memory[0])

static const struct ferry_chip_build builds[] = {
    {
        .chip = &ferry_chip_esp32,
        .is_xtensa = true,
        MEMORY_OF(esp32),
        .mapped = {{0x3f400000, 0x3f800000}, {0x400d0000, 0x40400000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {26, 0x1}, {20, 0x2}},
        .pads_page_border = true,
    },
    {
        .chip = &ferry_chip_esp32s2,
        .is_xtensa = true,
        MEMORY_OF(esp32s2),
        .mapped = {{0x3f000000, 0x3f3f0000}, {0x40080000, 0x40b80000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {26, 0x1}, {20, 0x2}},
    },
    {
        .chip = &ferry_chip_esp32s3,
        .is_xtensa = true,
        MEMORY_OF(esp32s3),
        .mapped = {{0x3c000000, 0x3e000000}, {0x42000000, 0x44000000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {26, 0x1}, {20, 0x2}},
    },
    {
        .chip = &ferry_chip_esp32c2,
        MEMORY_OF(esp32c2),
        .mapped = {{0x3c000000, 0x3c400000}, {0x42000000, 0x42400000}},
        .clocks = {{60, 0xf}, {30, 0x0}, {20, 0x1}, {15, 0x2}},
        .page_min_bytes = 16384,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32c3,
        MEMORY_OF(esp32c3),
        .mapped = {{0x3c000000, 0x3c800000}, {0x42000000, 0x42800000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {26, 0x1}, {20, 0x2}},
    },
    {
        .chip = &ferry_chip_esp32c5,
        MEMORY_OF(esp32c5),
        .mapped = {{0x42000000, 0x44000000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {20, 0x2}},
    },
    {
        .chip = &ferry_chip_esp32c6,
        MEMORY_OF(esp32c6),
        .mapped = {{0x42000000, 0x43000000}},
        .clocks = {{80, 0x0}, {40, 0x0}, {20, 0x2}},
        .page_min_bytes = 8192,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32c61,
        MEMORY_OF(esp32c61),
        .mapped = {{0x42000000, 0x43000000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {20, 0x2}},
        .page_min_bytes = 8192,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32h2,
        MEMORY_OF(esp32c6),
        .mapped = {{0x42000000, 0x43000000}},
        .clocks = {{48, 0xf}, {24, 0x0}, {16, 0x1}, {12, 0x2}},
        .page_min_bytes = 8192,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32h21,
        MEMORY_OF(esp32c6),
        .mapped = {{0x42000000, 0x43000000}},
        .clocks = {{48, 0xf}, {24, 0x0}, {16, 0x1}, {12, 0x2}},
        .page_min_bytes = 8192,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32h4,
        MEMORY_OF(esp32h4),
        .mapped = {{0x42000000, 0x43000000}},
        .clocks = {{48, 0xf}, {24, 0x0}, {16, 0x1}, {12, 0x2}},
        .page_min_bytes = 8192,
        .page_max_bytes = 65536,
    },
    {
        .chip = &ferry_chip_esp32p4,
        MEMORY_OF(esp32p4),
        .mapped = {{0x40000000, 0x4c000000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {26, 0x1}, {20, 0x2}},
    },
    {
        .chip = &ferry_chip_esp32s31,
        MEMORY_OF(esp32s31),
        .mapped = {{0x40000000, 0x54000000}},
        .clocks = {{80, 0xf}, {40, 0x0}, {20, 0x2}},
        .page_min_bytes = 32768,
        .page_max_bytes = 262144,
    },
};

const struct ferry_chip_build *ferry_chip_build_of(const struct ferry_chip *chip)
{
    for (size_t i = 0; i < sizeof(builds) / sizeof(builds[0]); i++) {
        if (builds[i].chip == chip)
            return &builds[i];
    }
    return NULL;
}

uint32_t ferry_memory_kinds(const struct ferry_chip_build *b, uint32_t addr)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < b->n_memory; i++) {
        if (addr >= b->memory[i].start && addr < b->memory[i].end)
            kinds |= 1u << b->memory[i].kind;
    }
    return kinds;
}

bool ferry_memory_is_mapped(const struct ferry_chip_build *b, uint32_t addr)
{
    for (size_t i = 0; i < 2; i++) {
        if (addr >= b->mapped[i].start && addr < b->mapped[i].end)
            return true;
    }
    return false;
}

const char *ferry_memory_name(const struct ferry_chip *chip, uint32_t addr)
{
    // Overlapping ranges: the earlier kind of the enum says more than the later.
    static const char *const names[FERRY_MEMORY_KINDS] = {
        [FERRY_MEMORY_PADDING] = "padding", [FERRY_MEMORY_DROM] = "DROM",
        [FERRY_MEMORY_IROM] = "IROM",       [FERRY_MEMORY_IRAM] = "IRAM",
        [FERRY_MEMORY_DRAM] = "DRAM",       [FERRY_MEMORY_DIRAM_IRAM] = "IRAM",
        [FERRY_MEMORY_DIRAM_DRAM] = "DRAM", [FERRY_MEMORY_CACHE_PRO] = "CACHE",
        [FERRY_MEMORY_CACHE_APP] = "CACHE", [FERRY_MEMORY_RTC_IRAM] = "RTC",
        [FERRY_MEMORY_RTC_DRAM] = "RTC",    [FERRY_MEMORY_RTC_DATA] = "RTC",
        [FERRY_MEMORY_IROM_MASK] = "ROM",   [FERRY_MEMORY_DROM_MASK] = "ROM",
        [FERRY_MEMORY_EXTRAM] = "PSRAM",    [FERRY_MEMORY_INTERNAL2] = "RAM",
        [FERRY_MEMORY_INTERNAL] = "RAM",    [FERRY_MEMORY_BYTE] = "RAM",
    };
    const struct ferry_chip_build *b = chip ? ferry_chip_build_of(chip) : NULL;
    const uint32_t kinds = b ? ferry_memory_kinds(b, addr) : 0;
    for (size_t i = 0; i < FERRY_MEMORY_KINDS; i++) {
        if (kinds & 1u << i)
            return names[i];
    }
    return b && ferry_memory_is_mapped(b, addr) ? "flash" : "?";
}
