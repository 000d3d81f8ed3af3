/* crypto/bearssl_verify.c - ECDSA P-256 of ferry/crypto_verify.h by BearSSL, for firmware that has
 * no crypto library of its own: no heap, constant time, 12 KB of rv32imc. The other schemes are
 * refused, as any unknown one. Numbers arrive little-endian, as chips store them, and leave as
 * BearSSL wants them. SHA-384 is crypto/portable_sha384.c. */
#include "ferry/crypto_verify.h"

#include <bearssl.h>

#define COORD_BYTES  32u
#define DIGEST_BYTES 32u
#define UNCOMPRESSED 0x04u

static void reverse(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[n - 1 - i];
}

static ferry_verdict verify_p256(const uint8_t *key_part, const uint8_t *digest, const uint8_t *rs)
{
    uint8_t point[1 + 2 * COORD_BYTES] = {UNCOMPRESSED};
    uint8_t big_endian[2 * COORD_BYTES];
    reverse(point + 1, key_part + 1, COORD_BYTES);
    reverse(point + 1 + COORD_BYTES, key_part + 1 + COORD_BYTES, COORD_BYTES);
    reverse(big_endian, rs, COORD_BYTES);
    reverse(big_endian + COORD_BYTES, rs + COORD_BYTES, COORD_BYTES);
    const br_ec_public_key key = {.curve = BR_EC_secp256r1, .q = point, .qlen = sizeof(point)};
    return br_ecdsa_i31_vrfy_raw(&br_ec_p256_m31, digest, DIGEST_BYTES, &key, big_endian,
                                 sizeof(big_endian)) == 1
               ? FERRY_VERDICT_GENUINE
               : FERRY_VERDICT_NONE;
}

ferry_verdict ferry_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                           const uint8_t *signature)
{
    return scheme == FERRY_SCHEME_ECDSA_P256 ? verify_p256(key, digest, signature)
                                             : FERRY_VERDICT_NONE;
}
