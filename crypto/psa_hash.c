/* crypto/psa_hash.c - SHA-256 and SHA-384 of ferry/crypto.h through the PSA Crypto API, for chips
 * whose accelerator stands behind it. Only where PSA's operation is what the contract asks for,
 * plain memory: copying it clones the hash, and one that is forgotten holds nothing. That is so in
 * the mbedTLS of ESP-IDF 5 but on the ESP32, whose engine an operation locks; from ESP-IDF 6 on an
 * operation owns heap. Built with FERRY_CFG_HASH_BYTES, which makes room for it. */
#include <psa/crypto.h>

#include "ferry/crypto.h"
#include "ferry/crypto_verify.h"

_Static_assert(sizeof(psa_hash_operation_t) <= sizeof(struct ferry_sha256), "operation fits");
_Static_assert(sizeof(psa_hash_operation_t) <= sizeof(struct ferry_sha384), "operation fits");

/* Of an operation without memory of its own nothing can fail but a PSA that does not start, which
 * TLS would have met before. A digest that is none must not be compared with another one like it,
 * so the program ends here; what boots is as it was. */
static void must(psa_status_t status)
{
    if (status != PSA_SUCCESS)
        __builtin_trap();
}

static void begin(uint64_t *opaque, psa_algorithm_t algorithm)
{
    psa_hash_operation_t *op = (psa_hash_operation_t *)(void *)opaque;
    *op = (psa_hash_operation_t)PSA_HASH_OPERATION_INIT;
    must(psa_crypto_init());
    must(psa_hash_setup(op, algorithm));
}

static void update(uint64_t *opaque, const void *data, size_t n)
{
    if (n) // PSA may refuse no bytes at no address
        must(psa_hash_update((psa_hash_operation_t *)(void *)opaque, data, n));
}

static void finish(uint64_t *opaque, uint8_t *out, size_t n_out)
{
    size_t n = 0;
    must(psa_hash_finish((psa_hash_operation_t *)(void *)opaque, out, n_out, &n));
}

void ferry_sha256_init(struct ferry_sha256 *h)
{
    begin(h->opaque, PSA_ALG_SHA_256);
}

void ferry_sha256_update(struct ferry_sha256 *h, const void *data, size_t n)
{
    update(h->opaque, data, n);
}

void ferry_sha256_finish(struct ferry_sha256 *h, uint8_t out[FERRY_SHA256_BYTES])
{
    finish(h->opaque, out, FERRY_SHA256_BYTES);
}

void ferry_sha384_init(struct ferry_sha384 *h)
{
    begin(h->opaque, PSA_ALG_SHA_384);
}

void ferry_sha384_update(struct ferry_sha384 *h, const void *data, size_t n)
{
    update(h->opaque, data, n);
}

void ferry_sha384_finish(struct ferry_sha384 *h, uint8_t out[FERRY_SHA384_BYTES])
{
    finish(h->opaque, out, FERRY_SHA384_BYTES);
}
