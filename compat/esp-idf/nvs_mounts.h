/* compat/esp-idf/nvs_mounts.h - the NVS partitions that are mounted, and the handles on them. */
#ifndef NVS_MOUNTS_H
#define NVS_MOUNTS_H

#include "esp_partition.h"
#include "ferry/nvs.h"
#include "nvs.h"

/** A mounted partition. */
struct nvs_mount {
    struct nvs_mount *next;
    const esp_partition_t *partition;
    struct ferry_nvs store;
    struct ferry_xts xts; // closed if not encrypted
    void *work;
};

/** The mount of a label; NULL if it is not mounted. */
struct nvs_mount *ferry_compat_nvs_find(const char *label);

/** True if any partition is mounted. */
bool ferry_compat_nvs_any(void);

/** Forgets every handle on a mount. */
void ferry_compat_nvs_close_all(const struct nvs_mount *mount);

/** Forgets all mounts and handles, as a reset does. */
void ferry_compat_nvs_drop(void);

/** Espressif's number for an error of the store. */
esp_err_t ferry_compat_nvs_err(ferry_err err);

#endif
