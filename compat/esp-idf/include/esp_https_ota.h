/* esp_https_ota.h - Espressif's update over https: step by step or in one call, over
 * esp_http_client and esp_ota_ops. Order of checks, error numbers and events are Espressif's:
 * docs/formats.md "Espressif's API"; what is missing: docs/compat.md. */
#ifndef ESP_HTTPS_OTA_H
#define ESP_HTTPS_OTA_H

#include "esp_bootloader_desc.h"
#include "esp_event.h"
#include "esp_http_client.h"
#include "esp_ota_ops.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_HTTPS_OTA_IN_PROGRESS (ESP_ERR_HTTPS_OTA_BASE + 1) // call perform again

ESP_EVENT_DECLARE_BASE(ESP_HTTPS_OTA_EVENT);

typedef enum {
    ESP_HTTPS_OTA_START,
    ESP_HTTPS_OTA_CONNECTED,
    ESP_HTTPS_OTA_GET_IMG_DESC,
    ESP_HTTPS_OTA_VERIFY_CHIP_ID,        // data: esp_chip_id_t
    ESP_HTTPS_OTA_VERIFY_CHIP_REVISION,  // data: uint16_t
    ESP_HTTPS_OTA_DECRYPT_CB,            // never: there is no decryption
    ESP_HTTPS_OTA_WRITE_FLASH,           // data: int, bytes so far
    ESP_HTTPS_OTA_UPDATE_BOOT_PARTITION, // data: esp_partition_subtype_t
    ESP_HTTPS_OTA_FINISH,
    ESP_HTTPS_OTA_ABORT,
} esp_https_ota_event_t;

typedef void *esp_https_ota_handle_t;
typedef esp_err_t (*http_client_init_cb_t)(esp_http_client_handle_t client);

typedef struct {
    const esp_http_client_config_t *http_config;
    http_client_init_cb_t http_client_init_cb; // called before the first request
    bool bulk_flash_erase;                     // all at the start, not sector by sector
    bool partial_http_download;
    int max_http_request_size; // of a part; 0: 64 KB
    uint32_t buffer_caps;      // not used
    bool ota_resumption;
    size_t ota_image_bytes_written; // by the former attempt
    struct {
        const esp_partition_t *staging; // NULL: the next update partition
        const esp_partition_t *final;   // NULL: staging
        bool finalize_with_copy;
    } partition;
} esp_https_ota_config_t;

/** All of it: begin, perform to the end, finish. The caller restarts. */
esp_err_t esp_https_ota(const esp_https_ota_config_t *ota_config);

/** On an error *handle is NULL. ESP_ERR_INVALID_ARG also without an authority to trust, unless the
 * environment has CONFIG_ESP_HTTPS_OTA_ALLOW_HTTP=y. */
esp_err_t esp_https_ota_begin(const esp_https_ota_config_t *ota_config,
                              esp_https_ota_handle_t *handle);
esp_err_t esp_https_ota_perform(esp_https_ota_handle_t handle);
bool esp_https_ota_is_complete_data_received(esp_https_ota_handle_t handle);

/** Both free the handle. */
esp_err_t esp_https_ota_finish(esp_https_ota_handle_t handle);
esp_err_t esp_https_ota_abort(esp_https_ota_handle_t handle);

esp_err_t esp_https_ota_get_img_desc(esp_https_ota_handle_t handle, esp_app_desc_t *new_app_info);
esp_err_t esp_https_ota_get_bootloader_img_desc(esp_https_ota_handle_t handle,
                                                esp_bootloader_desc_t *new_img_info);
int esp_https_ota_get_image_len_read(esp_https_ota_handle_t handle);
int esp_https_ota_get_image_size(esp_https_ota_handle_t handle);
int esp_https_ota_get_status_code(esp_https_ota_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
