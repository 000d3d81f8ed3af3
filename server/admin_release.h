/* server/admin_release.h - firmware into the catalogue and out of the channels. A release is named
 * as people do: by its serial number, or by at least 8 digits of its SHA-256. */
#ifndef SERVER_ADMIN_RELEASE_H
#define SERVER_ADMIN_RELEASE_H

#include "admin.h"
#include "store_release.h"

/** A file that is to become a release. */
struct release_file {
    const uint8_t *bytes;
    size_t n_bytes;
    const char *upload;  // its name in blobs/, if it came there; NULL: it lies elsewhere
    const char *channel; // in which it is to be offered
    bool is_public;
};

/** Reads and judges the file, puts its bytes into blobs/ (an upload is renamed, not copied) and
 * adds it. *is_known: the channel offered these very bytes already.
 * ADMIN_REFUSED, and nothing is kept: what catalogue.h refuses. */
enum admin_code admin_release_add(struct admin *a, int blobs_fd, const struct release_file *file,
                                  struct release *out, bool *is_known);

/** ADMIN_NOT_FOUND also if a name stands for several. */
enum admin_code admin_release_find(struct admin *a, const char *name, struct release *out);

/** Withdraws it from a channel, from all if channel is "". ADMIN_NOT_FOUND: it is not offered
 * there. *n_channels: from how many. */
enum admin_code admin_release_withdraw(struct admin *a, const char *name, const char *channel,
                                       struct release *out, int64_t *n_channels);

/** Lets anybody have it, or ends that. */
enum admin_code admin_release_publish(struct admin *a, const char *name, bool is_public,
                                      struct release *out);

/** Adds what the row says to a JSON object. */
void release_json(cJSON *to, const struct release *r);

#endif
