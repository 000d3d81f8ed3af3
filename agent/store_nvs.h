/* agent/store_nvs.h - the agent's store over ferry/nvs.h: for the virtual device, and for firmware
 * without ESP-IDF. */
#ifndef FERRY_STORE_NVS_H
#define FERRY_STORE_NVS_H

#include "agent/store.h"
#include "ferry/nvs.h"
#include "ferry/table.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_store_nvs {
    struct ferry_store store; // first: a pointer to it is a pointer to the whole
    struct ferry_nvs nvs;
    struct ferry_nvs_config config; // to open it again after a failed write
};

/** Finds the partition that holds the agent's values: NVS and labelled ferry_nvs, else the NVS
 * partition labelled nvs. FERRY_ERR_NOT_FOUND the table has neither; table and flash errors. */
FERRY_MUST_CHECK ferry_err ferry_store_nvs_find(const struct ferry_table *table,
                                                struct ferry_partition *out);

/** Mounts the region of config, which is kept with what it points to. Errors of ferry_nvs_open; the
 * fault is in s->nvs.fault. */
FERRY_MUST_CHECK ferry_err ferry_store_nvs_open(struct ferry_store_nvs *s,
                                                const struct ferry_nvs_config *config);

#ifdef __cplusplus
}
#endif
#endif
