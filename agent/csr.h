/* agent/csr.h - a certificate request (PKCS#10, RFC 2986) for a P-256 key, written by hand: a chip
 * has no X.509 writer that every port could share. The private key stays where it is kept, in PSA,
 * OpenSSL or a secure element, and signs one digest. Beside it, what such a key looks like as a
 * file. The subject holds one common name, which a server is free to replace. */
#ifndef FERRY_CSR_H
#define FERRY_CSR_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_KEY_SCALAR_BYTES 32u  // a private key of P-256, big-endian
#define FERRY_KEY_POINT_BYTES  65u  // its public key: 04, X, Y, big-endian
#define FERRY_KEY_RS_BYTES     64u  // a signature: r, s, 32 bytes each, big-endian
#define FERRY_KEY_DER_BYTES    121u // private and public key in one (RFC 5915), always this long
#define FERRY_CSR_NAME_MOST    64u  // longest common name (X.520)
#define FERRY_CSR_BYTES        267u // longest request

/** Whoever holds the private key. */
struct ferry_signer {
    /** Signs a SHA-256 digest with ECDSA. An error ends the job and reaches its caller. */
    ferry_err (*sign)(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES]);
    void *ctx;
};

/** Writes a request for the public key in point, signed by its private half, as DER into out;
 * *n_bytes is its length. name: 1 to 64 bytes of UTF-8 without control characters.
 * FERRY_ERR_ARG the name, or point does not begin with 04; else what sign gave. */
FERRY_MUST_CHECK ferry_err ferry_csr_write(const uint8_t point[FERRY_KEY_POINT_BYTES],
                                           const char *name, const struct ferry_signer *signer,
                                           uint8_t out[FERRY_CSR_BYTES], size_t *n_bytes);

/** Writes a private key with its public half as "EC PRIVATE KEY" of RFC 5915, DER: what TLS
 * libraries read. It is a secret: the caller wipes it. */
void ferry_key_der(const uint8_t scalar[FERRY_KEY_SCALAR_BYTES],
                   const uint8_t point[FERRY_KEY_POINT_BYTES], uint8_t out[FERRY_KEY_DER_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
