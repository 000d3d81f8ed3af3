/* server/store_certificate.h - rows of certificates: each one that was signed, before it is told.
 * A certificate is known by the SHA-256 of its DER. Its row says whose it is and whether it still
 * counts; the door reads it at every request, so a revocation takes effect at the next one. */
#ifndef SERVER_STORE_CERTIFICATE_H
#define SERVER_STORE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "db.h"
#include "http.h"

/** What a row says, joined with its device's. */
struct certificate {
    char device[HTTP_ID_BYTES];
    char issuer_sha256[CA_HEX_BYTES]; // of the CA that signed it
    char key_sha256[CA_HEX_BYTES];    // of its public key (SubjectPublicKeyInfo)
    int64_t not_before, not_after, issued;
    bool is_revoked; // itself, or its device
};

/** Looks a certificate up. DB_ROW: *out is it; DB_OK: we never signed it; else the database's. */
enum db_result certificate_find(struct db *db, const uint8_t sha256[CA_SHA256_BYTES],
                                struct certificate *out);

/** True if the device should be told `Ferry-Renew: 1`: two thirds of its time are over, or another
 * CA issues by now. */
bool certificate_should_renew(const struct certificate *c, struct ca *ca, int64_t now);

/** Whether a certificate that ran out may still renew itself. */
bool certificate_may_renew(const struct certificate *c, int64_t now, int64_t expired_days);

#endif
