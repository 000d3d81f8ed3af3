/* ports/esp-idf/nvs_esp_private.h - what ESP-IDF's NVS answered, in ferry's numbers. */
#ifndef FERRY_NVS_ESP_PRIVATE_H
#define FERRY_NVS_ESP_PRIVATE_H

#include <nvs.h>

#include "ferry/err.h"

/** FERRY_ERR_NOT_FOUND no such key or namespace, FERRY_ERR_NVS_FULL no space left, FERRY_ERR_STATE
 * nvs_flash_init was not called, or not for this partition, FERRY_ERR_NO_MEMORY, FERRY_ERR_NVS_DATA
 * anything else. */
static inline ferry_err ferry__nvs_err(esp_err_t e)
{
    switch (e) {
    case ESP_OK:
        return FERRY_OK;
    case ESP_ERR_NVS_NOT_FOUND:
        return FERRY_ERR_NOT_FOUND;
    case ESP_ERR_NVS_NOT_ENOUGH_SPACE:
        return FERRY_ERR_NVS_FULL;
    case ESP_ERR_NVS_NOT_INITIALIZED:
    case ESP_ERR_NVS_PART_NOT_FOUND:
        return FERRY_ERR_STATE;
    case ESP_ERR_NO_MEM:
        return FERRY_ERR_NO_MEMORY;
    default:
        return FERRY_ERR_NVS_DATA;
    }
}

#endif
