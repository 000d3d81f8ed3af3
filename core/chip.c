/* core/chip.c - the facts of each chip. Sources: docs/formats.md "Chips". */
#include "ferry/chip.h"

#define NO_RANGE                                                                                   \
    {                                                                                              \
        0, 0                                                                                       \
    }

const struct ferry_chip ferry_chip_esp32 = {
    .name = "esp32",
    .id = 0x0000,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 32,
    .has_blk_rev = false,
    .bootloader_off_bytes = 0x1000,
    .drom = {0x3f400000, 0x3f800000},
    .irom = {0x400d0000, 0x40400000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32s2 = {
    .name = "esp32s2",
    .id = 0x0002,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x1000,
    .drom = {0x3f000000, 0x3ff80000},
    .irom = {0x40080000, 0x40800000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32s3 = {
    .name = "esp32s3",
    .id = 0x0009,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .big_flash = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x3c000000, 0x3e000000},
    .irom = {0x42000000, 0x44000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32c2 = {
    .name = "esp32c2",
    .id = 0x000c,
    .page_log2_min = 14,
    .page_log2_max = 16,
    .secure_version_bits = 4,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x3c000000, 0x3c400000},
    .irom = {0x42000000, 0x42400000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32c3 = {
    .name = "esp32c3",
    .id = 0x0005,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x3c000000, 0x3c800000},
    .irom = {0x42000000, 0x42800000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32c5 = {
    .name = "esp32c5",
    .id = 0x0017,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 9,
    .has_blk_rev = true,
    .big_flash = true,
    .bootloader_off_bytes = 0x2000,
    .drom = {0x42000000, 0x44000000},
    .irom = {0x42000000, 0x44000000},
    .psram = NO_RANGE,
};

// C6 and H2: one shared range of 256 pages, so its end moves with the page size of the app.
const struct ferry_chip ferry_chip_esp32c6 = {
    .name = "esp32c6",
    .id = 0x000d,
    .page_log2_min = 13,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x42000000, 0x43000000},
    .irom = {0x42000000, 0x43000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32c61 = {
    .name = "esp32c61",
    .id = 0x0014,
    .page_log2_min = 13,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x42000000, 0x44000000},
    .irom = {0x42000000, 0x44000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32h2 = {
    .name = "esp32h2",
    .id = 0x0010,
    .page_log2_min = 13,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x42000000, 0x43000000},
    .irom = {0x42000000, 0x43000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32h21 = {
    .name = "esp32h21",
    .id = 0x0019,
    .page_log2_min = 13,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .bootloader_off_bytes = 0x0,
    .drom = {0x42000000, 0x43000000},
    .irom = {0x42000000, 0x43000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32h4 = {
    .name = "esp32h4",
    .id = 0x001c,
    .page_log2_min = 13,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .big_flash = true,
    .bootloader_off_bytes = 0x2000,
    .drom = {0x42000000, 0x44000000},
    .irom = {0x42000000, 0x44000000},
    .psram = NO_RANGE,
};

const struct ferry_chip ferry_chip_esp32p4 = {
    .name = "esp32p4",
    .id = 0x0012,
    .page_log2_min = 16,
    .page_log2_max = 16,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .big_flash = true,
    .bootloader_off_bytes = 0x2000,
    .drom = {0x40000000, 0x44000000},
    .irom = {0x40000000, 0x44000000},
    .psram = {0x48000000, 0x4c000000},
};

const struct ferry_chip ferry_chip_esp32s31 = {
    .name = "esp32s31",
    .id = 0x0020,
    .page_log2_min = 14,
    .page_log2_max = 18,
    .secure_version_bits = 16,
    .has_blk_rev = true,
    .big_flash = true,
    .bootloader_off_bytes = 0x2000,
    .drom = {0x40000000, 0x44000000},
    .irom = {0x40000000, 0x44000000},
    .psram = {0x50000000, 0x54000000},
};
