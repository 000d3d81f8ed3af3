/* server/store_release.h - rows of releases: an image by its SHA-256, and what it said of itself.
 * A release never changes; only whether it is public does. Which devices are offered it is the
 * channels' to say (store_channel.h). The bytes lie in blobs/ under the SHA-256. */
#ifndef SERVER_STORE_RELEASE_H
#define SERVER_STORE_RELEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "ferry/signature.h"

#define RELEASE_HEX_BYTES 65u

struct release {
    char sha256[RELEASE_HEX_BYTES]; // of the whole file
    int64_t serial;                 // from 1, in the order they were added; never twice
    char project[33], version[33], chip[12];
    int64_t secure_version;
    int64_t length; // bytes of the file
    uint32_t crc32; // of the file
    unsigned n_keys;
    char keys[FERRY_SIGNATURE_BLOCKS][RELEASE_HEX_BYTES]; // whose signatures hold, as eFuses have
    bool is_public;
    int64_t added; // Unix seconds
};

/** DB_ROW: *out is it; DB_OK: there is none; else the database's. */
enum db_result release_find(struct db *db, const char *sha256, struct release *out);

/** The same by what a developer calls it. */
enum db_result release_find_version(struct db *db, const char *project, const char *chip,
                                    const char *version, struct release *out);

/** The newest release that a device should run: what its group's channel offers for this project
 * and chip and, where slot_bytes is not 0, fits. DB_OK: none. */
enum db_result release_for_device(struct db *db, const char *device, const char *project,
                                  const char *chip, int64_t slot_bytes, struct release *out);

/** The newest public release that a channel offers, whatever it is for. */
enum db_result release_newest_public(struct db *db, const char *channel, struct release *out);

/** Adds it; release->serial gets its number. Inside db_transaction only. */
enum db_result release_add(struct db *db, struct release *release);

/** The release that a person names: by its serial number, or by at least 8 digits that its SHA-256
 * begins with. DB_ROW: *out is it; DB_OK: none is, or more than one. */
enum db_result release_named(struct db *db, const char *name, struct release *out);

/** Whether a word may name a release. */
bool release_name_is_fine(const char *name);

enum db_result release_set_public(struct db *db, const char *sha256, bool is_public);

/** Calls each for every release, the newest first; "" for project: all. */
enum db_result release_list(struct db *db, const char *project,
                            void (*each)(void *ctx, const struct release *release), void *ctx);

#endif
