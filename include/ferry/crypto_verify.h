/* ferry/crypto_verify.h - the signature checks that the core calls and some file under crypto/
 * provides, and the hash that goes with the longest of them. Apart from ferry/crypto.h, so that a
 * device which trusts no keys links none of it. Keys and signatures come in the shape that Secure
 * Boot v2 gives them: docs/formats.md "Signatures". */
#ifndef FERRY_CRYPTO_VERIFY_H
#define FERRY_CRYPTO_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SHA384_BYTES 48u

/** The answer to "may this be trusted?". It starts as no, and yes is a pattern: memory that is
 * zero, erased or half set never passes. Compare with == FERRY_VERDICT_GENUINE, nothing else. */
typedef enum ferry_verdict {
    FERRY_VERDICT_NONE = 0,
    FERRY_VERDICT_GENUINE = 0x3ca5965a
} ferry_verdict;

/** How something is signed. All numbers are little-endian here, as the chips store them.
 *                        key                                       digest    signature
 * FERRY_SCHEME_RSA3072   776: modulus 384, exponent 4, then        SHA-256   384: PSS, MGF1 with
 *                        384 + 4 that only speed hardware up                 SHA-256, salt 32
 * FERRY_SCHEME_ECDSA_P192 65: curve 1, X 24, Y 24, 16 unused       SHA-256   64: r 24, s 24, unused
 * FERRY_SCHEME_ECDSA_P256 65: curve 2, X 32, Y 32                  SHA-256   64: r 32, s 32
 * FERRY_SCHEME_ECDSA_P384 97: curve 3, X 48, Y 48                  SHA-384   96: r 48, s 48 */
enum ferry_scheme {
    FERRY_SCHEME_NONE,
    FERRY_SCHEME_RSA3072,
    FERRY_SCHEME_ECDSA_P192,
    FERRY_SCHEME_ECDSA_P256,
    FERRY_SCHEME_ECDSA_P384
};

/** Checks a signature of a digest by a public key; the scheme gives shape and length of all three,
 * borrowed for the call. The key's origin is the caller's to check first.
 * FERRY_VERDICT_GENUINE only if the signature holds; anything else, a scheme that this crypto does
 * not know among it, is FERRY_VERDICT_NONE. */
FERRY_MUST_CHECK ferry_verdict ferry_verify(enum ferry_scheme scheme, const uint8_t *key,
                                            const uint8_t *digest, const uint8_t *signature);

/** A running SHA-384 (FIPS 180-4); plain memory as in ferry/crypto.h, 216 bytes. */
struct ferry_sha384 {
#ifdef FERRY_CFG_HASH_BYTES
    uint64_t opaque[FERRY_CFG_HASH_BYTES / 8];
#else
    uint64_t opaque[27];
#endif
};

void ferry_sha384_init(struct ferry_sha384 *h);
void ferry_sha384_update(struct ferry_sha384 *h, const void *data, size_t n);
/** Writes 48 bytes; h is used up. */
void ferry_sha384_finish(struct ferry_sha384 *h, uint8_t out[FERRY_SHA384_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
