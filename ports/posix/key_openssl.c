/* ports/posix/key_openssl.c - the device's key by OpenSSL. */
#include "key_openssl.h"

#include <stdbool.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>

#define SIGNATURE_MOST 80 // of P-256, in DER

static bool take_key(EVP_PKEY *key, uint8_t der[FERRY_KEY_DER_BYTES])
{
    uint8_t scalar[FERRY_KEY_SCALAR_BYTES];
    uint8_t point[FERRY_KEY_POINT_BYTES];
    size_t n_point = 0;
    BIGNUM *number = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
              BN_bn2binpad(number, scalar, sizeof scalar) == (int)sizeof scalar &&
              EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point,
                                              &n_point) == 1 &&
              n_point == sizeof point;
    if (ok)
        ferry_key_der(scalar, point, der);
    OPENSSL_cleanse(scalar, sizeof scalar);
    BN_clear_free(number);
    return ok;
}

static ferry_err make(struct ferry_identity *id, uint8_t der[FERRY_KEY_DER_BYTES])
{
    (void)id;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    const bool ok = key && take_key(key, der);
    EVP_PKEY_free(key);
    return ok ? FERRY_OK : FERRY_ERR_KEY;
}

/* r and s out of the DER that OpenSSL signs with. */
static bool split(const uint8_t *der, size_t n, uint8_t rs[FERRY_KEY_RS_BYTES])
{
    const int half = FERRY_KEY_RS_BYTES / 2;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n);
    const bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, half) == half &&
                    BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + half, half) == half;
    ECDSA_SIG_free(sig);
    return ok;
}

static ferry_err sign(struct ferry_identity *id, const uint8_t der[FERRY_KEY_DER_BYTES],
                      const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    uint8_t sig[SIGNATURE_MOST];
    size_t n_sig = sizeof sig;
    const uint8_t *at = der;
    (void)id;
    EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, FERRY_KEY_DER_BYTES);
    EVP_PKEY_CTX *ctx = key ? EVP_PKEY_CTX_new(key, NULL) : NULL;
    const bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 &&
                    EVP_PKEY_sign(ctx, sig, &n_sig, digest, 32) == 1 && split(sig, n_sig, rs);
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(key);
    return ok ? FERRY_OK : FERRY_ERR_KEY;
}

void ferry_key_openssl_init(struct ferry_identity *id)
{
    static const struct ferry_identity_ops ops = {make, sign};
    id->ops = &ops;
}
