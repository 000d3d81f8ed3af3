/* self_reflasher.h - the API of Espressif's esp-self-reflasher: fetch an image into a staging
 * partition, copy it to any region of the flash, bootloader and partition table included. Carried
 * out by ferry/reflash.h: contents are judged, every sector is read back, and where the device has
 * a free sector for a journal a power cut is gone on from. docs/compat.md "Self-reflasher". */
#ifndef SELF_REFLASHER_H
#define SELF_REFLASHER_H

#include "esp_attr.h"
#include "esp_http_client.h"
#include "esp_partition.h"
#include "sdkconfig.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Absolute, and whole sectors where it is written to. */
typedef struct {
    uint32_t region_address;
    size_t region_size;
} addr_region_t;

typedef struct {
    const esp_http_client_config_t *http_config; // must live until the download
    const esp_partition_t *target_partition;     // to stage in; NULL: a free OTA slot
    addr_region_t src_region;                    // of esp_self_reflasher_directly_copy_to_region
    addr_region_t dest_region;                   // becomes the image, and erased behind it
    size_t src_bin_size; // bytes of src_region that are the image; 0: all of it
} esp_self_reflasher_config_t;

typedef void *esp_self_reflasher_handle_t;

/** Finds the staging partition and erases it.
 * ESP_ERR_INVALID_ARG  NULL, no http_config, or the destination does not begin with a sector
 * ESP_ERR_INVALID_SIZE it is not whole sectors of the flash
 * ESP_ERR_NOT_FOUND    no OTA slot is free of the destination and of the running app, or the given
 *                      partition is not
 * ESP_ERR_NOT_ALLOWED  the destination is the running app's
 * ESP_ERR_NO_MEM, ESP_ERR_FLASH_OP_FAIL. */
esp_err_t esp_self_reflasher_init(const esp_self_reflasher_config_t *self_reflasher_config,
                                  esp_self_reflasher_handle_t *handle);

/** Fetches the image into the staging partition and judges it by where it is to go.
 * ESP_ERR_HTTP_CONNECT no connection, or a status other than 200; ESP_ERR_HTTP_WRITE_DATA it did
 * not come whole; ESP_ERR_INVALID_SIZE larger than its destination or its staging partition;
 * ESP_ERR_IMAGE_INVALID not an image for this chip and place; ESP_ERR_FLASH_OP_FAIL. */
esp_err_t esp_self_reflasher_download_bin(esp_self_reflasher_handle_t handle);

/** Makes the destination what was downloaded. ESP_ERR_INVALID_STATE nothing was;
 * ESP_ERR_NOT_ALLOWED the copy would overwrite what runs, or the device takes signed plans only;
 * ESP_ERR_IMAGE_INVALID, ESP_ERR_FLASH_OP_FAIL. */
esp_err_t esp_self_reflasher_copy_to_region(esp_self_reflasher_handle_t handle);

/** The next image, behind the one before or, where it might not fit, in its place; in another
 * partition if the destination needs this one. Errors as init; the handle stays usable. */
esp_err_t
esp_self_reflasher_upd_next_config(const esp_self_reflasher_config_t *self_reflasher_config,
                                   esp_self_reflasher_handle_t handle);

/** Copies src_region, an image in flash already. Errors as init and copy_to_region. */
esp_err_t esp_self_reflasher_directly_copy_to_region(
    const esp_self_reflasher_config_t *self_reflasher_config);

/** Frees the handle, which the original cannot. NULL is ESP_ERR_INVALID_ARG. */
esp_err_t esp_self_reflasher_deinit(esp_self_reflasher_handle_t handle);

#ifdef __cplusplus
}
#endif
#endif
