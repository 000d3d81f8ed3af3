/* ports/esp-idf/store_esp.h - the agent's store in ESP-IDF's NVS: the partition ferry_nvs where the
 * table has one, so that an application's erase spares it, else the default one. */
#ifndef FERRY_STORE_ESP_H
#define FERRY_STORE_ESP_H

#include "agent/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A store; caller-owned. */
struct ferry_store_esp {
    struct ferry_store store;
    const char *partition; // for nvs_open_from_partition
};

/** Readies NVS. A partition of its own whose pages NVS can never use (none is free, or a later
 * version wrote them) is erased and begun anew: the device then has to enrol again, but it goes on.
 * Whatever else fails erases nothing. With CONFIG_NVS_ENCRYPTION it is encrypted with the keys
 * in the partition nvs_keys, which are made at the first start; the default partition is as
 * nvs_flash_init has it, which comes first. FERRY_ERR_STATE NVS cannot be used. */
FERRY_MUST_CHECK ferry_err ferry_store_esp_open(struct ferry_store_esp *s);

#ifdef __cplusplus
}
#endif
#endif
