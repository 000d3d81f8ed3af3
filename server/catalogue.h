/* server/catalogue.h - what may become a release: one application image, read and judged at the
 * door, so that no device downloads what it would refuse. Used by `ferryd release add` and by the
 * admin API; rests on the core's image reader and on host/merged.h. Its rows: store_release.h. */
#ifndef SERVER_CATALOGUE_H
#define SERVER_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store_release.h"

#define CATALOGUE_MOST_BYTES (16u << 20) // of an image: the largest that a slot is mapped from
#define CATALOGUE_WHY_BYTES  512u

/** Reads an image and fills in what it says of itself: hashes, length, project, version, chip,
 * secure version, and whose signatures hold. The row's other fields are left alone.
 * False: why says what it is instead, as a sentence without full stop. */
bool catalogue_read(const uint8_t *bytes, size_t n, struct release *out,
                    char why[CATALOGUE_WHY_BYTES]);

/** What came of an attempt to add a release. */
enum catalogue_result {
    CATALOGUE_ADDED,
    CATALOGUE_KNOWN,   // the same bytes are there already, and in this channel
    CATALOGUE_REFUSED, // why says it
    CATALOGUE_LATER    // the database is away
};

/** Whether catalogue_add would take it, before its blob is kept: CATALOGUE_ADDED, _REFUSED, _LATER.
 */
enum catalogue_result catalogue_check(struct db *db, struct release *release, const char *channel,
                                      char why[CATALOGUE_WHY_BYTES]);

/** Adds the release, whose blob stands already, to a channel: in one transaction its row (with the
 * next serial number), the offer, and the audit entry. Refuses a channel that there is not, a
 * version that the catalogue has with other bytes, an image without the signature that the channel
 * demands, and one that is larger than the smallest slot known for its hardware. A known release
 * keeps its serial, and becomes public if it is to be. release->added: now. actor: as audit_add's.
 */
enum catalogue_result catalogue_add(struct db *db, struct release *release, const char *channel,
                                    const char *actor, char why[CATALOGUE_WHY_BYTES]);

#endif
