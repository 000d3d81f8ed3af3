/* ferry/crypto_xts.h - the cipher of encrypted NVS: XTS-AES-256, one 32-byte entry at a time.
 * The store in ferry/nvs.h calls it through a table, so that a device without encryption links
 * none; some file under crypto/ provides ferry_xts_open(). Keys: docs/formats.md "NVS". */
#ifndef FERRY_CRYPTO_XTS_H
#define FERRY_CRYPTO_XTS_H

#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_XTS_UNIT_BYTES 32u // one NVS entry is one data unit
#define FERRY_XTS_KEY_BYTES  64u // 32 for the data, then 32 for the tweak

struct ferry_xts;

/** Both work in place on one data unit. off_bytes counts from the start of the partition and is
 * the data unit's number: 16 bytes, little-endian, the upper 12 zero.
 * FERRY_ERR_NVS_CRYPT the cipher failed; the unit's bytes are then of no use. */
struct ferry_xts_ops {
    ferry_err (*encrypt)(const struct ferry_xts *x, uint32_t off_bytes,
                         uint8_t unit[FERRY_XTS_UNIT_BYTES]);
    ferry_err (*decrypt)(const struct ferry_xts *x, uint32_t off_bytes,
                         uint8_t unit[FERRY_XTS_UNIT_BYTES]);
};

/** A cipher with its key; ctx is the provider's own. */
struct ferry_xts {
    const struct ferry_xts_ops *ops;
    void *ctx;
};

/** Readies *x with a key, borrowed for the call. May allocate; ferry_xts_close() gives back.
 * FERRY_ERR_NO_MEMORY; FERRY_ERR_NVS_CRYPT this key or cipher is refused (XTS forbids two equal
 * halves). *x is then closed. */
FERRY_MUST_CHECK ferry_err ferry_xts_open(struct ferry_xts *x,
                                          const uint8_t key[FERRY_XTS_KEY_BYTES]);

/** Wipes the key and frees; fine on a zeroed or closed *x. */
void ferry_xts_close(struct ferry_xts *x);

#ifdef __cplusplus
}
#endif
#endif
