/* compat/esp-idf/esp_ota_desc.c - what an image in a partition says of itself, and whether it may
 * run here. */
#include "compat_private.h"

#include <string.h>

#define DESC_OFF 0x20u

/* Where the ROM looks for the bootloader: Espressif tells its image by this address. */
static uint32_t bootloader_off(void)
{
    const struct ferry_chip *chip = ferry_compat()->chip.policy->chip;
    return chip ? chip->bootloader_off_bytes : 0;
}

bool ferry_compat_verify(const esp_partition_t *partition, bool as_bootloader,
                         struct ferry_image *img)
{
    struct compat *c = ferry_compat();
    const struct ferry_policy *p = c->chip.policy;
    // The secure version is asked of an image only when it is to boot.
    const struct ferry_image_rules rules = {
        .chip = p->chip,
        .chip_rev = p->chip_rev,
        .blk_rev = p->blk_rev,
        .ignore_max_rev = p->ignore_max_rev,
        .bootloader = as_bootloader || partition->address == bootloader_off(),
        .base_off_bytes = partition->address,
        .max_bytes = partition->size,
    };
    const struct ferry_region region = {c->chip.flash, partition->address, partition->size};
    struct ferry_image own;
    const ferry_err err = ferry_image_verify(&region, &rules, c->work.buffer,
                                             sizeof(c->work.buffer), img ? img : &own);
    // Espressif does not compare a bootloader's SHA-256.
    return !err || (err == FERRY_ERR_IMAGE_HASH && rules.bootloader);
}

bool ferry_compat_image_ok(const esp_partition_t *partition, struct ferry_image *img)
{
    return ferry_compat_verify(partition, false, img);
}

esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition,
                                            esp_app_desc_t *app_desc)
{
    if (!partition || !app_desc)
        return ESP_ERR_INVALID_ARG;
    if (partition->type != ESP_PARTITION_TYPE_APP)
        return ESP_ERR_NOT_SUPPORTED;
    const esp_err_t err = esp_partition_read(partition, DESC_OFF, app_desc, sizeof(*app_desc));
    if (err)
        return err;
    return app_desc->magic_word == ESP_APP_DESC_MAGIC_WORD ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t esp_ota_get_bootloader_description(const esp_partition_t *bootloader_partition,
                                             esp_bootloader_desc_t *desc)
{
    const struct compat *c = ferry_compat();
    const uint32_t off = bootloader_off();
    const esp_partition_t primary = {.address = off, .size = c->chip.table_off_bytes - off};
    if (!desc)
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = esp_partition_read(bootloader_partition ? bootloader_partition : &primary,
                                             DESC_OFF, desc, sizeof(*desc));
    if (err)
        return err;
    return desc->magic_byte == ESP_BOOTLOADER_DESC_MAGIC_BYTE ? ESP_OK : ESP_ERR_NOT_FOUND;
}

bool ferry_compat_version_ok(const esp_partition_t *partition)
{
    const struct ferry_policy *p = ferry_compat()->chip.policy;
    esp_app_desc_t desc;
    return !p->anti_rollback || (!esp_ota_get_partition_description(partition, &desc) &&
                                 desc.secure_version >= p->secure_version);
}

static bool is_limit(uint16_t rev)
{
    return rev != 0 && rev != 0xffff;
}

esp_err_t esp_ota_check_image_validity(esp_partition_type_t type, const esp_image_header_t *header,
                                       const esp_app_desc_t *app_desc)
{
    const struct ferry_policy *p = ferry_compat()->chip.policy;
    if (!header || (type != ESP_PARTITION_TYPE_APP && type != ESP_PARTITION_TYPE_BOOTLOADER))
        return ESP_ERR_INVALID_ARG;
    if (p->chip && (uint16_t)header->chip_id != p->chip->id)
        return ESP_ERR_INVALID_VERSION;
    if (p->chip_rev < header->min_chip_rev_full)
        return ESP_ERR_INVALID_VERSION;
    if (is_limit(header->max_chip_rev_full) && !p->ignore_max_rev &&
        p->chip_rev > header->max_chip_rev_full)
        return ESP_ERR_INVALID_VERSION;
    if (type != ESP_PARTITION_TYPE_APP || !app_desc || !app_desc->spi_flash_mode)
        return ESP_OK;
    esp_app_desc_t own;
    if (esp_ota_get_partition_description(esp_ota_get_running_partition(), &own) ||
        !own.spi_flash_mode || own.spi_flash_mode == app_desc->spi_flash_mode)
        return ESP_OK;
    return ESP_ERR_OTA_SPI_MODE_MISMATCH;
}

const esp_app_desc_t *esp_app_get_description(void)
{
    static esp_app_desc_t desc;
    if (esp_ota_get_partition_description(esp_ota_get_running_partition(), &desc))
        memset(&desc, 0, sizeof(desc));
    return &desc;
}

int esp_app_get_elf_sha256(char *dst, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const esp_app_desc_t *desc = esp_app_get_description();
    size_t n = 0;
    if (!dst || size < 2)
        return 0;
    while (n + 1 < size && n < CONFIG_APP_RETRIEVE_LEN_ELF_SHA) {
        const uint8_t byte = desc->app_elf_sha256[n / 2];
        dst[n] = digits[n % 2 ? byte & 15 : byte >> 4];
        n++;
    }
    dst[n] = '\0';
    return (int)n + 1;
}

char *esp_app_get_elf_sha256_str(void)
{
    static char text[CONFIG_APP_RETRIEVE_LEN_ELF_SHA + 1];
    (void)esp_app_get_elf_sha256(text, sizeof text);
    return text;
}

const esp_app_desc_t *esp_ota_get_app_description(void)
{
    return esp_app_get_description();
}

int esp_ota_get_app_elf_sha256(char *dst, size_t size)
{
    return esp_app_get_elf_sha256(dst, size);
}
