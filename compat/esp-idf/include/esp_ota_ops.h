/* esp_ota_ops.h - Espressif's OTA API over the device that ferry_compat.h has opened: the same
 * order of checks, error numbers and otadata bytes, windows without a valid entry included.
 * ferry's own API (ferry/update.h, ferry/slots.h) has none of those windows. */
#ifndef ESP_OTA_OPS_H
#define ESP_OTA_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_app_desc.h"
#include "esp_app_format.h"
#include "esp_bootloader_desc.h"
#include "esp_err.h"
#include "esp_flash_partitions.h"
#include "esp_partition.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OTA_SIZE_UNKNOWN                   0xffffffffu // the size is not known: erase all
#define OTA_WITH_SEQUENTIAL_WRITES         0xfffffffeu // erase while writing

#define ESP_ERR_OTA_PARTITION_CONFLICT     (ESP_ERR_OTA_BASE + 0x01) // the slot runs
#define ESP_ERR_OTA_SELECT_INFO_INVALID    (ESP_ERR_OTA_BASE + 0x02) // never given
#define ESP_ERR_OTA_VALIDATE_FAILED        (ESP_ERR_OTA_BASE + 0x03) // the image is bad
#define ESP_ERR_OTA_SMALL_SEC_VER          (ESP_ERR_OTA_BASE + 0x04) // below the eFuse's
#define ESP_ERR_OTA_ROLLBACK_FAILED        (ESP_ERR_OTA_BASE + 0x05) // nothing to go back to
#define ESP_ERR_OTA_ROLLBACK_INVALID_STATE (ESP_ERR_OTA_BASE + 0x06) // app is not confirmed
#define ESP_ERR_OTA_ALREADY_IN_PROGRESS    (ESP_ERR_OTA_BASE + 0x07) // partition is open
#define ESP_ERR_OTA_SPI_MODE_MISMATCH      (ESP_ERR_OTA_BASE + 0x08)

typedef uint32_t esp_ota_handle_t;

typedef enum {
    ESP_OTA_IMG_NEW = 0,
    ESP_OTA_IMG_PENDING_VERIFY = 1,
    ESP_OTA_IMG_VALID = 2,
    ESP_OTA_IMG_INVALID = 3,
    ESP_OTA_IMG_ABORTED = 4,
    ESP_OTA_IMG_UNDEFINED = -1,
} esp_ota_img_states_t;

/* A session: begin or resume, write, end or abort. Several may be open, on different partitions. */
esp_err_t esp_ota_begin(const esp_partition_t *partition, size_t image_size,
                        esp_ota_handle_t *out_handle);
esp_err_t esp_ota_resume(const esp_partition_t *partition, size_t erase_size, size_t image_offset,
                         esp_ota_handle_t *out_handle);
esp_err_t esp_ota_set_final_partition(esp_ota_handle_t handle, const esp_partition_t *final,
                                      bool finalize_with_copy);
esp_err_t esp_ota_write(esp_ota_handle_t handle, const void *data, size_t size);
esp_err_t esp_ota_write_with_offset(esp_ota_handle_t handle, const void *data, size_t size,
                                    uint32_t offset);
esp_err_t esp_ota_end(esp_ota_handle_t handle);
esp_err_t esp_ota_abort(esp_ota_handle_t handle);

/* What boots. */
esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition);
esp_err_t esp_ota_set_boot_partition_skip_validate(const esp_partition_t *partition);
const esp_partition_t *esp_ota_get_boot_partition(void);
const esp_partition_t *esp_ota_get_running_partition(void);
const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from);
uint8_t esp_ota_get_app_partition_count(void);

/* What is in a partition. */
esp_err_t esp_ota_get_partition_description(const esp_partition_t *partition,
                                            esp_app_desc_t *app_desc);
esp_err_t esp_ota_get_bootloader_description(const esp_partition_t *bootloader_partition,
                                             esp_bootloader_desc_t *desc);
esp_err_t esp_ota_check_image_validity(esp_partition_type_t type, const esp_image_header_t *header,
                                       const esp_app_desc_t *app_desc);

/* What esp_app_desc.h offers, under the names it had before 5.0; ESP-IDF 6 has them no more. */
const esp_app_desc_t *esp_ota_get_app_description(void);
int esp_ota_get_app_elf_sha256(char *dst, size_t size);

/* Confirm, reject, go back. */
esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition,
                                      esp_ota_img_states_t *ota_state);
esp_err_t esp_ota_mark_app_valid_cancel_rollback(void);
esp_err_t esp_ota_mark_app_invalid_rollback(void);
esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void);
const esp_partition_t *esp_ota_get_last_invalid_partition(void);
bool esp_ota_check_rollback_is_possible(void);
esp_err_t esp_ota_erase_last_boot_app_partition(void);
esp_err_t esp_ota_invalidate_inactive_ota_data_slot(void);

typedef enum {
    SECURE_BOOT_PUBLIC_KEY_INDEX_0,
    SECURE_BOOT_PUBLIC_KEY_INDEX_1,
    SECURE_BOOT_PUBLIC_KEY_INDEX_2,
} esp_ota_secure_boot_public_key_index_t;

/** ESP_FAIL: as on any chip whose Secure Boot is off, and a chip on a PC burns no eFuse for it. */
esp_err_t esp_ota_revoke_secure_boot_public_key(esp_ota_secure_boot_public_key_index_t index);

#ifdef __cplusplus
}
#endif
#endif
