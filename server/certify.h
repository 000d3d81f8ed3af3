/* server/certify.h - a certificate, from a statement of what it is to say to its signature.
 * All that the authority signs is made here, so the rules stand in one place: serials of 128 random
 * bits, critical basic constraints, one purpose, names that the server chose. The rules one by one:
 * docs/design/server.md "The authority". Rests on GnuTLS. */
#ifndef SERVER_CERTIFY_H
#define SERVER_CERTIFY_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "ca.h"

#define CERTIFY_DAY_S    86400
#define CERTIFY_EARLY_S  CERTIFY_DAY_S // good from so long before now: clocks differ
#define CERTIFY_ROOT_S   (INT64_C(20) * 365 * CERTIFY_DAY_S)
#define CERTIFY_CA_S     (INT64_C(10) * 365 * CERTIFY_DAY_S)
#define CERTIFY_SERVER_S (INT64_C(2) * 365 * CERTIFY_DAY_S)

enum certify_kind {
    CERTIFY_ROOT,    // a root, or its key signed by another one
    CERTIFY_ISSUING, // a CA below which there is none
    CERTIFY_SERVER,
    CERTIFY_DEVICE
};

/** What to sign. */
struct certify {
    enum certify_kind kind;
    const char *subject;      // its common name
    const char *const *hosts; // a server's: names and addresses, ended by NULL
    gnutls_pubkey_t key;
    gnutls_x509_crt_t issuer; // NULL: it signs itself
    gnutls_privkey_t signer;  // the issuer's
    int64_t now, valid_s;     // never longer than the issuer
};

/** Signs; *out is the caller's. False: why. */
bool certify(const struct certify *c, gnutls_x509_crt_t *out, char why[CA_WHY_BYTES]);

/** Makes an EC key on P-256 and its public half; both are the caller's. */
bool certify_new_key(gnutls_privkey_t *key, gnutls_pubkey_t *half, char why[CA_WHY_BYTES]);

#endif
