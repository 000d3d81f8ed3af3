/* agent/credentials.h - what a device has of its server: address, whom to trust, token or
 * certificate, key. Kept in the store; loaded once, and written as each part becomes known, so that
 * a power cut during enrolment costs one request at most: the key stands before it is certified,
 * and the token goes last. */
#ifndef FERRY_CREDENTIALS_H
#define FERRY_CREDENTIALS_H

#include <stdbool.h>

#include "agent/identity.h"
#include "agent/join.h"
#include "agent/store.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_CERTS_BYTES 3072u // most PEM of a leaf with its issuer, or of trusted roots

/** About 7 KB. Texts that are not known are "". Holds secrets. */
struct ferry_credentials {
    struct ferry_join join;
    bool has_key;
    uint8_t key[FERRY_KEY_DER_BYTES];
    char cert[FERRY_CERTS_BYTES]; // leaf, then issuer
    char ca[FERRY_CERTS_BYTES];   // trusted roots
};

/** Fills *c from the store; what is missing is empty. Errors of the store alone. */
FERRY_MUST_CHECK ferry_err ferry_credentials_load(struct ferry_credentials *c,
                                                  struct ferry_store *s);

/** Writes what a join string says, for a device that is to enrol. A certificate of another root's
 * server is forgotten with its roots; the key stays, so that the same server knows the device.
 * Errors of the store. */
FERRY_MUST_CHECK ferry_err ferry_credentials_join(struct ferry_credentials *c,
                                                  struct ferry_store *s,
                                                  const struct ferry_join *join);

/** Writes a certificate chain or roots, PEM; key is "cert" or "ca". */
FERRY_MUST_CHECK ferry_err ferry_credentials_keep(struct ferry_store *s, const char *key,
                                                  const char *pem);

#ifdef __cplusplus
}
#endif
#endif
