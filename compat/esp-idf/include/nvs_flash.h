/* nvs_flash.h - NVS partitions: mounted, forgotten, erased. */
#ifndef NVS_FLASH_H
#define NVS_FLASH_H

#include "esp_partition.h"
#include "nvs.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NVS_KEY_SIZE 32

/** The keys of an encrypted partition, as an nvs_keys partition holds them. */
typedef struct {
    uint8_t eky[NVS_KEY_SIZE];
    uint8_t tky[NVS_KEY_SIZE];
} nvs_sec_cfg_t;

/** Mount. A partition that is mounted already stays so, unread.
 * ESP_ERR_NOT_FOUND no such partition; ESP_ERR_INVALID_ARG label too long;
 * ESP_ERR_NVS_NO_FREE_PAGES and ESP_ERR_NVS_NEW_VERSION_FOUND: erase it and mount again. */
esp_err_t nvs_flash_init(void);
esp_err_t nvs_flash_init_partition(const char *partition_label);

/** Mounts anew, also a partition that is mounted. */
esp_err_t nvs_flash_init_partition_ptr(const esp_partition_t *partition);
esp_err_t nvs_flash_secure_init(nvs_sec_cfg_t *cfg);
esp_err_t nvs_flash_secure_init_partition(const char *partition_label, nvs_sec_cfg_t *cfg);

/** Forget, and every handle on it. ESP_ERR_NVS_NOT_INITIALIZED it is not mounted. */
esp_err_t nvs_flash_deinit(void);
esp_err_t nvs_flash_deinit_partition(const char *partition_label);

/** Erases the whole partition; one that is mounted is forgotten first. */
esp_err_t nvs_flash_erase(void);
esp_err_t nvs_flash_erase_partition(const char *partition_label);
esp_err_t nvs_flash_erase_partition_ptr(const esp_partition_t *partition);

/** Reads the keys of an nvs_keys partition. ESP_ERR_NVS_KEYS_NOT_INITIALIZED it is blank;
 * ESP_ERR_NVS_CORRUPT_KEY_PART the CRC does not match. */
esp_err_t nvs_flash_read_security_cfg(const esp_partition_t *partition, nvs_sec_cfg_t *cfg);

/** Makes keys from the system's random numbers and writes them. */
esp_err_t nvs_flash_generate_keys(const esp_partition_t *partition, nvs_sec_cfg_t *cfg);

#ifdef __cplusplus
}
#endif
#endif
