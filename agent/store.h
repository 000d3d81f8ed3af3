/* agent/store.h - the contract of whoever keeps the agent's values: namespace mtls_auth of an NVS
 * partition. Each value is written whole or not at all; what is read is what was last written.
 * agent/store_nvs.h implements it over ferry/nvs.h; ports/esp-idf over nvs_flash. The keys, and
 * what each holds: docs/updater.md. */
#ifndef FERRY_STORE_H
#define FERRY_STORE_H

#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_STORE_NAMESPACE "mtls_auth"
#define FERRY_STORE_PARTITION "ferry_nvs" // of its own, so that an app's erase spares it

enum ferry_store_kind {
    FERRY_STORE_TEXT,   // a string; its NUL counts in every size
    FERRY_STORE_BLOB,   // bytes
    FERRY_STORE_NUMBER, // one uint32_t
};

struct ferry_store;

struct ferry_store_ops {
    /** *n_bytes: in, what out holds; out, the size. FERRY_ERR_NOT_FOUND there is none of this kind;
     * FERRY_ERR_NVS_BUFFER it is larger than out; else the port's. */
    ferry_err (*get)(struct ferry_store *s, enum ferry_store_kind kind, const char *key, void *out,
                     uint32_t *n_bytes);
    /** Durable on return. A value that stands there already is not written again. */
    ferry_err (*set)(struct ferry_store *s, enum ferry_store_kind kind, const char *key,
                     const void *data, uint32_t n_bytes);
    /** Forgets a value, and where it can, its bytes in flash. FERRY_OK if there is none. */
    ferry_err (*drop)(struct ferry_store *s, const char *key);
};

/** A store; an implementation has it as its first member. Caller-owned. */
struct ferry_store {
    const struct ferry_store_ops *ops;
};

/** The text under key into out, n_bytes large. "" and FERRY_ERR_NOT_FOUND where there is none, or
 * none that fits; "" too with any other error. */
FERRY_MUST_CHECK ferry_err ferry_store_text(struct ferry_store *s, const char *key, char *out,
                                            uint32_t n_bytes);

FERRY_MUST_CHECK ferry_err ferry_store_set_text(struct ferry_store *s, const char *key,
                                                const char *text);

/** The number under key; 0 where there is none. */
FERRY_MUST_CHECK ferry_err ferry_store_number(struct ferry_store *s, const char *key,
                                              uint32_t *out);

FERRY_MUST_CHECK ferry_err ferry_store_set_number(struct ferry_store *s, const char *key,
                                                  uint32_t value);

#ifdef __cplusplus
}
#endif
#endif
