/* server/store_report.h - what devices said of themselves: the last word of each, and its history.
 * Written by device_api.c, read by pages and by the catalogue. What a device says is a claim: it is
 * shown, counted and compared, and nothing is allowed because of it. */
#ifndef SERVER_STORE_REPORT_H
#define SERVER_STORE_REPORT_H

#include <stdint.h>

#include "db.h"
#include "http_route.h"
#include "store_release.h"

#define REPORT_TEXT_BYTES 129u // the longest string that a report may carry, with NUL
#define REPORT_HISTORY    50   // entries kept of a device

struct report {
    char device[HTTP_ID_BYTES];
    char state[33]; // one of the words of docs/design/server.md "What devices ask"
    char version[REPORT_TEXT_BYTES], project[REPORT_TEXT_BYTES], chip[REPORT_TEXT_BYTES];
    char reason[REPORT_TEXT_BYTES];
    char sha256[RELEASE_HEX_BYTES];           // of what runs or is being installed; "" not said
    int64_t serial, slot_bytes, wear_percent; // 0: not said
    int64_t at;                               // when the state began; Unix seconds
    int64_t seen;                             // the device's last request of any kind
    // What it fetches at present, as the server sees it; not the device's word. "" nothing.
    char coming[RELEASE_HEX_BYTES], coming_version[REPORT_TEXT_BYTES];
};

/** The state as an operator is told it: "downloading" also while it only fetches. */
const char *report_state(const struct report *r);

/** Keeps a report, which ends what was coming: the device's last word, and an entry of its history
 * if state, version or reason differ from the last; older than REPORT_HISTORY entries are dropped.
 * Inside db_transaction. */
enum db_result report_keep(struct db *db, const struct report *report);

/** What a SELECT over device_state s names for report_read, and what it joins for that. */
#define REPORT_COLUMNS                                                                             \
    "s.device, s.state, s.version, s.project, s.chip, s.reason, s.sha256, s.serial, "              \
    "s.slot_bytes, s.wear_percent, s.began, s.seen, s.coming, r.version"
#define REPORT_COMING "LEFT JOIN release r ON r.sha256 = s.coming"

/** Takes a report from the row that a statement stands on, from column `at` on; from no row of
 * device_state, zeros. */
void report_read(struct db *db, unsigned at, struct report *out);

/** The last word of a device. DB_ROW: *out is it; DB_OK: none. */
enum db_result report_find(struct db *db, const char *device, struct report *out);

/** Notes that a device was there and asked what there is: what it was fetching is over, or begins
 * anew. Nobody was promised it. */
enum db_result report_seen(struct db *db, const char *device, int64_t now);

/** Notes that a device fetches this release; a write, for who has not noted it yet. Nobody was
 * promised it. */
enum db_result report_coming(struct db *db, const char *device, const char *sha256, int64_t now);

/** A device's history, the newest first. */
enum db_result report_history(struct db *db, const char *device,
                              void (*each)(void *ctx, const struct report *report), void *ctx);

/** A slot, and which device has it. */
struct smallest_slot {
    char device[HTTP_ID_BYTES];
    int64_t bytes;
};

/** The smallest slot that a device with this project and chip has reported, of those that are not
 * revoked. DB_ROW: *out is it; DB_OK: none has. */
enum db_result report_smallest_slot(struct db *db, const char *project, const char *chip,
                                    struct smallest_slot *out);

#endif
