/* crypto/openssl_xts.c - the cipher of ferry/crypto_xts.h by OpenSSL's AES-256-XTS.
 * Two contexts stay keyed, one for each direction, so that an entry costs no key schedule.
 * OpenSSL refuses two equal key halves only for encryption; here they are refused at once, so that
 * nobody reads a store that could never be written again. */
#include "ferry/crypto_xts.h"

#include <stdbool.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define HALF_BYTES  (FERRY_XTS_KEY_BYTES / 2)
#define TWEAK_BYTES 16u

struct ciphers {
    EVP_CIPHER_CTX *encrypt, *decrypt;
};

static ferry_err run(EVP_CIPHER_CTX *c, uint32_t off_bytes, uint8_t unit[FERRY_XTS_UNIT_BYTES])
{
    uint8_t tweak[TWEAK_BYTES] = {0};
    int n = 0;
    for (unsigned i = 0; i < 4; i++)
        tweak[i] = (uint8_t)(off_bytes >> 8 * i);
    const bool done = EVP_CipherInit_ex(c, NULL, NULL, NULL, tweak, -1) == 1 &&
                      EVP_CipherUpdate(c, unit, &n, unit, (int)FERRY_XTS_UNIT_BYTES) == 1 &&
                      n == (int)FERRY_XTS_UNIT_BYTES;
    return done ? FERRY_OK : FERRY_ERR_NVS_CRYPT;
}

static ferry_err encrypt(const struct ferry_xts *x, uint32_t off_bytes,
                         uint8_t unit[FERRY_XTS_UNIT_BYTES])
{
    const struct ciphers *both = x->ctx;
    return run(both->encrypt, off_bytes, unit);
}

static ferry_err decrypt(const struct ferry_xts *x, uint32_t off_bytes,
                         uint8_t unit[FERRY_XTS_UNIT_BYTES])
{
    const struct ciphers *both = x->ctx;
    return run(both->decrypt, off_bytes, unit);
}

static EVP_CIPHER_CTX *keyed(const uint8_t key[FERRY_XTS_KEY_BYTES], int is_encrypt)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    if (c && EVP_CipherInit_ex(c, EVP_aes_256_xts(), NULL, key, NULL, is_encrypt) != 1) {
        EVP_CIPHER_CTX_free(c);
        c = NULL;
    }
    return c;
}

ferry_err ferry_xts_open(struct ferry_xts *x, const uint8_t key[FERRY_XTS_KEY_BYTES])
{
    static const struct ferry_xts_ops ops = {encrypt, decrypt};
    *x = (struct ferry_xts){0};
    if (CRYPTO_memcmp(key, key + HALF_BYTES, HALF_BYTES) == 0)
        return FERRY_ERR_NVS_CRYPT;
    struct ciphers *both = OPENSSL_zalloc(sizeof(*both));
    if (!both)
        return FERRY_ERR_NO_MEMORY;
    *x = (struct ferry_xts){&ops, both};
    both->encrypt = keyed(key, 1);
    both->decrypt = keyed(key, 0);
    if (both->encrypt && both->decrypt)
        return FERRY_OK;
    ferry_xts_close(x);
    return FERRY_ERR_NVS_CRYPT;
}

void ferry_xts_close(struct ferry_xts *x)
{
    struct ciphers *both = x->ctx;
    if (both) {
        EVP_CIPHER_CTX_free(both->encrypt); // wipes the key
        EVP_CIPHER_CTX_free(both->decrypt);
        OPENSSL_free(both);
    }
    *x = (struct ferry_xts){0};
}
