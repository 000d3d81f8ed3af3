/* ports/esp-idf/key_psa.h - a device's own key: P-256, made, kept and used through PSA Crypto.
 * PSA holds it while it is open and gives it back on close; NVS keeps it over a reset, where flash
 * encryption or NVS encryption protects it. PSA allocates for a key, which an update never does:
 * this is for enrolment and client certificates. Nothing of it is linked unless it is called. */
#ifndef FERRY_KEY_PSA_H
#define FERRY_KEY_PSA_H

#include <psa/crypto.h>

#include "agent/csr.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An open key; caller-owned. It points into itself: open it where it stays. */
struct ferry_key_psa {
    psa_key_id_t id;                      // of a volatile key
    uint8_t point[FERRY_KEY_POINT_BYTES]; // the public half
    struct ferry_signer signer;           // signs with it: for ferry_csr_write
    psa_status_t psa_status;              // of the last failure, in PSA's numbers
};

/** Where NVS keeps a key: the label of the partition, which nvs_flash_init_partition has opened,
 * the namespace and the name, both of at most 15 characters. */
struct ferry_key_place {
    const char *partition; // NULL: the default one
    const char *space;
    const char *name;
};

/** Makes a new key from the chip's random numbers. FERRY_ERR_KEY PSA made none, k->psa_status;
 * FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_key_psa_make(struct ferry_key_psa *k);

/** Opens the key that was saved at a place. FERRY_ERR_NOT_FOUND there is none; FERRY_ERR_KEY it is
 * damaged, k->psa_status; FERRY_ERR_STATE NVS is not open; FERRY_ERR_NO_MEMORY; FERRY_ERR_NVS_DATA
 * anything else. */
FERRY_MUST_CHECK ferry_err ferry_key_psa_load(struct ferry_key_psa *k,
                                              const struct ferry_key_place *place);

/** Saves an open key, as the DER that ferry_key_psa_export writes. A cut leaves the old value or
 * the new one. FERRY_ERR_NVS_FULL no space left; else as ferry_key_psa_load. */
FERRY_MUST_CHECK ferry_err ferry_key_psa_save(struct ferry_key_psa *k,
                                              const struct ferry_key_place *place);

/** Writes the key in the form that esp_http_client takes as client key: DER, RFC 5915. The caller
 * wipes it. FERRY_ERR_KEY PSA does not give it, k->psa_status. */
FERRY_MUST_CHECK ferry_err ferry_key_psa_export(struct ferry_key_psa *k,
                                                uint8_t der[FERRY_KEY_DER_BYTES]);

/** Gives the key back to PSA, which wipes it; what NVS keeps stays. Also right after a failure. */
void ferry_key_psa_close(struct ferry_key_psa *k);

#ifdef __cplusplus
}
#endif
#endif
