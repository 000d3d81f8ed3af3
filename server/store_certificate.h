/* server/store_certificate.h - rows of certificates: each one that was signed, before it is told.
 * A certificate is known by the SHA-256 of its DER. Its row says whose it is and whether it still
 * counts; the door reads it at every request, so a revocation takes effect at the next one. */
#ifndef SERVER_STORE_CERTIFICATE_H
#define SERVER_STORE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "db.h"
#include "http_route.h"

/** What a row says, joined with its device's. */
struct certificate {
    char sha256[CA_HEX_BYTES]; // of its DER
    char device[HTTP_ID_BYTES];
    char issuer_sha256[CA_HEX_BYTES]; // of the CA that signed it
    char key_sha256[CA_HEX_BYTES];    // of its public key (SubjectPublicKeyInfo)
    int64_t not_before, not_after, issued;
    bool is_revoked;           // itself, or its device
    int64_t seen;              // when the device last asked, 0 never
    char coming[CA_HEX_BYTES]; // SHA-256 of what it fetches; "" nothing
};

/** Looks a certificate up by its SHA-256. DB_ROW: *out is it; DB_OK: we never signed it; else the
 * database's. */
enum db_result certificate_find(struct db *db, const char *sha256, struct certificate *out);

/** The same by its serial number in lower-case hex: no two of ours have the same. */
enum db_result certificate_find_serial(struct db *db, const char *serial, struct certificate *out);

/** The certificate that this key was given for this token, and its PEM, which is added to *pem. */
enum db_result certificate_find_enrolled(struct db *db, const char *token_sha256,
                                         const char *key_sha256, struct certificate *out,
                                         struct ferry_strbuf *pem);

/** The newest certificate of a device with this key and issuer that was issued at `since` or
 * later and counts, and its PEM. */
enum db_result certificate_find_newest(struct db *db, const char *device, const char *key_sha256,
                                       const char *issuer_sha256, int64_t since,
                                       struct certificate *out, struct ferry_strbuf *pem);

/** Records what was signed, before anybody gets it. token_sha256: what it was enrolled with, NULL
 * for a renewal. DB_CONFLICT: this key has one for this token. */
enum db_result certificate_add(struct db *db, const char *device, const struct ca_leaf *leaf,
                               const char *key_sha256, const char *token_sha256, int64_t now);

/** Revokes all certificates of a device. */
enum db_result certificate_revoke_all(struct db *db, const char *device, int64_t now);

/** Calls each for every certificate of a device, the newest first. */
enum db_result certificate_list(struct db *db, const char *device,
                                void (*each)(void *ctx, const struct certificate *c), void *ctx);

/** How many devices have their newest certificate from this issuing CA and can still do something
 * with it: who would be locked out without that CA. since: what ran out before may not even be
 * renewed. */
enum db_result certificate_count(struct db *db, const char *issuer_sha256, int64_t since,
                                 int64_t *n);

/** True if the device should be told `Ferry-Renew: 1`: two thirds of its time are over, or another
 * CA issues by now. */
bool certificate_should_renew(const struct certificate *c, struct ca *ca, int64_t now);

/** Whether a certificate that ran out may still renew itself. */
bool certificate_may_renew(const struct certificate *c, int64_t now, int64_t expired_days);

#endif
