/* tests/support/fake_fleet.h - a server in memory behind the transport contract, so that the agent
 * can be tested with no socket: it enrols, offers, serves ranges, takes reports, and fails or lies
 * where a test says so. The real one is tested in tests/server and tests/e2e. */
#ifndef FAKE_FLEET_H
#define FAKE_FLEET_H

#include "agent/http.h"
#include "agent/identity.h"

#define FAKE_JOIN_URL "https://fleet.test"
#define FAKE_TOKEN    "0123456789abcdef0123456789abcdef"

struct fake_release {
    const uint8_t *image;
    uint32_t n;
    const char *version;
    uint32_t serial;
};

/** A server, and the transport to it. The first part is a test's to set. */
struct fake_fleet {
    struct ferry_http http;      // first
    struct fake_release offer;   // n 0: nothing
    struct fake_release also;    // served by its hash, not offered
    struct fake_release updater; // offered to who asks for project updater
    bool is_away;                // no connection
    bool is_other;               // another root than the pinned one
    bool lies_about_key;         // certifies another key
    bool lies_about_length;      // the manifest is one byte short
    bool lies_about_bytes;       // one bit of the firmware is wrong
    bool first_key_is_taken;     // the key of the first enrolment is another device's
    bool is_expired;             // nothing but a renewal is answered
    uint16_t enrol_status;       // 0: enrols
    uint16_t check_status;       // 0: answers
    uint32_t retry_after_s;      // with it
    uint32_t poll_s;
    bool wants_renewal;
    bool wants_ever_more; // no renewal is enough
    uint32_t cut_after;   // the firmware's connection ends after so many bytes; 0: never
    uint32_t n_cuts;      // ... and so often

    uint32_t n_requests, n_enrolled, n_renewed, n_checks, n_downloads, n_bytes, n_reports;
    uint32_t last_offset;      // of the last download
    bool saw_untrusted_secret; // a credential went to somebody unverified
    char last_report[1024];
    char states[512]; // of all reports, with blanks between

    /* the exchange under way */
    const uint8_t *body;
    uint32_t n_body, at, left;
    bool is_cut;
    char text[8192];

    char taken[1024]; // the request of the first enrolment
};

void fake_fleet_init(struct fake_fleet *f);

/** What a device is given to join it. */
const char *fake_fleet_join(char out[512]);

/** An identity that makes another key each time; signs with nothing. */
void fake_identity_init(struct ferry_identity *id);

#endif
