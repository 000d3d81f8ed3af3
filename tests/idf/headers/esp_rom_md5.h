#pragma once
#include <stdint.h>

typedef struct {
    uint32_t words[22];
} md5_context_t;

void esp_rom_md5_init(md5_context_t *context);
void esp_rom_md5_update(md5_context_t *context, const void *buf, uint32_t len);
void esp_rom_md5_final(uint8_t *digest, md5_context_t *context);
