/* crypto/openssl_verify.c - the signature checks of ferry/crypto_verify.h by OpenSSL 3, and
 * SHA-384. Numbers arrive little-endian, as chips store them, and leave as OpenSSL wants them. The
 * hash uses the plain-memory contexts of the low-level interface for the reason that
 * crypto/openssl.c has. */
#define OPENSSL_API_COMPAT 0x10100000L
#include "ferry/crypto_verify.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#define RSA_BYTES   384
#define E_BYTES     4
#define SHA256_SIZE 32
#define SALT_BYTES  32
#define COORD_MOST  48

_Static_assert(sizeof(SHA512_CTX) <= sizeof(struct ferry_sha384), "SHA-384 context fits");

// These calls return 0 only for a NULL argument, so there is no result to look at.

void ferry_sha384_init(struct ferry_sha384 *h)
{
    (void)SHA384_Init((SHA512_CTX *)(void *)h->opaque);
}

void ferry_sha384_update(struct ferry_sha384 *h, const void *data, size_t n)
{
    (void)SHA384_Update((SHA512_CTX *)(void *)h->opaque, data, n);
}

void ferry_sha384_finish(struct ferry_sha384 *h, uint8_t out[FERRY_SHA384_BYTES])
{
    (void)SHA384_Final(out, (SHA512_CTX *)(void *)h->opaque);
}

static void reverse(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[n - 1 - i];
}

/* The key of a type from its parameters; NULL if they make none. */
static EVP_PKEY *key_from(const char *type, OSSL_PARAM params[])
{
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = params ? EVP_PKEY_CTX_new_from_name(NULL, type, NULL) : NULL;
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa_key(const uint8_t *part)
{
    EVP_PKEY *key = NULL;
    BIGNUM *n = BN_lebin2bn(part, RSA_BYTES, NULL);
    BIGNUM *e = BN_lebin2bn(part + RSA_BYTES, E_BYTES, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    if (n && e && build && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e)) {
        OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(build);
        key = key_from("RSA", params);
        OSSL_PARAM_free(params);
    }
    OSSL_PARAM_BLD_free(build);
    BN_free(e);
    BN_free(n);
    return key;
}

static EVP_PKEY *ec_key(const char *curve, size_t n_coord, const uint8_t *xy)
{
    uint8_t point[1 + 2 * COORD_MOST] = {POINT_CONVERSION_UNCOMPRESSED};
    char name[16];
    reverse(point + 1, xy, n_coord);
    reverse(point + 1 + n_coord, xy + n_coord, n_coord);
    memcpy(name, curve, strlen(curve) + 1);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * n_coord),
        OSSL_PARAM_construct_end(),
    };
    return key_from("EC", params);
}

/* OpenSSL wants the two numbers of an ECDSA signature as DER. Returns its length, 0 if there is no
 * memory; *der is the caller's to free. */
static size_t der_of(const uint8_t *rs, size_t n_coord, uint8_t **der)
{
    int n = 0;
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_lebin2bn(rs, (int)n_coord, NULL);
    BIGNUM *s = BN_lebin2bn(rs + n_coord, (int)n_coord, NULL);
    *der = NULL;
    if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
        r = s = NULL; // the signature owns them now
        n = i2d_ECDSA_SIG(sig, der);
    }
    BN_free(s);
    BN_free(r);
    ECDSA_SIG_free(sig);
    return n > 0 ? (size_t)n : 0;
}

static ferry_verdict verify_rsa(const uint8_t *key_part, const uint8_t *digest,
                                const uint8_t *signature)
{
    ferry_verdict verdict = FERRY_VERDICT_NONE;
    uint8_t big_endian[RSA_BYTES];
    EVP_PKEY *key = rsa_key(key_part);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    reverse(big_endian, signature, RSA_BYTES);
    if (ctx && EVP_PKEY_verify_init(ctx) == 1 &&
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SALT_BYTES) == 1 &&
        EVP_PKEY_verify(ctx, big_endian, RSA_BYTES, digest, SHA256_SIZE) == 1)
        verdict = FERRY_VERDICT_GENUINE;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return verdict;
}

static ferry_verdict verify_ecdsa(const char *curve, size_t n_coord, const uint8_t *key_part,
                                  const uint8_t *digest, size_t n_digest, const uint8_t *rs)
{
    ferry_verdict verdict = FERRY_VERDICT_NONE;
    uint8_t *der;
    const size_t n_der = der_of(rs, n_coord, &der);
    EVP_PKEY *key = ec_key(curve, n_coord, key_part + 1);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    if (n_der && ctx && EVP_PKEY_verify_init(ctx) == 1 &&
        EVP_PKEY_verify(ctx, der, n_der, digest, n_digest) == 1)
        verdict = FERRY_VERDICT_GENUINE;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    return verdict;
}

ferry_verdict ferry_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                           const uint8_t *signature)
{
    ferry_verdict verdict = FERRY_VERDICT_NONE;
    ERR_set_mark(); // a refusal leaves nothing in the caller's queue of errors
    switch (scheme) {
    case FERRY_SCHEME_RSA3072:
        verdict = verify_rsa(key, digest, signature);
        break;
    case FERRY_SCHEME_ECDSA_P192:
        verdict = verify_ecdsa("prime192v1", 24, key, digest, SHA256_SIZE, signature);
        break;
    case FERRY_SCHEME_ECDSA_P256:
        verdict = verify_ecdsa("prime256v1", 32, key, digest, SHA256_SIZE, signature);
        break;
    case FERRY_SCHEME_ECDSA_P384:
        verdict = verify_ecdsa("secp384r1", 48, key, digest, FERRY_SHA384_BYTES, signature);
        break;
    case FERRY_SCHEME_NONE:
        break;
    }
    ERR_pop_to_mark();
    return verdict;
}
