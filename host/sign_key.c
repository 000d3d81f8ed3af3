/* host/sign_key.c - PEM keys by OpenSSL, turned into the little-endian parts of signature blocks.
 */
#include "sign_key.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "ferry/bytes.h"
#include "ferry/signature.h"

#define RSA_BITS     3072
#define RSA_BYTES    384
#define R2_OFF       388 // 2^6144 mod modulus
#define INVERSE_OFF  772 // -1/modulus mod 2^32
#define SALT_BYTES   32
#define NUMBER_BYTES 4

static const struct curve {
    enum ferry_scheme scheme;
    const char *name, *also; // OpenSSL's, and NIST's
    uint8_t number;
    uint8_t n_coord;
} curves[] = {
    {FERRY_SCHEME_ECDSA_P192, "prime192v1", "P-192", 1, 24},
    {FERRY_SCHEME_ECDSA_P256, "prime256v1", "P-256", 2, 32},
    {FERRY_SCHEME_ECDSA_P384, "secp384r1", "P-384", 3, 48},
};

#define N_CURVES (sizeof(curves) / sizeof(curves[0]))

static const struct curve *curve_of(enum ferry_scheme scheme)
{
    for (size_t i = 0; i < N_CURVES; i++)
        if (curves[i].scheme == scheme)
            return &curves[i];
    return NULL;
}

const char *ferry_scheme_name(enum ferry_scheme scheme)
{
    switch (scheme) {
    case FERRY_SCHEME_RSA3072:
        return "RSA-3072";
    case FERRY_SCHEME_ECDSA_P192:
        return "ECDSA P-192";
    case FERRY_SCHEME_ECDSA_P256:
        return "ECDSA P-256";
    case FERRY_SCHEME_ECDSA_P384:
        return "ECDSA P-384";
    case FERRY_SCHEME_NONE:
        break;
    }
    return "unknown scheme";
}

/* A hardware multiplier works modulo n with these two numbers, which follow from n. The 32-bit
 * inverse by Newton: an odd n is its own inverse modulo 8, and each step doubles the right bits. */
static bool put_montgomery(uint8_t *part, const BIGNUM *n)
{
    BN_CTX *ctx = BN_CTX_new();
    BIGNUM *r2 = BN_new();
    const bool ok = ctx && r2 && BN_set_bit(r2, 2 * RSA_BITS) && BN_mod(r2, r2, n, ctx) &&
                    BN_bn2lebinpad(r2, part + R2_OFF, RSA_BYTES) == RSA_BYTES;
    BN_free(r2);
    BN_CTX_free(ctx);
    const uint32_t low = ferry_le32(part);
    uint32_t inverse = low;
    for (int bits = 3; bits < 32; bits *= 2)
        inverse *= 2 - low * inverse;
    ferry_put_le32(part + INVERSE_OFF, 0u - inverse);
    return ok;
}

static const char *take_rsa(struct ferry_sign_key *key)
{
    BIGNUM *n = NULL, *e = NULL;
    const char *why = "it is not RSA with 3072 bits and an exponent below 2^32";
    if (EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
        EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
        BN_num_bits(n) == RSA_BITS && BN_is_odd(n) &&
        BN_bn2lebinpad(n, key->part, RSA_BYTES) == RSA_BYTES &&
        BN_bn2lebinpad(e, key->part + RSA_BYTES, NUMBER_BYTES) == NUMBER_BYTES &&
        put_montgomery(key->part, n)) {
        key->scheme = FERRY_SCHEME_RSA3072;
        why = NULL;
    }
    BN_free(e);
    BN_free(n);
    return why;
}

static const char *take_ec(struct ferry_sign_key *key)
{
    char name[64];
    BIGNUM *x = NULL, *y = NULL;
    const char *why = "its curve is none of P-192, P-256 and P-384";
    if (EVP_PKEY_get_utf8_string_param(key->pkey, OSSL_PKEY_PARAM_GROUP_NAME, name, sizeof(name),
                                       NULL) != 1)
        return why;
    for (size_t i = 0; i < N_CURVES; i++) {
        const struct curve *c = &curves[i];
        if (strcmp(name, c->name) != 0 && strcmp(name, c->also) != 0)
            continue;
        why = "its public point cannot be read";
        if (EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
            EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1 &&
            BN_bn2lebinpad(x, key->part + 1, c->n_coord) == c->n_coord &&
            BN_bn2lebinpad(y, key->part + 1 + c->n_coord, c->n_coord) == c->n_coord) {
            key->part[0] = c->number;
            key->scheme = c->scheme;
            why = NULL;
        }
    }
    BN_free(y);
    BN_free(x);
    return why;
}

