/* firmware/demo/desc.c - the application descriptor: the first 256 bytes of the first segment,
 * where bootloaders and tools read what this is. The digest of the ELF file is filled in when the
 * image is built. Date and time are fixed, so that the same source gives the same bytes. */
#include <stddef.h>
#include <stdint.h>

#ifndef DEMO_PROJECT
#define DEMO_PROJECT "ferry-demo"
#endif

struct app_desc {
    uint32_t magic;
    uint32_t secure_version;
    uint32_t reserved1[2];
    char version[32];
    char project[32];
    char time[16];
    char date[16];
    char idf_version[32];
    uint8_t elf_sha256[32];
    uint16_t min_blk_rev_full;
    uint16_t max_blk_rev_full;
    uint8_t page_log2;
    uint8_t spi_mode;
    uint8_t reserved2[2];
    uint32_t reserved3[18];
};

_Static_assert(sizeof(struct app_desc) == 256, "the descriptor's size is part of the format");
_Static_assert(offsetof(struct app_desc, elf_sha256) == 144, "where image builders put the digest");

extern const struct app_desc demo_app_desc;

__attribute__((section(".flash.appdesc"), used)) const struct app_desc demo_app_desc = {
    .magic = 0xabcd5432,
    .secure_version = DEMO_SECURE_VERSION,
    .version = DEMO_VERSION,
    .project = DEMO_PROJECT,
    .time = "12:00:00",
    .date = "Jan  1 2026",
    .idf_version = "none, bare metal",
    .max_blk_rev_full = 65535,
    .page_log2 = 16,
    .spi_mode = 3,
};
