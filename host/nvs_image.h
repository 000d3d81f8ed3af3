/* host/nvs_image.h - lays out a fresh NVS partition exactly as Espressif's generator does: pages in
 * order, the last one used stays active, one page stays blank. For `ferry nvs build`; a store that
 * is in use is written through ferry/nvs.h instead. Facts: docs/nvs.md "The CSV". */
#ifndef FERRY_NVS_IMAGE_H
#define FERRY_NVS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "ferry/crypto_xts.h"
#include "ferry/nvs_page.h"

/** Longest single value of version 1, a string's NUL included. */
#define FERRY_NVS_V1_VALUE_MAX 1984u

/** Chunks that one generation of a blob can number. */
#define FERRY_NVS_IMAGE_CHUNKS_MAX 128u

/** An image in the making. It grows past what its size holds, so that the caller can say which
 * size would do; ferry_nvs_image_end() refuses it then. */
struct ferry_nvs_image {
    uint8_t *bytes; // owned
    uint32_t n_pages, n_pages_allocated;
    uint32_t size_bytes; // of the partition
    uint32_t n_usable;   // pages that values may take
    uint8_t version;     // FERRY_NVS_VERSION_...
    const struct ferry_xts *xts;
    uint32_t n_entries; // in the last page
    uint32_t n_namespaces;
    struct ferry_fault fault; // of the last refusal
};

/** Starts an image of size_bytes. version is 1 or 2. xts NULL: not encrypted, else kept.
 * FERRY_ERR_NVS_PAGES   size is not whole pages of 4096, or none; value size_bytes
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_begin(struct ferry_nvs_image *m, uint32_t size_bytes,
                                                 unsigned version, const struct ferry_xts *xts);

/** Adds a namespace entry; *ns gets its number.
 * FERRY_ERR_NVS_KEY_LENGTH, FERRY_ERR_NVS_NAMESPACES; errors of all calls below. */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_namespace(struct ferry_nvs_image *m, const char *name,
                                                     uint8_t *ns);

/* Errors that the calls below share, value and limit in m->fault:
 *   FERRY_ERR_NVS_KEY_LENGTH    1 to 15 bytes
 *   FERRY_ERR_NVS_VALUE_LENGTH  string: 4000 with NUL, blob: 508,000, version 1: 1984 of either
 *   FERRY_ERR_NVS_CRYPT, FERRY_ERR_NO_MEMORY */

/** Adds a number; bits as ferry_nvs_entry_put_number() takes them. */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_number(struct ferry_nvs_image *m, uint8_t ns,
                                                  const char *key, enum ferry_nvs_type type,
                                                  uint64_t bits);

/** Adds a string of n_bytes without NUL. */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_string(struct ferry_nvs_image *m, uint8_t ns,
                                                  const char *key, const char *text,
                                                  size_t n_bytes);

/** Adds a blob: one entry in version 1, chunks and an index in version 2. */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_blob(struct ferry_nvs_image *m, uint8_t ns,
                                                const char *key, const void *data, size_t n_bytes);

/** Pages that hold values, used up or begun. */
uint32_t ferry_nvs_image_pages(const struct ferry_nvs_image *m);

/** The partition size that would hold what was added, a page kept free included. */
uint32_t ferry_nvs_image_needs_bytes(const struct ferry_nvs_image *m);

/** Completes the image: m->bytes, *n_bytes long. Under 3 pages, which open for reading only, the
 * generator's files end with the last page used, and so do these.
 * FERRY_ERR_NVS_FULL  value pages needed, limit pages the size leaves for values */
FERRY_MUST_CHECK ferry_err ferry_nvs_image_end(struct ferry_nvs_image *m, uint32_t *n_bytes);

void ferry_nvs_image_free(struct ferry_nvs_image *m);

#endif
