/* tests/power/nvs_audit.h - a second reader of NVS, which shares no search with the store: it holds
 * raw pages against the rules by which Espressif's code mounts them. For test_power_nvs.
 * Rests on ferry/nvs_page.h for single entries. Facts: docs/formats.md "NVS". */
#ifndef NVS_AUDIT_H
#define NVS_AUDIT_H

#include "ferry/crypto_xts.h"
#include "ferry/nvs_page.h"

#include <stdint.h>

struct nvs_audit {
    uint32_t n_used; // entries whose state is WRITTEN
    uint32_t n_namespaces;
    uint32_t n_free_pages; // blank, or to be erased before use
    uint32_t n_freeing;
};

/** Pages as a cut may leave them: would a mount end well? NULL, or why not. */
const char *nvs_audit_mountable(const uint8_t *bytes, uint32_t n_pages, struct nvs_audit *out);

/** Pages as a mount leaves them: entries whole and once, values as their CRCs say, each blob's
 * chunks under one index, one page that grows, the newest, with blank flash behind its last entry,
 * and one page free. NULL, or what is not so. xts NULL: not encrypted. */
const char *nvs_audit_mounted(const uint8_t *bytes, uint32_t n_pages, const struct ferry_xts *xts,
                              struct nvs_audit *out);

#endif
