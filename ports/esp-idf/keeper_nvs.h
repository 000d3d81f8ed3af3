/* ports/esp-idf/keeper_nvs.h - the keeper that keeps a checkpoint in NVS.
 * One blob in a namespace of its own. NVS writes a new value before it forgets the old one, so a
 * power cut leaves one of the two. Costs 224 bytes of value, at most once per 64 KB of image. */
#ifndef FERRY_KEEPER_NVS_H
#define FERRY_KEEPER_NVS_H

#include "agent/keeper.h"
#include <esp_err.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_KEEPER_NVS_NAMESPACE "ferry"
#define FERRY_KEEPER_NVS_KEY       "checkpoint"

struct ferry_keeper_nvs {
    struct ferry_keeper keeper; // first: a pointer to it is a pointer to the whole
    esp_err_t esp_err;          // why the last call failed, in ESP-IDF's words
};

/** Makes a keeper in the default NVS partition, which nvs_flash_init has opened. Its calls fail
 * with FERRY_ERR_NVS_FULL no space left, FERRY_ERR_STATE nvs_flash_init was not called,
 * FERRY_ERR_NO_MEMORY, FERRY_ERR_NVS_DATA anything else; then k->esp_err says more. */
void ferry_keeper_nvs_init(struct ferry_keeper_nvs *k);

#ifdef __cplusplus
}
#endif
#endif
