/* ferry/crypto.h - the hashes the core calls and some file under crypto/ provides.
 * A context is plain memory: copying the struct clones the running hash, and nothing needs to be
 * freed. Link exactly one of crypto/portable.c, crypto/openssl.c and crypto/psa_hash.c. */
#ifndef FERRY_CRYPTO_H
#define FERRY_CRYPTO_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_SHA256_BYTES 32u
#define FERRY_MD5_BYTES    16u

/** A running SHA-256 (FIPS 180-4); opaque, 112 bytes. A build whose hash needs more says how much
 * in FERRY_CFG_HASH_BYTES, the same in all of its files. */
struct ferry_sha256 {
#ifdef FERRY_CFG_HASH_BYTES
    uint64_t opaque[FERRY_CFG_HASH_BYTES / 8];
#else
    uint64_t opaque[14];
#endif
};

/** A running MD5 (RFC 1321), for the partition table's row; opaque, 96 bytes. */
struct ferry_md5 {
    uint64_t opaque[12];
};

void ferry_sha256_init(struct ferry_sha256 *h);
void ferry_sha256_update(struct ferry_sha256 *h, const void *data, size_t n);
/** Writes 32 bytes; h is used up. To look at a hash and go on, finish a copy. */
void ferry_sha256_finish(struct ferry_sha256 *h, uint8_t out[FERRY_SHA256_BYTES]);

void ferry_md5_init(struct ferry_md5 *h);
void ferry_md5_update(struct ferry_md5 *h, const void *data, size_t n);
/** Writes 16 bytes; h is used up. */
void ferry_md5_finish(struct ferry_md5 *h, uint8_t out[FERRY_MD5_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
