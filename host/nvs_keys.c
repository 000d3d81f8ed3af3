/* host/nvs_keys.c - key files; random numbers and HMAC by OpenSSL. */
#include "nvs_keys.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "ferry/bytes.h"
#include "ferry/nvs_page.h"

#define HALF_BYTES (FERRY_XTS_KEY_BYTES / 2)
#define SEED_BYTES 32u

/* What the chip hashes for each of the two keys: one word, eight times over. */
#define DATA_SEED  0xaebe5a5au
#define TWEAK_SEED 0xcedea5a5u

void ferry_nvs_keys_encode(const uint8_t key[FERRY_XTS_KEY_BYTES],
                           uint8_t file[FERRY_NVS_KEY_FILE_BYTES])
{
    memset(file, 0xff, FERRY_NVS_KEY_FILE_BYTES);
    memcpy(file, key, FERRY_XTS_KEY_BYTES);
    ferry_put_le32(file + FERRY_XTS_KEY_BYTES, ferry_nvs_value_crc(key, FERRY_XTS_KEY_BYTES));
}

static bool is_blank(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

ferry_err ferry_nvs_keys_decode(const uint8_t *file, size_t n, uint8_t key[FERRY_XTS_KEY_BYTES],
                                const char **why)
{
    if (n < FERRY_NVS_KEY_HEAD_BYTES)
        *why = "it is shorter than 68 bytes";
    else if (is_blank(file, FERRY_NVS_KEY_HEAD_BYTES))
        *why = "it is blank";
    else if (ferry_le32(file + FERRY_XTS_KEY_BYTES) !=
             ferry_nvs_value_crc(file, FERRY_XTS_KEY_BYTES))
        *why = "the keys do not match their CRC";
    else if (!CRYPTO_memcmp(file, file + HALF_BYTES, HALF_BYTES))
        *why = "the two keys are equal, which XTS forbids";
    else {
        memcpy(key, file, FERRY_XTS_KEY_BYTES);
        return FERRY_OK;
    }
    return FERRY_ERR_KEY;
}

ferry_err ferry_nvs_keys_random(uint8_t *key, size_t n)
{
    return RAND_priv_bytes(key, (int)n) == 1 ? FERRY_OK : FERRY_ERR_KEY;
}

static bool derive(const uint8_t *hmac_key, size_t n, uint32_t word, uint8_t out[HALF_BYTES])
{
    uint8_t seed[SEED_BYTES];
    unsigned n_out = 0;
    for (unsigned i = 0; i < SEED_BYTES; i += 4)
        ferry_put_le32(seed + i, word);
    return HMAC(EVP_sha256(), hmac_key, (int)n, seed, sizeof(seed), out, &n_out) &&
           n_out == HALF_BYTES;
}

ferry_err ferry_nvs_keys_from_hmac(const uint8_t *hmac_key, size_t n,
                                   uint8_t key[FERRY_XTS_KEY_BYTES])
{
    return derive(hmac_key, n, DATA_SEED, key) && derive(hmac_key, n, TWEAK_SEED, key + HALF_BYTES)
               ? FERRY_OK
               : FERRY_ERR_KEY;
}
