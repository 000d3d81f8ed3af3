/* server/store_device.c - one statement each. */
#include "store_device.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

#define COLUMNS "id, fleet, key_sha256, created, released, revoked"

bool device_name_is_fine(const char *name)
{
    static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const size_t n = strlen(name);
    if (n < 1 || n >= HTTP_ID_BYTES || !strchr(first, name[0]))
        return false;
    for (size_t i = 1; i < n; i++)
        if (!strchr(first, name[i]) && !strchr("._-:", name[i]))
            return false;
    return true;
}

bool device_new_id(char out[HTTP_ID_BYTES])
{
    uint8_t random[8];
    char digits[2 * sizeof(random) + 1];
    if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) != 0)
        return false;
    hex_write(random, sizeof(random), digits);
    snprintf(out, HTTP_ID_BYTES, "dev-%s", digits);
    return true;
}

void device_read(struct db *db, unsigned at, struct device *out)
{
    snprintf(out->id, sizeof(out->id), "%s", db_get_text(db, at));
    snprintf(out->fleet, sizeof(out->fleet), "%s", db_get_text(db, at + 1));
    snprintf(out->key_sha256, sizeof(out->key_sha256), "%s", db_get_text(db, at + 2));
    out->created = db_get_int(db, at + 3);
    out->released = db_get_int(db, at + 4);
    out->revoked = db_get_int(db, at + 5);
}

static void read_row(struct db *db, void *out)
{
    device_read(db, 0, out);
}

static enum db_result find(struct db *db, const char *sql, const char *what, struct device *out)
{
    const struct db_value values[] = {db_text(what)};
    return db_find(db, sql, values, 1, read_row, out);
}

enum db_result device_find(struct db *db, const char *id, struct device *out)
{
    return find(db, "SELECT " COLUMNS " FROM device WHERE id = $1", id, out);
}

enum db_result device_find_by_key(struct db *db, const char *key_sha256, struct device *out)
{
    return find(db, "SELECT " COLUMNS " FROM device WHERE key_sha256 = $1 ORDER BY id LIMIT 1",
                key_sha256, out);
}

enum db_result device_add(struct db *db, const struct device *device)
{
    const struct db_value values[] = {db_text(device->id),         db_text(device->fleet),
                                      db_text(device->key_sha256), db_int(device->created),
                                      db_int(device->released),    db_int(device->revoked)};
    return db_run(db, "INSERT INTO device (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6)", values,
                  6);
}

enum db_result device_set_key(struct db *db, const char *id, const char *key_sha256,
                              bool ends_release)
{
    const struct db_value values[] = {db_text(id), db_text(key_sha256)};
    return db_run(db,
                  ends_release ? "UPDATE device SET key_sha256 = $2, released = 0 WHERE id = $1"
                               : "UPDATE device SET key_sha256 = $2 WHERE id = $1",
                  values, 2);
}

enum db_result device_set_state(struct db *db, const char *id, int64_t released, int64_t revoked)
{
    const struct db_value values[] = {db_text(id), db_int(released), db_int(revoked)};
    return db_run(db, "UPDATE device SET released = $2, revoked = $3 WHERE id = $1", values, 3);
}

enum db_result device_remove(struct db *db, const char *id)
{
    const struct db_value values[] = {db_text(id)};
    return db_run(db, "DELETE FROM device WHERE id = $1", values, 1);
}
