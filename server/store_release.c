/* server/store_release.c - one statement each. */
#include "store_release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"
#include "store_channel.h"

#define COLUMNS                                                                                    \
    "r.sha256, r.serial, r.project, r.version, r.chip, r.secure_version, r.length, r.crc32, "      \
    "r.keys, r.is_public, r.added"

#define KEY_CHARS  (RELEASE_HEX_BYTES - 1)
#define NAME_LEAST 8u // digits of a SHA-256; fewer are a serial number

/** Keys stand in one column, one after the other. */
static void split_keys(const char *text, struct release *out)
{
    for (out->n_keys = 0; out->n_keys < FERRY_SIGNATURE_BLOCKS && strlen(text) >= KEY_CHARS;
         text += KEY_CHARS)
        snprintf(out->keys[out->n_keys++], RELEASE_HEX_BYTES, "%.*s", (int)KEY_CHARS, text);
}

static void read_row(struct db *db, void *row)
{
    struct release *const out = row;
    *out = (struct release){.serial = db_get_int(db, 1),
                            .secure_version = db_get_int(db, 5),
                            .length = db_get_int(db, 6),
                            .crc32 = (uint32_t)db_get_int(db, 7),
                            .is_public = db_get_int(db, 9) != 0,
                            .added = db_get_int(db, 10)};
    snprintf(out->sha256, sizeof(out->sha256), "%s", db_get_text(db, 0));
    snprintf(out->project, sizeof(out->project), "%s", db_get_text(db, 2));
    snprintf(out->version, sizeof(out->version), "%s", db_get_text(db, 3));
    snprintf(out->chip, sizeof(out->chip), "%s", db_get_text(db, 4));
    split_keys(db_get_text(db, 8), out);
}

enum db_result release_find(struct db *db, const char *sha256, struct release *out)
{
    const struct db_value values[] = {db_text(sha256)};
    return db_find(db, "SELECT " COLUMNS " FROM release r WHERE r.sha256 = $1", values, 1, read_row,
                   out);
}

enum db_result release_find_version(struct db *db, const char *project, const char *chip,
                                    const char *version, struct release *out)
{
    const struct db_value values[] = {db_text(project), db_text(chip), db_text(version)};
    return db_find(db,
                   "SELECT " COLUMNS " FROM release r"
                   " WHERE r.project = $1 AND r.chip = $2 AND r.version = $3",
                   values, 3, read_row, out);
}

bool release_name_is_fine(const char *name)
{
    const size_t n = strlen(name);
    return (n > 0 && n < NAME_LEAST && strspn(name, "0123456789") == n) ||
           (n >= NAME_LEAST && n <= KEY_CHARS && hex_is(name, n));
}

enum db_result release_named(struct db *db, const char *name, struct release *out)
{
    if (strlen(name) < NAME_LEAST) {
        const struct db_value serial[] = {db_int(strtoll(name, NULL, 10))};
        return db_find(db, "SELECT " COLUMNS " FROM release r WHERE r.serial = $1", serial, 1,
                       read_row, out);
    }
    char pattern[RELEASE_HEX_BYTES + 1];
    int64_t n = 0;
    snprintf(pattern, sizeof(pattern), "%.64s%%", name); // hex digits alone: no wildcard in it
    const struct db_value like[] = {db_text(pattern)};
    const enum db_result result =
        db_number(db, &n, "SELECT COUNT(*) FROM release WHERE sha256 LIKE $1", like, 1);
    if (result != DB_OK || n != 1)
        return result;
    return db_find(db, "SELECT " COLUMNS " FROM release r WHERE r.sha256 LIKE $1", like, 1,
                   read_row, out);
}

enum db_result release_for_device(struct db *db, const char *device, const char *project,
                                  const char *chip, int64_t slot_bytes, struct release *out)
{
    const struct db_value values[] = {db_text(device), db_text(project), db_text(chip),
                                      db_int(slot_bytes), db_text(CHANNEL_DEFAULT)};
    return db_find(db,
                   "SELECT " COLUMNS " FROM device d LEFT JOIN follower f ON f.fleet = d.fleet"
                   " JOIN offer o ON o.channel = COALESCE(f.channel, $5) AND o.withdrawn = 0"
                   " JOIN release r ON r.sha256 = o.sha256"
                   " WHERE d.id = $1 AND r.project = $2 AND r.chip = $3"
                   " AND ($4 = 0 OR r.length <= $4)"
                   " ORDER BY r.serial DESC LIMIT 1",
                   values, 5, read_row, out);
}

enum db_result release_newest_public(struct db *db, const char *channel, struct release *out)
{
    const struct db_value values[] = {db_text(channel)};
    return db_find(db,
                   "SELECT " COLUMNS " FROM release r JOIN offer o ON o.sha256 = r.sha256"
                   " WHERE o.channel = $1 AND o.withdrawn = 0 AND r.is_public <> 0"
                   " ORDER BY r.serial DESC LIMIT 1",
                   values, 1, read_row, out);
}

enum db_result release_add(struct db *db, struct release *release)
{
    char keys[FERRY_SIGNATURE_BLOCKS * KEY_CHARS + 1] = "";
    for (unsigned i = 0; i < release->n_keys; i++)
        snprintf(keys + i * KEY_CHARS, sizeof(keys) - i * KEY_CHARS, "%s", release->keys[i]);
    int64_t serial = 0;
    enum db_result result =
        db_number(db, &serial, "SELECT COALESCE(MAX(serial), 0) FROM release", NULL, 0);
    if (result != DB_OK)
        return result;
    release->serial = serial + 1;
    const struct db_value values[] = {db_text(release->sha256),
                                      db_int(release->serial),
                                      db_text(release->project),
                                      db_text(release->version),
                                      db_text(release->chip),
                                      db_int(release->secure_version),
                                      db_int(release->length),
                                      db_int(release->crc32),
                                      db_text(keys),
                                      db_int(release->is_public ? 1 : 0),
                                      db_int(release->added)};
    return db_run(db,
                  "INSERT INTO release (sha256, serial, project, version, chip, secure_version,"
                  " length, crc32, keys, is_public, added)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                  values, 11);
}

enum db_result release_set_public(struct db *db, const char *sha256, bool is_public)
{
    const struct db_value values[] = {db_text(sha256), db_int(is_public ? 1 : 0)};
    return db_run(db, "UPDATE release SET is_public = $2 WHERE sha256 = $1", values, 2);
}

enum db_result release_list(struct db *db, const char *project,
                            void (*each)(void *ctx, const struct release *release), void *ctx)
{
    struct release release;
    const struct db_value values[] = {db_text(project)};
    enum db_result result =
        db_query(db,
                 "SELECT " COLUMNS " FROM release r WHERE $1 = '' OR r.project = $1"
                 " ORDER BY r.serial DESC",
                 values, 1);
    while (db_each(db, &result)) {
        read_row(db, &release);
        each(ctx, &release);
    }
    return result;
}
