/* tests/idf/fake_esp_flash.c - a chip behind esp_flash that keeps NOR's and ESP-IDF's rules. */
#include "fake_esp_flash.h"

#include <stddef.h>
#include <string.h>

#include <esp_flash.h>

#define UNIT 16u

struct fake_flash fake_flash;

void fake_flash_reset(void)
{
    memset(&fake_flash, 0, sizeof fake_flash);
    memset(fake_flash.bytes, 0xff, sizeof fake_flash.bytes);
}

static esp_err_t check(uint32_t at, uint32_t n, bool writes)
{
    if (fake_flash.fails_with)
        return fake_flash.fails_with;
    if (at > FAKE_FLASH_BYTES || n > FAKE_FLASH_BYTES - at)
        return ESP_ERR_INVALID_ARG;
    return writes && at < fake_flash.guarded_bytes ? ESP_ERR_INVALID_ARG : ESP_OK;
}

/* What stands for AES: depends on the address, is its own inverse, and leaves no byte as it was. */
static uint8_t cipher(uint32_t at, uint8_t byte)
{
    return (uint8_t)(byte ^ (0x5a + at * 31 + at / 251));
}

esp_err_t esp_flash_get_size(esp_flash_t *chip, uint32_t *out_size)
{
    (void)chip;
    if (fake_flash.has_no_size)
        return ESP_FAIL;
    *out_size = FAKE_FLASH_BYTES;
    return ESP_OK;
}

esp_err_t esp_flash_read(esp_flash_t *chip, void *buffer, uint32_t address, uint32_t length)
{
    (void)chip;
    const esp_err_t e = check(address, length, false);
    fake_flash.n_reads++;
    if (e == ESP_OK)
        memcpy(buffer, fake_flash.bytes + address, length);
    return e;
}

static void clear_bits(uint32_t at, uint8_t byte)
{
    fake_flash.bytes[at] &= byte;
}

esp_err_t esp_flash_write(esp_flash_t *chip, const void *buffer, uint32_t address, uint32_t length)
{
    (void)chip;
    const esp_err_t e = check(address, length, true);
    const uint8_t *from = buffer;
    fake_flash.n_progs++;
    for (uint32_t i = 0; e == ESP_OK && i < length; i++)
        clear_bits(address + i, from[i]);
    return e;
}

esp_err_t esp_flash_erase_region(esp_flash_t *chip, uint32_t start, uint32_t len)
{
    (void)chip;
    esp_err_t e = check(start, len, true);
    if (e == ESP_OK && (start % 4096 || len % 4096))
        e = ESP_ERR_INVALID_SIZE;
    if (e != ESP_OK)
        return e;
    fake_flash.n_erases++;
    fake_flash.n_blocks += len == 65536;
    memset(fake_flash.bytes + start, 0xff, len);
    return ESP_OK;
}

esp_err_t esp_flash_read_encrypted(esp_flash_t *chip, uint32_t address, void *out_buffer,
                                   uint32_t length)
{
    (void)chip;
    const esp_err_t e = check(address, length, false);
    uint8_t *to = out_buffer;
    for (uint32_t i = 0; e == ESP_OK && i < length; i++)
        to[i] = cipher(address + i, fake_flash.bytes[address + i]);
    return e;
}

esp_err_t esp_flash_write_encrypted(esp_flash_t *chip, uint32_t address, const void *buffer,
                                    uint32_t length)
{
    (void)chip;
    esp_err_t e = check(address, length, true);
    const uint8_t *from = buffer;
    if (e == ESP_OK && address % UNIT)
        e = ESP_ERR_INVALID_ARG;
    if (e == ESP_OK && length % UNIT)
        e = ESP_ERR_INVALID_SIZE;
    fake_flash.n_progs++;
    for (uint32_t i = 0; e == ESP_OK && i < length; i++)
        clear_bits(address + i, cipher(address + i, from[i]));
    return e;
}
