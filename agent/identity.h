/* agent/identity.h - the contract of whoever makes the device's key and signs with it.
 * The agent keeps the key in its store between calls, as the bytes that the transport is given for
 * TLS: an "EC PRIVATE KEY" of RFC 5915 in DER (agent/csr.h). Implemented by
 * ports/posix/key_openssl.c with OpenSSL and by ports/esp-idf with PSA. */
#ifndef FERRY_IDENTITY_H
#define FERRY_IDENTITY_H

#include "agent/csr.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_identity;

struct ferry_identity_ops {
    /** Makes a new P-256 key from true random numbers. FERRY_ERR_KEY. */
    ferry_err (*make)(struct ferry_identity *id, uint8_t key[FERRY_KEY_DER_BYTES]);
    /** Signs a SHA-256 digest with the key. FERRY_ERR_KEY. */
    ferry_err (*sign)(struct ferry_identity *id, const uint8_t key[FERRY_KEY_DER_BYTES],
                      const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES]);
};

/** A port has it as its first member. Caller-owned. */
struct ferry_identity {
    const struct ferry_identity_ops *ops;
};

/** The public half stands at a key's end. */
static inline const uint8_t *ferry_identity_point(const uint8_t key[FERRY_KEY_DER_BYTES])
{
    return key + FERRY_KEY_DER_BYTES - FERRY_KEY_POINT_BYTES;
}

#ifdef __cplusplus
}
#endif
#endif
