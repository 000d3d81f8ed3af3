/* tests/power/nvs_store.h - a store on the flash model, what its keys ought to hold, and the
 * promise: after a cut each key holds its old or its new value and is listed once. For
 * test_power_nvs; keys are numbers there, their namespaces and names stand in nvs_store.c. */
#ifndef NVS_STORE_H
#define NVS_STORE_H

#include "ferry/nvs.h"
#include "nvs_audit.h"
#include "sim_flash.h"

#include <stdbool.h>
#include <stdint.h>

#define NVS_NAMESPACES 3u
#define NVS_KEYS       12u // key k is in namespace k % NVS_NAMESPACES
#define NVS_MOST_PAGES 6u
#define NVS_MOST_BYTES 12000u

/** What a key holds; its bytes follow from type, seed and size. */
struct nvs_value {
    uint8_t type; // FERRY_NVS_BLOB for blobs of either version; 0: nothing
    uint32_t seed, size_bytes;
};

struct nvs_store {
    struct sim_flash sim;
    struct ferry_nvs nvs;
    uint32_t work[FERRY_NVS_WORK_BYTES(NVS_MOST_PAGES) / 4];
    uint32_t n_pages;
    const struct ferry_xts *xts;   // NULL: not encrypted
    uint8_t bytes[NVS_MOST_BYTES]; // of the value that is being set
};

/** A blank partition. */
void nvs_store_init(struct nvs_store *s, uint32_t n_pages, uint32_t prog_bytes,
                    const struct ferry_xts *xts);

/** *to becomes a copy of *from that is not open. */
void nvs_store_fork(struct nvs_store *to, const struct nvs_store *from, const struct sim_flash *sim,
                    uint32_t seed);
void nvs_store_free(struct nvs_store *s);

/** Fills the first page as version 1 of the format did: namespace 0, and in each of its keys a
 * string, a number or a blob in one piece. now: filled with what the keys then hold. */
void nvs_store_begin_v1(struct nvs_store *s, uint32_t seed, struct nvs_value now[NVS_KEYS]);

ferry_err nvs_store_open(struct nvs_store *s, bool read_only);

/** Sets the key, or erases it if the value is nothing. Makes the namespace. */
ferry_err nvs_store_set(struct nvs_store *s, uint32_t key, const struct nvs_value *v);

/** Erases all keys of namespace i. */
ferry_err nvs_store_erase_all(struct nvs_store *s, uint32_t i);

bool nvs_store_holds(struct nvs_store *s, uint32_t key, const struct nvs_value *v);

/** Holds each key old[key] or new[key], is it listed once, and nothing else? NULL, or what not.
 * now: filled with which it was. */
const char *nvs_store_broken_promise(struct nvs_store *s, const struct nvs_value *old,
                                     const struct nvs_value *new, struct nvs_value *now);

/** Just opened, not read-only: is every byte as a mount leaves it, and do the statistics say the
 * same as the pages? NULL, or what not. */
const char *nvs_store_audit(struct nvs_store *s);

/** As a cut left it: would Espressif's code mount it? NULL, or why not. */
const char *nvs_store_audit_cut(const struct nvs_store *s);

#endif
