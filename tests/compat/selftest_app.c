/* An application that checks itself as ESP-IDF's OTA examples do, before it does anything else:
 * what is in the flash, by its hashes, and a pin that tells whether it is well. */
#include <inttypes.h>
#include <stdbool.h>

#include "driver/gpio.h"
#include "esp_check.h"
#include "esp_flash_partitions.h"
#include "esp_log.h"
#include "esp_ota_ops.h"
#include "freertos/FreeRTOS.h"
#include "freertos/event_groups.h"
#include "freertos/task.h"

#define PIN 4

static const char *TAG = "selftest";

static esp_err_t tell_hash(const esp_partition_t *partition, const char *what)
{
    uint8_t hash[32];
    ESP_RETURN_ON_ERROR(esp_partition_get_sha256(partition, hash), TAG, "no hash of the %s", what);
    ESP_LOGI(TAG, "%s at 0x%" PRIx32 " begins with %02x%02x", what, partition->address, hash[0],
             hash[1]);
    return ESP_OK;
}

static bool is_well(gpio_pullup_t pull)
{
    const gpio_config_t config = {
        .pin_bit_mask = 1ULL << PIN, .mode = GPIO_MODE_INPUT, .pull_up_en = pull};
    gpio_config(&config);
    vTaskDelay(pdMS_TO_TICKS(10));
    const bool is_high = gpio_get_level(PIN);
    gpio_reset_pin(PIN);
    return is_high;
}

static esp_err_t look(void)
{
    esp_err_t ret = ESP_OK;
    const esp_partition_t table = {.type = ESP_PARTITION_TYPE_DATA,
                                   .address = ESP_PARTITION_TABLE_OFFSET,
                                   .size = ESP_PARTITION_TABLE_MAX_LEN};
    const esp_partition_t bootloader = {.type = ESP_PARTITION_TYPE_APP,
                                        .address = ESP_BOOTLOADER_OFFSET,
                                        .size = ESP_PARTITION_TABLE_OFFSET - ESP_BOOTLOADER_OFFSET};
    ESP_GOTO_ON_ERROR(tell_hash(&table, "table"), end, TAG, "table unknown");
    ESP_GOTO_ON_ERROR(tell_hash(esp_ota_get_running_partition(), "app"), end, TAG, "app unknown");
    ESP_GOTO_ON_FALSE(is_well(GPIO_PULLUP_ENABLE), ESP_FAIL, end, TAG, "the pin is low");
    ESP_RETURN_ON_FALSE(!is_well(GPIO_PULLUP_DISABLE), ESP_FAIL, TAG, "the pin is high");
    ESP_GOTO_ON_ERROR(tell_hash(&bootloader, "bootloader"), end, TAG, "bootloader unknown");
end:
    return ret;
}

void app_main(void)
{
    ESP_LOGI(TAG, "looked: %s", esp_err_to_name(look()));
}
