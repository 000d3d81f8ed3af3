/* server/store_fleet.h - the fleet as a page shows it: devices with what they last said, counted
 * and listed. Reads rows of other nouns (device, report, release), writes none. */
#ifndef SERVER_STORE_FLEET_H
#define SERVER_STORE_FLEET_H

#include "store_device.h"
#include "store_report.h"

/** Words beside the states of reports, for groups of them; revoked devices are in neither. */
#define FLEET_UPDATING  "updating"  // downloading, or installed and not yet confirmed
#define FLEET_ATTENTION "attention" // failed, rolled back, without rollback, waiting for a release

/** How many devices there are, and how they do. */
struct fleet_counts {
    int64_t devices, seen; // since `seen_since`
    int64_t installing;    // FLEET_UPDATING
    int64_t failed;        // FLEET_ATTENTION
    int64_t revoked;
};

enum db_result fleet_count(struct db *db, int64_t seen_since, struct fleet_counts *out);

/** Which devices a list shows. */
struct fleet_filter {
    const char *after; // ids behind this one; "" from the first
    const char *start; // ids that begin with it; "" all
    const char *fleet; // of this group; "" all
    const char *state; // in this state, FLEET_UPDATING or FLEET_ATTENTION; "" all
    unsigned most;     // that many
};

/** Calls each for every device of the filter, by id, with its last word: zeros if it said none. */
enum db_result fleet_list(struct db *db, const struct fleet_filter *filter,
                          void (*each)(void *ctx, const struct device *device,
                                       const struct report *report),
                          void *ctx);

/** How many devices say that they run a release. */
enum db_result fleet_running(struct db *db, const char *sha256, int64_t *n);

#endif
