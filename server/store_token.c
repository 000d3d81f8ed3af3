/* server/store_token.c - one statement each. */
#include "store_token.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

#define COLUMNS   "sha256, device, fleet, uses_most, uses_left, created, expires, revoked"
#define BASE64URL "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

bool token_new(char out[TOKEN_CHARS + 1])
{
    uint8_t random[TOKEN_CHARS];
    if (gnutls_rnd(GNUTLS_RND_KEY, random, sizeof(random)) != 0)
        return false;
    // 64 characters, so six bits of each byte: 192 in all, none more likely than another.
    for (unsigned i = 0; i < TOKEN_CHARS; i++)
        out[i] = BASE64URL[random[i] & 63];
    out[TOKEN_CHARS] = '\0';
    gnutls_memset(random, 0, sizeof(random));
    return true;
}

bool token_hash(const char *text, char sha256[CA_HEX_BYTES])
{
    if (strlen(text) != TOKEN_CHARS || strspn(text, BASE64URL) != TOKEN_CHARS)
        return false;
    hex_sha256(text, TOKEN_CHARS, sha256);
    return true;
}

void token_name(const struct token *token, char out[TOKEN_NAME_CHARS + 1])
{
    memcpy(out, token->sha256, TOKEN_NAME_CHARS);
    out[TOKEN_NAME_CHARS] = '\0';
}

static void read_row(struct db *db, void *row)
{
    struct token *const out = row;
    snprintf(out->sha256, sizeof(out->sha256), "%s", db_get_text(db, 0));
    snprintf(out->device, sizeof(out->device), "%s", db_get_text(db, 1));
    snprintf(out->fleet, sizeof(out->fleet), "%s", db_get_text(db, 2));
    out->uses_most = db_get_int(db, 3);
    out->uses_left = db_get_int(db, 4);
    out->created = db_get_int(db, 5);
    out->expires = db_get_int(db, 6);
    out->revoked = db_get_int(db, 7);
}

enum db_result token_find(struct db *db, const char sha256[CA_HEX_BYTES], struct token *out)
{
    const struct db_value values[] = {db_text(sha256)};
    const enum db_result result =
        db_find(db, "SELECT " COLUMNS " FROM token WHERE sha256 = $1", values, 1, read_row, out);
    // The index found it by the hash of a secret; the last word is a comparison that takes the same
    // time whatever it finds.
    return result == DB_ROW && gnutls_memcmp(out->sha256, sha256, CA_HEX_BYTES) != 0 ? DB_OK
                                                                                     : result;
}

enum db_result token_add(struct db *db, const struct token *token)
{
    const struct db_value values[] = {db_text(token->sha256),   db_text(token->device),
                                      db_text(token->fleet),    db_int(token->uses_most),
                                      db_int(token->uses_left), db_int(token->created),
                                      db_int(token->expires),   db_int(token->revoked)};
    return db_run(db, "INSERT INTO token (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                  values, 8);
}

enum db_result token_take_use(struct db *db, const char sha256[CA_HEX_BYTES])
{
    const struct db_value values[] = {db_text(sha256)};
    return db_run(db,
                  "UPDATE token SET uses_left = uses_left - 1 WHERE sha256 = $1 AND uses_left > 0",
                  values, 1);
}

struct revocation {
    const char *name;
    int64_t now;
    unsigned *n;
    struct token *out;
};

static enum db_result revoke(struct db *db, void *ctx)
{
    const struct revocation *r = ctx;
    char pattern[CA_HEX_BYTES + 1];
    snprintf(pattern, sizeof(pattern), "%.64s%%", r->name); // hex digits alone: no wildcard in it
    const struct db_value like[] = {db_text(pattern)};
    *r->n = 0;
    enum db_result result =
        db_query(db, "SELECT " COLUMNS " FROM token WHERE sha256 LIKE $1", like, 1);
    while (db_each(db, &result)) {
        read_row(db, r->out);
        ++*r->n;
    }
    if (result != DB_OK || *r->n != 1)
        return result;
    const struct db_value values[] = {db_text(r->out->sha256), db_int(r->now)};
    return db_run(db, "UPDATE token SET revoked = $2 WHERE sha256 = $1 AND revoked = 0", values, 2);
}

enum db_result token_revoke(struct db *db, const char *name, int64_t now, unsigned *n,
                            struct token *out)
{
    struct revocation r = {name, now, n, out};
    return db_transaction(db, revoke, &r);
}

enum db_result token_list(struct db *db, void (*each)(void *ctx, const struct token *token),
                          void *ctx)
{
    struct token token;
    enum db_result result =
        db_query(db, "SELECT " COLUMNS " FROM token ORDER BY created DESC, sha256", NULL, 0);
    while (db_each(db, &result)) {
        read_row(db, &token);
        each(ctx, &token);
    }
    return result;
}
