/* server/store_token.h - rows of enrolment tokens: who may join, how often and until when.
 * A token is 24 random bytes in base64url; the database has its SHA-256 alone, which is enough for
 * what cannot be guessed. People name a token by the first digits of that. */
#ifndef SERVER_STORE_TOKEN_H
#define SERVER_STORE_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"
#include "db.h"
#include "http_route.h"

#define TOKEN_CHARS      32u // of a token's text
#define TOKEN_NAME_CHARS 12u // of its hash: how lists call it

struct token {
    char sha256[CA_HEX_BYTES];
    char device[HTTP_ID_BYTES]; // whose it is; "": the server gives each device its id
    char fleet[HTTP_ID_BYTES];  // the group that its devices join
    int64_t uses_most, uses_left;
    int64_t created, expires;
    int64_t revoked; // since when; 0 it counts
};

/** Makes a token's text. False: no random bytes. */
bool token_new(char out[TOKEN_CHARS + 1]);

/** Whether text may be a token at all, and its hash. */
bool token_hash(const char *text, char sha256[CA_HEX_BYTES]);

/** Writes the name that people know a token by. */
void token_name(const struct token *token, char out[TOKEN_NAME_CHARS + 1]);

/** DB_ROW: *out is it; DB_OK: there is none; else the database's. */
enum db_result token_find(struct db *db, const char sha256[CA_HEX_BYTES], struct token *out);

enum db_result token_add(struct db *db, const struct token *token);

/** Takes one use. */
enum db_result token_take_use(struct db *db, const char sha256[CA_HEX_BYTES]);

/** Revokes the one token whose hash begins with name, at least 6 hex digits. *n: how many begin
 * with it; nothing is done unless that is 1. */
enum db_result token_revoke(struct db *db, const char *name, int64_t now, unsigned *n,
                            struct token *out);

/** Calls each for every token, the newest first. */
enum db_result token_list(struct db *db, void (*each)(void *ctx, const struct token *token),
                          void *ctx);

#endif
