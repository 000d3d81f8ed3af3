/* crypto/psa_verify.c - the signature checks of ferry/crypto_verify.h through the PSA Crypto API,
 * which ESP-IDF's mbedTLS offers and backs with the chip's accelerators. Numbers arrive
 * little-endian, as chips store them, and leave as PSA wants them. The hash that goes with them is
 * crypto/portable_sha384.c, or crypto/psa_hash.c. */
#include "ferry/crypto_verify.h"

#include <psa/crypto.h>

#define RSA_BYTES   384u
#define E_BYTES     4u
#define SHA256_SIZE 32u
#define COORD_MOST  48u

/* The key as PSA imports it. Lengths of a 3072-bit modulus never differ, so the frame is fixed:
 * SEQUENCE { INTEGER n, INTEGER e }, each with a zero in front, which keeps it positive. */
#define DER_N     4u
#define DER_E     (DER_N + 5u + RSA_BYTES)
#define DER_BYTES (DER_E + 3u + E_BYTES)

static void reverse(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[n - 1 - i];
}

static void rsa_der(uint8_t der[DER_BYTES], const uint8_t *part)
{
    static const uint8_t head[] = {0x30, 0x82, 0x01, 0x8c, 0x02, 0x82, 0x01, 0x81, 0x00};
    static const uint8_t middle[] = {0x02, 0x05, 0x00};
    for (size_t i = 0; i < sizeof head; i++)
        der[i] = head[i];
    reverse(der + sizeof head, part, RSA_BYTES);
    for (size_t i = 0; i < sizeof middle; i++)
        der[DER_E + i] = middle[i];
    reverse(der + DER_E + sizeof middle, part + RSA_BYTES, E_BYTES);
}

_Static_assert(DER_BYTES == 4 + 0x18c, "the SEQUENCE's length");

/* DER wants the shortest form: the exponent, 65537 or 3 in practice, loses its leading zeros and
 * both lengths with them. Returns the length. */
static size_t shorten_e(uint8_t der[DER_BYTES])
{
    uint8_t *const e = der + DER_E + 2; // one zero, then four bytes
    size_t n = E_BYTES + 1;
    while (n > 1 && e[0] == 0 && !(e[1] & 0x80)) {
        for (size_t i = 0; i + 1 < n; i++)
            e[i] = e[i + 1];
        n--;
    }
    const size_t gone = E_BYTES + 1 - n;
    der[3] = (uint8_t)(der[3] - gone);
    der[DER_E + 1] = (uint8_t)n;
    return DER_BYTES - gone;
}

static ferry_verdict verify_with(psa_key_type_t type, psa_algorithm_t algorithm, const uint8_t *key,
                                 size_t n_key, const uint8_t *digest, size_t n_digest,
                                 const uint8_t *signature, size_t n_signature)
{
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id;
    psa_set_key_type(&attributes, type);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_VERIFY_HASH);
    psa_set_key_algorithm(&attributes, algorithm);
    if (psa_crypto_init() != PSA_SUCCESS ||
        psa_import_key(&attributes, key, n_key, &id) != PSA_SUCCESS)
        return FERRY_VERDICT_NONE;
    const psa_status_t status =
        psa_verify_hash(id, algorithm, digest, n_digest, signature, n_signature);
    (void)psa_destroy_key(
        id); // a volatile key; what it cannot give back is no reason to trust less
    return status == PSA_SUCCESS ? FERRY_VERDICT_GENUINE : FERRY_VERDICT_NONE;
}

static ferry_verdict verify_rsa(const uint8_t *key_part, const uint8_t *digest,
                                const uint8_t *signature)
{
    uint8_t der[DER_BYTES];
    uint8_t big_endian[RSA_BYTES];
    rsa_der(der, key_part);
    const size_t n_der = shorten_e(der);
    reverse(big_endian, signature, RSA_BYTES);
    return verify_with(PSA_KEY_TYPE_RSA_PUBLIC_KEY, PSA_ALG_RSA_PSS(PSA_ALG_SHA_256), der, n_der,
                       digest, SHA256_SIZE, big_endian, RSA_BYTES);
}

static ferry_verdict verify_ecdsa(size_t n_coord, psa_algorithm_t hash, const uint8_t *key_part,
                                  const uint8_t *digest, const uint8_t *rs)
{
    uint8_t point[1 + 2 * COORD_MOST] = {0x04}; // uncompressed
    uint8_t big_endian[2 * COORD_MOST];
    reverse(point + 1, key_part + 1, n_coord);
    reverse(point + 1 + n_coord, key_part + 1 + n_coord, n_coord);
    reverse(big_endian, rs, n_coord);
    reverse(big_endian + n_coord, rs + n_coord, n_coord);
    return verify_with(PSA_KEY_TYPE_ECC_PUBLIC_KEY(PSA_ECC_FAMILY_SECP_R1), PSA_ALG_ECDSA(hash),
                       point, 1 + 2 * n_coord, digest,
                       hash == PSA_ALG_SHA_384 ? FERRY_SHA384_BYTES : SHA256_SIZE, big_endian,
                       2 * n_coord);
}

ferry_verdict ferry_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                           const uint8_t *signature)
{
    switch (scheme) {
    case FERRY_SCHEME_RSA3072:
        return verify_rsa(key, digest, signature);
    case FERRY_SCHEME_ECDSA_P192:
        return verify_ecdsa(24, PSA_ALG_SHA_256, key, digest, signature);
    case FERRY_SCHEME_ECDSA_P256:
        return verify_ecdsa(32, PSA_ALG_SHA_256, key, digest, signature);
    case FERRY_SCHEME_ECDSA_P384:
        return verify_ecdsa(48, PSA_ALG_SHA_384, key, digest, signature);
    case FERRY_SCHEME_NONE:
        break;
    }
    return FERRY_VERDICT_NONE;
}
