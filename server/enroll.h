/* server/enroll.h - who gets a certificate: the rules, in one transaction each.
 * Both doors to the authority (enroll_api.c in PEM, est.c in PKCS#7) come in here. What a device
 * may repeat gives it the same certificate again, so a lost answer costs nothing. A certificate is
 * recorded, on disk, before it is told. The rules in words: docs/design/server.md "Enrolment". */
#ifndef SERVER_ENROLL_H
#define SERVER_ENROLL_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "db.h"
#include "http_route.h"
#include "signing_request.h"
#include "strbuf.h"

enum enroll_result {
    ENROLL_FAILED = 0,     // the authority or the database, for good; why says it
    ENROLL_LATER,          // the database is away; nothing was done, or nothing is known of it
    ENROLL_TOKEN_UNKNOWN,  // or expired, used up, revoked: a stranger is not told which
    ENROLL_RELEASE_NEEDED, // the id has another key, and no operator has released it
    ENROLL_REVOKED,        // the device, or the certificate
    ENROLL_EXPIRED,        // the certificate, for longer than may be
    ENROLL_KEY_TAKEN,      // the key is another device's
    ENROLL_RATE,           // the authority has signed as much as it may for now
    ENROLL_DONE = 0x1e77e4
};

/** What the settings say. */
struct enroll_terms {
    int64_t now; // Unix seconds
    uint32_t certificate_days, renew_expired_days;
    /** Asked before each signature, when all else has said yes: a stranger must not use up what the
     * authority may sign. False: not now, but in *wait_s seconds. NULL: always. */
    bool (*may_sign)(void *ctx, unsigned *wait_s);
    void *ctx;
};

/** What came of it. */
struct enroll_answer {
    enum enroll_result result;
    bool is_repeated; // it had been issued before
    char device[HTTP_ID_BYTES];
    char issuer_sha256[CA_HEX_BYTES];
    struct ferry_strbuf pem; // the leaf's; freed by the caller, also after a refusal
    unsigned wait_s;         // of ENROLL_RATE
    char why[CA_WHY_BYTES];  // a sentence without full stop, for any other result than DONE
};

/** For a token as its device sent it. */
void enroll_by_token(struct db *db, struct ca *ca, const struct enroll_terms *terms,
                     const char *token, const struct csr *csr, struct enroll_answer *out);

/** For the holder of the certificate whose DER has this SHA-256, in hex: a successor, also for a
 * new key. The holder has proved to have its key, and the authority's signature was verified. */
void enroll_renew(struct db *db, struct ca *ca, const struct enroll_terms *terms,
                  const char *cert_sha256, const struct csr *csr, struct enroll_answer *out);

#endif
