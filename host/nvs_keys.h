/* host/nvs_keys.h - key files of encrypted NVS: the content of an `nvs_keys` partition, as
 * Espressif's generator writes it. Facts: docs/nvs.md "Encryption". */
#ifndef FERRY_NVS_KEYS_H
#define FERRY_NVS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "ferry/crypto_xts.h"

#define FERRY_NVS_KEY_FILE_BYTES 4096u
#define FERRY_NVS_KEY_HEAD_BYTES 68u // the two keys and their CRC: what of a file matters
#define FERRY_NVS_HMAC_KEY_BYTES 32u // what the chip's eFuse block holds

/** Fills a key file: the two keys, their CRC, the rest blank. */
void ferry_nvs_keys_encode(const uint8_t key[FERRY_XTS_KEY_BYTES],
                           uint8_t file[FERRY_NVS_KEY_FILE_BYTES]);

/** Takes the keys out of the first n bytes of a key file or partition.
 * FERRY_ERR_KEY  blank, too short, a wrong CRC, or two equal halves: *why says which */
FERRY_MUST_CHECK ferry_err ferry_nvs_keys_decode(const uint8_t *file, size_t n,
                                                 uint8_t key[FERRY_XTS_KEY_BYTES],
                                                 const char **why);

/** Makes new keys from the system's random numbers. FERRY_ERR_KEY it has none. */
FERRY_MUST_CHECK ferry_err ferry_nvs_keys_random(uint8_t *key, size_t n);

/** Derives the keys as a chip does from the HMAC key in its eFuses.
 * FERRY_ERR_KEY the hash failed. */
FERRY_MUST_CHECK ferry_err ferry_nvs_keys_from_hmac(const uint8_t *hmac_key, size_t n,
                                                    uint8_t key[FERRY_XTS_KEY_BYTES]);

#endif
