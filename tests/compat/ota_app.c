/* An application as its author would write it for ESP-IDF: it confirms itself, and installs
 * update.bin from the current folder if its version is another. Nothing in it knows of ferry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_log.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"

#define BUFFSIZE 1024

static const char *TAG = "ota_app";

static esp_err_t install(FILE *file, const esp_partition_t *slot)
{
    static char buffer[BUFFSIZE];
    esp_ota_handle_t handle = 0;
    esp_err_t err = esp_ota_begin(slot, OTA_WITH_SEQUENTIAL_WRITES, &handle);
    size_t n;
    if (err != ESP_OK)
        return err;
    while (err == ESP_OK && (n = fread(buffer, 1, sizeof(buffer), file)) > 0)
        err = esp_ota_write(handle, buffer, n);
    if (err != ESP_OK) {
        esp_ota_abort(handle);
        return err;
    }
    err = esp_ota_end(handle);
    return err == ESP_OK ? esp_ota_set_boot_partition(slot) : err;
}

/* Reads the descriptor behind the two headers, as Espressif's example does. */
static bool is_news(FILE *file)
{
    char head[sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t) +
              sizeof(esp_app_desc_t)];
    esp_app_desc_t found;
    if (fread(head, 1, sizeof(head), file) != sizeof(head))
        return false;
    memcpy(&found, head + sizeof(esp_image_header_t) + sizeof(esp_image_segment_header_t),
           sizeof(found));
    rewind(file);
    ESP_LOGI(TAG, "update.bin is %s %.32s", found.project_name, found.version);
    return strncmp(found.version, esp_app_get_description()->version, sizeof(found.version)) != 0;
}

void app_main(void)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    esp_bootloader_desc_t bootloader;
    esp_ota_img_states_t state;
    ESP_LOGI(TAG, "running from %s, version %s, reset reason %d", running->label,
             esp_app_get_description()->version, esp_reset_reason());
    if (esp_ota_get_bootloader_description(NULL, &bootloader) == ESP_OK)
        ESP_LOGI(TAG, "bootloader %" PRIu32 " of %s", bootloader.version, bootloader.idf_ver);
    if (esp_ota_revoke_secure_boot_public_key(SECURE_BOOT_PUBLIC_KEY_INDEX_1) != ESP_OK)
        ESP_LOGI(TAG, "no key is revoked");
    if (esp_ota_get_state_partition(running, &state) == ESP_OK &&
        state == ESP_OTA_IMG_PENDING_VERIFY) {
        if (getenv("UNWELL"))
            ESP_ERROR_CHECK(esp_ota_mark_app_invalid_rollback_and_reboot());
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
        ESP_LOGI(TAG, "confirmed");
    }
    FILE *file = fopen("update.bin", "rb");
    if (!file)
        return;
    if (is_news(file)) {
        const esp_err_t err = install(file, esp_ota_get_next_update_partition(NULL));
        if (err == ESP_OK) {
            vTaskDelay(pdMS_TO_TICKS(10));
            fclose(file);
            esp_restart();
        }
        ESP_LOGE(TAG, "not installed: %s", esp_err_to_name(err));
    }
    fclose(file);
}
