/* server/store_operator.c - one statement each. */
#include "store_operator.h"

#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "store_token.h"

enum db_result operator_add(struct db *db, const char *name, const char *token_text, int64_t now)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(token_text, sha256))
        return DB_FAILED;
    const struct db_value values[] = {db_text(name), db_text(sha256), db_int(now)};
    return db_run(db, "INSERT INTO operator (name, token_sha256, created) VALUES ($1, $2, $3)",
                  values, 3);
}

struct operator_row {
    char name[HTTP_ID_BYTES], token_sha256[CA_HEX_BYTES];
};

static void read_row(struct db *db, void *out)
{
    struct operator_row *const row = out;
    snprintf(row->name, sizeof(row->name), "%s", db_get_text(db, 0));
    snprintf(row->token_sha256, sizeof(row->token_sha256), "%s", db_get_text(db, 1));
}

enum db_result operator_find(struct db *db, const char *token_text, char name[HTTP_ID_BYTES])
{
    char sha256[CA_HEX_BYTES];
    struct operator_row row;
    if (!token_hash(token_text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256)};
    const enum db_result result =
        db_find(db, "SELECT name, token_sha256 FROM operator WHERE token_sha256 = $1", values, 1,
                read_row, &row);
    // As with tokens: the index found it, a comparison that takes the same time decides.
    if (result != DB_ROW || gnutls_memcmp(row.token_sha256, sha256, CA_HEX_BYTES) != 0)
        return result == DB_ROW ? DB_OK : result;
    memcpy(name, row.name, HTTP_ID_BYTES);
    return DB_ROW;
}

enum db_result operator_remove(struct db *db, const char *name)
{
    const struct db_value values[] = {db_text(name)};
    const enum db_result result = db_run(db, "DELETE FROM operator WHERE name = $1", values, 1);
    return result == DB_OK && db_changed(db) ? DB_ROW : result;
}

enum db_result operator_list(struct db *db,
                             void (*each)(void *ctx, const char *name, int64_t created), void *ctx)
{
    enum db_result result =
        db_query(db, "SELECT name, created FROM operator ORDER BY name", NULL, 0);
    while (db_each(db, &result))
        each(ctx, db_get_text(db, 0), db_get_int(db, 1));
    return result;
}
