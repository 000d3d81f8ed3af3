/* compat/esp-idf/compat_private.h - what the files behind Espressif's names share.
 * The process stands for a chip, so here, and only here, state is global. */
#ifndef COMPAT_PRIVATE_H
#define COMPAT_PRIVATE_H

#include "esp_ota_ops.h"
#include "ferry/otadata.h"
#include "ferry_compat.h"

/** The chip that runs, with its table as Espressif's code lists it. */
struct compat {
    struct ferry_compat_chip chip;
    struct ferry_device dev;
    struct ferry_device_work work;
    esp_partition_t *partitions;
    size_t n_partitions;
};

/** The started chip; ends the program with a message if there is none and FERRY_DEVICE names
 * none. */
struct compat *ferry_compat(void);

/** Opens the device that FERRY_DEVICE names, or ends the program with the reason. argv is kept for
 * esp_restart. */
void ferry_compat_open_named(char **argv);

/** Returns when every task of xTaskCreate has ended. */
void ferry_compat_wait_for_tasks(void);

/** Espressif's number for an error of the flash. */
esp_err_t ferry_compat_flash_err(ferry_err err);

/** Closes every OTA session without a word, as a reset does. */
void ferry_compat_drop_sessions(void);

/** Frees every handle of esp_self_reflasher_init. */
void ferry_compat_drop_reflashers(void);

/** Whether the partition starts with an image that Espressif's esp_image_verify accepts; *img, if
 * not NULL, holds what was found. */
bool ferry_compat_image_ok(const esp_partition_t *partition, struct ferry_image *img);

/** Both entries as read, and the partition they lie in. */
struct compat_otadata {
    const esp_partition_t *partition;
    struct ferry_otadata entry[2];
    int active;       // -1: none
    uint32_t n_slots; // gap-free from ota_0
};

/** ESP_ERR_NOT_FOUND there is no otadata partition; else as esp_partition_read. */
esp_err_t ferry_compat_otadata(struct compat_otadata *o);

/** The slot's partition that entry i names, or NULL. Needs n_slots > 0. */
const esp_partition_t *ferry_compat_named(const struct compat_otadata *o, int i);

/** Erases entry i's sector and writes the entry as it stands in *o. */
esp_err_t ferry_compat_otadata_write(const struct compat_otadata *o, int i);

/** The same, for an image that waits in the partition to become the bootloader. */
bool ferry_compat_verify(const esp_partition_t *partition, bool as_bootloader,
                         struct ferry_image *img);

/** False if anti-rollback forbids the app in the partition. */
bool ferry_compat_version_ok(const esp_partition_t *partition);

static inline bool ferry_compat_is_slot(const esp_partition_t *p)
{
    return p->type == ESP_PARTITION_TYPE_APP && p->subtype >= ESP_PARTITION_SUBTYPE_APP_OTA_MIN &&
           p->subtype < ESP_PARTITION_SUBTYPE_APP_OTA_MAX;
}

#endif