/* Without it OpenSSL would ask on the terminal. */
static int no_password(char *buf, int n_bytes, int writing, void *ctx)
{
    (void)buf, (void)n_bytes, (void)writing;
    *(bool *)ctx = true;
    return -1;
}

static const char *parse(const uint8_t *pem, size_t n_bytes, struct ferry_sign_key *key)
{
    bool encrypted = false;
    BIO *bio = n_bytes <= INT32_MAX ? BIO_new_mem_buf(pem, (int)n_bytes) : NULL;
    if (!bio)
        return "it cannot be read";
    key->pkey = PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted);
    key->is_private = key->pkey != NULL;
    if (!key->pkey && BIO_reset(bio) == 1)
        key->pkey = PEM_read_bio_PUBKEY(bio, NULL, no_password, &encrypted);
    BIO_free(bio);
    if (!key->pkey)
        return encrypted ? "it is encrypted" : "it is no key in PEM form";
    if (EVP_PKEY_is_a(key->pkey, "RSA"))
        return take_rsa(key);
    if (EVP_PKEY_is_a(key->pkey, "EC"))
        return take_ec(key);
    return "it is neither RSA nor ECDSA";
}

ferry_err ferry_sign_key_parse(const uint8_t *pem, size_t n_bytes, struct ferry_sign_key *out,
                               const char **why)
{
    memset(out, 0, sizeof(*out));
    ERR_set_mark();
    *why = parse(pem, n_bytes, out);
    ERR_pop_to_mark();
    if (!*why)
        return FERRY_OK;
    ferry_sign_key_close(out);
    return FERRY_ERR_KEY;
}

void ferry_sign_key_close(struct ferry_sign_key *key)
{
    EVP_PKEY_free(key->pkey);
    memset(key, 0, sizeof(*key));
}

void ferry_sign_key_digest(const struct ferry_sign_key *key, uint8_t out[FERRY_SHA256_BYTES])
{
    const struct curve *c = curve_of(key->scheme);
    size_t n_bytes = FERRY_KEY_PART_MOST;
    if (c) // the field of P-192 is as wide as that of P-256
        n_bytes = c->scheme == FERRY_SCHEME_ECDSA_P384 ? 97 : 65;
    const struct ferry_signature_block block = {.key = key->part, .n_key_bytes = (uint16_t)n_bytes};
    ferry_signature_key_digest(&block, out);
}

/* DER to r and s, little-endian. */
static bool put_rs(const uint8_t *der, size_t n_der, int n_coord, uint8_t *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)n_der);
    const bool ok = sig && BN_bn2lebinpad(ECDSA_SIG_get0_r(sig), out, n_coord) == n_coord &&
                    BN_bn2lebinpad(ECDSA_SIG_get0_s(sig), out + n_coord, n_coord) == n_coord;
    ECDSA_SIG_free(sig);
    return ok;
}

static bool set_pss(EVP_PKEY_CTX *ctx)
{
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, SALT_BYTES) == 1;
}

static bool sign(const struct ferry_sign_key *key, const uint8_t *digest, uint8_t *out)
{
    const struct curve *c = curve_of(key->scheme);
    const size_t n_digest =
        key->scheme == FERRY_SCHEME_ECDSA_P384 ? FERRY_SHA384_BYTES : FERRY_SHA256_BYTES;
    uint8_t buf[RSA_BYTES]; // holds the longest DER as well
    size_t n = sizeof(buf);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key->pkey, NULL);
    bool ok = ctx && EVP_PKEY_sign_init(ctx) == 1 && (c || set_pss(ctx)) &&
              EVP_PKEY_sign(ctx, buf, &n, digest, n_digest) == 1;
    EVP_PKEY_CTX_free(ctx);
    if (!ok)
        return false;
    if (c)
        return put_rs(buf, n, c->n_coord, out);
    for (size_t i = 0; i < RSA_BYTES; i++)
        out[i] = buf[RSA_BYTES - 1 - i];
    return n == RSA_BYTES;
}

ferry_err ferry_sign_key_sign(const struct ferry_sign_key *key, const uint8_t *digest,
                              uint8_t out[FERRY_SIGNATURE_MOST])
{
    memset(out, 0, FERRY_SIGNATURE_MOST);
    if (!key->is_private)
        return FERRY_ERR_KEY;
    ERR_set_mark();
    const bool ok = sign(key, digest, out);
    ERR_pop_to_mark();
    return ok ? FERRY_OK : FERRY_ERR_KEY;
}
