/* agent/pem.h - PEM (RFC 7468) in and out, without libc: certificates that a server sends, the
 * request that a device sends. Hostile input is refused or passed over, never half decoded. */
#ifndef FERRY_PEM_H
#define FERRY_PEM_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Most characters ferry_pem_write needs for n bytes under this label, its NUL included. */
#define FERRY_PEM_BYTES(n_der, label)                                                              \
    (((n_der) + 2u) / 3u * 4u + (n_der) / 48u + 2u * sizeof(label) + 40u)

/** Writes one block. FERRY_ERR_WORK_SIZE it does not fit into n_out. */
FERRY_MUST_CHECK ferry_err ferry_pem_write(const char *label, const uint8_t *der, size_t n_der,
                                           char *out, size_t n_out);

/** One block of a text. */
struct ferry_pem {
    const char *text; // from its first dash
    size_t n_text;    // up to its last dash
    size_t n_der;
};

/** Finds the next block with this label in the text that begins at *at, decodes it into der
 * (n_der_most large), and moves *at behind it.
 * FERRY_ERR_NOT_FOUND there is none; FERRY_ERR_SYNTAX it does not end, is no base64, or is longer
 * than der. */
FERRY_MUST_CHECK ferry_err ferry_pem_next(const char **at, const char *label, uint8_t *der,
                                          size_t n_der_most, struct ferry_pem *out);

#ifdef __cplusplus
}
#endif
#endif
