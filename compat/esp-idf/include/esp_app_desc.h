/* esp_app_desc.h - the application descriptor: 256 bytes behind an image's first segment header.
 * Field by field: docs/formats.md "Application image". */
#ifndef ESP_APP_DESC_H
#define ESP_APP_DESC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_APP_DESC_MAGIC_WORD 0xabcd5432u

typedef struct {
    uint32_t magic_word;
    uint32_t secure_version;
    uint32_t reserv1[2];
    char version[32];
    char project_name[32];
    char time[16];
    char date[16];
    char idf_ver[32];
    uint8_t app_elf_sha256[32];
    uint16_t min_efuse_blk_rev_full;
    uint16_t max_efuse_blk_rev_full;
    uint8_t mmu_page_size;
    uint8_t spi_flash_mode;
    uint8_t reserv3[2];
    uint32_t reserv2[18];
} esp_app_desc_t;

#ifndef __cplusplus
_Static_assert(sizeof(esp_app_desc_t) == 256, "the descriptor has 256 bytes");
#endif

/** The descriptor of the app that runs: read from its slot on the device. */
const esp_app_desc_t *esp_app_get_description(void);

#ifndef CONFIG_APP_RETRIEVE_LEN_ELF_SHA
#define CONFIG_APP_RETRIEVE_LEN_ELF_SHA 9 // ESP-IDF's default since 5.2
#endif

/** The first characters of its ELF file's SHA-256 in hex, at most CONFIG_APP_RETRIEVE_LEN_ELF_SHA
 * and what fits before a NUL. Returns how many bytes that are, NUL included; 0, with nothing
 * written, if dst is NULL or size below 2. */
int esp_app_get_elf_sha256(char *dst, size_t size);

/** The same characters, in memory of compat's own. */
char *esp_app_get_elf_sha256_str(void);

#ifdef __cplusplus
}
#endif
#endif
