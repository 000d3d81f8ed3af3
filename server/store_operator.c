/* server/store_operator.c - one statement each. */
#include "store_operator.h"

#include <gnutls/gnutls.h>
#include <stdio.h>

#include "store_token.h"

enum db_result operator_add(struct db *db, const struct http_operator *who, const char *token_text,
                            int64_t now)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(token_text, sha256))
        return DB_FAILED;
    const struct db_value values[] = {db_text(who->name), db_text(sha256), db_int(now),
                                      db_int(who->is_read_only)};
    return db_run(db,
                  "INSERT INTO operator (name, token_sha256, created, is_read_only)"
                  " VALUES ($1, $2, $3, $4)",
                  values, 4);
}

void operator_read(struct db *db, void *out)
{
    struct http_operator *const who = out;
    snprintf(who->name, sizeof(who->name), "%s", db_get_text(db, 0));
    who->is_read_only = db_get_int(db, 1) != 0;
}

struct operator_row {
    struct http_operator who;
    char token_sha256[CA_HEX_BYTES];
};

static void read_row(struct db *db, void *out)
{
    struct operator_row *const row = out;
    operator_read(db, &row->who);
    snprintf(row->token_sha256, sizeof(row->token_sha256), "%s", db_get_text(db, 2));
}

enum db_result operator_find(struct db *db, const char *token_text, struct http_operator *who)
{
    char sha256[CA_HEX_BYTES];
    struct operator_row row;
    if (!token_hash(token_text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256)};
    const enum db_result result =
        db_find(db, "SELECT name, is_read_only, token_sha256 FROM operator WHERE token_sha256 = $1",
                values, 1, read_row, &row);
    // As with tokens: the index found it, a comparison that takes the same time decides.
    if (result != DB_ROW || gnutls_memcmp(row.token_sha256, sha256, CA_HEX_BYTES) != 0)
        return result == DB_ROW ? DB_OK : result;
    *who = row.who;
    return DB_ROW;
}

enum db_result operator_remove(struct db *db, const char *name)
{
    const struct db_value values[] = {db_text(name)};
    const enum db_result result = db_run(db, "DELETE FROM operator WHERE name = $1", values, 1);
    return result == DB_OK && db_changed(db) ? DB_ROW : result;
}

enum db_result
operator_list(struct db *db,
              void (*each)(void *ctx, const struct http_operator *who, int64_t created), void *ctx)
{
    struct http_operator who;
    enum db_result result =
        db_query(db, "SELECT name, is_read_only, created FROM operator ORDER BY name", NULL, 0);
    while (db_each(db, &result)) {
        operator_read(db, &who);
        each(ctx, &who, db_get_int(db, 2));
    }
    return result;
}
