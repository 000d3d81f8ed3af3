/* server/admin_device.h - what an operator decides about one device, and devices as JSON.
 * A running server sees a decision at the device's next request. */
#ifndef SERVER_ADMIN_DEVICE_H
#define SERVER_ADMIN_DEVICE_H

#include "admin.h"
#include "store_certificate.h"
#include "store_device.h"
#include "store_report.h"

enum device_decision {
    DEVICE_RELEASE, // another key may enrol, once
    DEVICE_REVOKE,  // nothing of it counts any more
    DEVICE_RESTORE, // it may enrol again
    DEVICE_REMOVE   // it is forgotten
};

/** Carries a decision out. ADMIN_NOT_FOUND: there is no such device. */
enum admin_code admin_device_decide(struct admin *a, const char *id, enum device_decision what);

/** Reads a device. ADMIN_NOT_FOUND as above. */
enum admin_code admin_device_find(struct admin *a, const char *id, struct device *out);

/** What has happened to it, in a word: new, enrolled, released, revoked. */
const char *device_word(const struct device *d);

/** Whether a certificate counts, in a word: good, expired, revoked. */
const char *certificate_word(const struct certificate *c, int64_t now);

/** Rows as JSON; the caller's. */
cJSON *device_json(const struct device *d);
cJSON *certificate_json(const struct certificate *c, int64_t now);
cJSON *report_json(const struct report *r); // the last word
cJSON *event_json(const struct report *e);  // one of its history

#endif
