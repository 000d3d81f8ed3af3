/* agent/client.h - one device's requests to its server: trust, enrolment, renewal, the question for
 * a release, reports. No policy of when; each call is one exchange or two, bounded by the
 * transport's limits and by `cancel`. The wire protocol: docs/design/server.md. */
#ifndef FERRY_CLIENT_H
#define FERRY_CLIENT_H

#include "agent/credentials.h"
#include "agent/http.h"
#include "agent/release.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_CLIENT_BODY_BYTES (FERRY_MANIFEST_BYTES + 1u) // longest answer, NUL included
#define FERRY_CLIENT_PATH_BYTES 640u

/** A client; caller-owned, about 11 KB with its body. The fields up to the blank line are the
 * caller's. */
struct ferry_client {
    struct ferry_http *http;
    struct ferry_store *store;
    struct ferry_identity *identity;
    struct ferry_credentials *credentials;
    const struct ferry_cancel *cancel;
    uint32_t connect_timeout_ms; // 0: the defaults of agent/source_http.h
    uint32_t stall_timeout_ms;

    struct ferry_http_head head;          // of the last answer
    struct ferry_fault fault;             // why the last call failed
    char detail[FERRY_HTTP_DETAIL_BYTES]; // more in words
    char url[FERRY_URL_BYTES];
    char body[FERRY_CLIENT_BODY_BYTES];
};

/** Fetches the server's roots without trusting it, and keeps the one whose DER has the pinned
 * SHA-256. FERRY_ERR_NOT_ENROLLED there is no pin; FERRY_ERR_PIN no certificate of the answer has
 * it; errors of the transport and the store. */
FERRY_MUST_CHECK ferry_err ferry_client_pin(struct ferry_client *c);

/** Enrols: makes a key where there is none, sends a request with the token, keeps the certificate
 * and the id, erases the token. Pins first where no root is kept. A key that the server knows as
 * another device's is replaced by a new one, once.
 * FERRY_ERR_NOT_ENROLLED there is no token; FERRY_ERR_RELEASE_NEEDED the server knows the id with
 * another key; FERRY_ERR_ENROL it refuses, the detail says why; FERRY_ERR_NET_PROTOCOL its answer
 * is no certificate for this key; else as ferry_client_pin, and the identity's. */
FERRY_MUST_CHECK ferry_err ferry_client_enrol(struct ferry_client *c);

/** Asks for a certificate in place of the one that grows old, with the same key, and for the roots
 * that are good by now. Errors as ferry_client_enrol. */
FERRY_MUST_CHECK ferry_err ferry_client_renew(struct ferry_client *c);

/** What a device says of itself when it asks. Texts may be "". */
struct ferry_client_question {
    const char *project;
    const char *chip;
    const struct ferry_release *installed; // NULL: nothing
    uint32_t slot_bytes;                   // of the slot that a release would go to
};

/** Asks for a release. FERRY_OK and *has_offer: false where there is nothing newer. head.poll_s and
 * head.wants_renewal are what the server adds.
 * FERRY_ERR_MANIFEST what it offers cannot be read; errors of the transport; FERRY_ERR_NET_STATUS.
 */
FERRY_MUST_CHECK ferry_err ferry_client_check(struct ferry_client *c,
                                              const struct ferry_client_question *q,
                                              struct ferry_manifest *m, bool *has_offer);

/** Sends a report, one JSON object. Errors of the transport; FERRY_ERR_NET_STATUS. */
FERRY_MUST_CHECK ferry_err ferry_client_report(struct ferry_client *c, const char *json);

#ifdef __cplusplus
}
#endif
#endif
