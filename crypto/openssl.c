/* crypto/openssl.c - the hashes of ferry/crypto.h by OpenSSL's libcrypto (SHA-NI where the CPU has
 * it). Uses the plain-memory contexts of its low-level interface, because the core clones a hash
 * by copying it; they are deprecated in favour of ones on the heap, not broken. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "ferry/crypto.h"

#include <string.h>

#include <openssl/md5.h>
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct ferry_sha256), "SHA-256 context fits");
_Static_assert(sizeof(MD5_CTX) <= sizeof(struct ferry_md5), "MD5 context fits");

// These calls return 0 only for a NULL argument, so there is no result to look at.

void ferry_sha256_init(struct ferry_sha256 *h)
{
    (void)SHA256_Init((SHA256_CTX *)(void *)h->opaque);
}

void ferry_sha256_update(struct ferry_sha256 *h, const void *data, size_t n)
{
    (void)SHA256_Update((SHA256_CTX *)(void *)h->opaque, data, n);
}

void ferry_sha256_finish(struct ferry_sha256 *h, uint8_t out[FERRY_SHA256_BYTES])
{
    (void)SHA256_Final(out, (SHA256_CTX *)(void *)h->opaque);
}

void ferry_md5_init(struct ferry_md5 *h)
{
    (void)MD5_Init((MD5_CTX *)(void *)h->opaque);
}

void ferry_md5_update(struct ferry_md5 *h, const void *data, size_t n)
{
    (void)MD5_Update((MD5_CTX *)(void *)h->opaque, data, n);
}

void ferry_md5_finish(struct ferry_md5 *h, uint8_t out[FERRY_MD5_BYTES])
{
    (void)MD5_Final(out, (MD5_CTX *)(void *)h->opaque);
}
