/* server/store_channel.c - one statement each. */
#include "store_channel.h"

#include <stdio.h>

#define COLUMNS "name, key_sha256, created"

static void read_row(struct db *db, void *row)
{
    struct channel *const out = row;
    snprintf(out->name, sizeof(out->name), "%s", db_get_text(db, 0));
    snprintf(out->key_sha256, sizeof(out->key_sha256), "%s", db_get_text(db, 1));
    out->created = db_get_int(db, 2);
}

enum db_result channel_find(struct db *db, const char *name, struct channel *out)
{
    const struct db_value values[] = {db_text(name)};
    return db_find(db, "SELECT " COLUMNS " FROM channel WHERE name = $1", values, 1, read_row, out);
}

enum db_result channel_add(struct db *db, const struct channel *channel)
{
    const struct db_value values[] = {db_text(channel->name), db_text(channel->key_sha256),
                                      db_int(channel->created)};
    return db_run(db, "INSERT INTO channel (" COLUMNS ") VALUES ($1, $2, $3)", values, 3);
}

enum db_result channel_set_key(struct db *db, const char *name, const char *key_sha256)
{
    const struct db_value values[] = {db_text(name), db_text(key_sha256)};
    return db_run(db, "UPDATE channel SET key_sha256 = $2 WHERE name = $1", values, 2);
}

enum db_result channel_list(struct db *db, void (*each)(void *ctx, const struct channel *channel),
                            void *ctx)
{
    struct channel channel;
    enum db_result result = db_query(db, "SELECT " COLUMNS " FROM channel ORDER BY name", NULL, 0);
    while (db_each(db, &result)) {
        read_row(db, &channel);
        each(ctx, &channel);
    }
    return result;
}

enum db_result channel_offers(struct db *db, const char *name, const char *sha256, bool *yes)
{
    int64_t n = 0;
    const struct db_value values[] = {db_text(name), db_text(sha256)};
    const enum db_result result = db_number(
        db, &n, "SELECT COUNT(*) FROM offer WHERE channel = $1 AND sha256 = $2 AND withdrawn = 0",
        values, 2);
    *yes = n > 0;
    return result;
}

enum db_result channel_offer(struct db *db, const char *name, const char *sha256, int64_t now)
{
    const struct db_value values[] = {db_text(name), db_text(sha256), db_int(now)};
    return db_run(db,
                  "INSERT INTO offer (channel, sha256, since, withdrawn) VALUES ($1, $2, $3, 0)"
                  " ON CONFLICT (channel, sha256) DO UPDATE SET since = $3, withdrawn = 0",
                  values, 3);
}

enum db_result channel_withdraw(struct db *db, const char *name, const char *sha256, int64_t now)
{
    const struct db_value values[] = {db_text(name), db_text(sha256), db_int(now)};
    return db_run(db,
                  "UPDATE offer SET withdrawn = $3"
                  " WHERE sha256 = $2 AND withdrawn = 0 AND ($1 = '' OR channel = $1)",
                  values, 3);
}

enum db_result channel_list_offers(struct db *db, const char *sha256,
                                   void (*each)(void *ctx, const char *channel), void *ctx)
{
    const struct db_value values[] = {db_text(sha256)};
    enum db_result result = db_query(
        db, "SELECT channel FROM offer WHERE sha256 = $1 AND withdrawn = 0 ORDER BY channel",
        values, 1);
    while (db_each(db, &result))
        each(ctx, db_get_text(db, 0));
    return result;
}

enum db_result channel_of_fleet(struct db *db, const char *fleet, char out[HTTP_ID_BYTES])
{
    const struct db_value values[] = {db_text(fleet)};
    snprintf(out, HTTP_ID_BYTES, "%s", CHANNEL_DEFAULT);
    const enum db_result result =
        db_word(db, out, HTTP_ID_BYTES, "SELECT channel FROM follower WHERE fleet = $1", values, 1);
    return result == DB_ROW ? DB_OK : result;
}

enum db_result channel_follow(struct db *db, const char *fleet, const char *name)
{
    const struct db_value values[] = {db_text(fleet), db_text(name)};
    return db_run(db,
                  "INSERT INTO follower (fleet, channel) VALUES ($1, $2)"
                  " ON CONFLICT (fleet) DO UPDATE SET channel = $2",
                  values, 2);
}
