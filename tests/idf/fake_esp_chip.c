/* tests/idf/fake_esp_chip.c - the rest of ESP-IDF that an update touches. */
#include "fake_esp_chip.h"

#include <string.h>

#include <esp_chip_info.h>
#include <esp_efuse.h>
#include <esp_ota_ops.h>
#include <esp_random.h>
#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <hal/efuse_hal.h>
#include <nvs.h>

struct fake_chip fake_chip;

void esp_chip_info(esp_chip_info_t *out_info)
{
    *out_info = (esp_chip_info_t){.revision = 3};
}

uint32_t esp_efuse_read_secure_version(void)
{
    return fake_chip.secure_version;
}

uint32_t efuse_hal_blk_version(void)
{
    return 1;
}

bool efuse_hal_get_disable_wafer_version_major(void)
{
    return false;
}

bool efuse_hal_flash_encryption_enabled(void)
{
    return fake_chip.is_encrypted;
}

const esp_partition_t *esp_ota_get_running_partition(void)
{
    static esp_partition_t here;
    here.address = fake_chip.running_address;
    return fake_chip.has_no_running ? NULL : &here;
}

esp_reset_reason_t esp_reset_reason(void)
{
    return (esp_reset_reason_t)fake_chip.reset_reason;
}

uint32_t esp_random(void)
{
    return 0x80000000u;
}

void vTaskDelay(TickType_t ticks)
{
    fake_chip.ticks += ticks;
    fake_chip.n_delays++;
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    *out_handle = 1;
    if (strcmp(namespace_name, "ferry") != 0)
        return ESP_ERR_INVALID_ARG;
    return open_mode == NVS_READONLY && !fake_chip.n_blob ? ESP_ERR_NVS_NOT_FOUND : ESP_OK;
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
    (void)handle;
    (void)key;
    if (!fake_chip.n_blob)
        return ESP_ERR_NVS_NOT_FOUND;
    if (*length < fake_chip.n_blob)
        return ESP_ERR_NVS_INVALID_LENGTH;
    memcpy(out_value, fake_chip.blob, fake_chip.n_blob);
    *length = fake_chip.n_blob;
    return ESP_OK;
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    (void)handle;
    (void)key;
    if (length > sizeof fake_chip.blob)
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    memcpy(fake_chip.blob, value, length);
    fake_chip.n_blob = (uint32_t)length;
    fake_chip.n_saved++;
    return ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    (void)handle;
    (void)key;
    const bool had = fake_chip.n_blob > 0;
    fake_chip.n_blob = 0;
    return had ? ESP_OK : ESP_ERR_NVS_NOT_FOUND;
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    (void)handle;
    return ESP_OK;
}

void nvs_close(nvs_handle_t handle)
{
    (void)handle;
}
