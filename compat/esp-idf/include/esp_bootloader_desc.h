/* esp_bootloader_desc.h - the bootloader's descriptor: 80 bytes behind its first segment header. */
#ifndef ESP_BOOTLOADER_DESC_H
#define ESP_BOOTLOADER_DESC_H

#include <stdint.h>

#define ESP_BOOTLOADER_DESC_MAGIC_BYTE 0x50

typedef struct {
    uint8_t magic_byte;
    uint8_t reserved[2];
    uint8_t secure_version;
    uint32_t version;
    char idf_ver[32];
    char date_time[24];
    uint8_t reserved2[16];
} esp_bootloader_desc_t;

#ifndef __cplusplus
_Static_assert(sizeof(esp_bootloader_desc_t) == 80, "the bootloader's descriptor has 80 bytes");
#endif

#endif
