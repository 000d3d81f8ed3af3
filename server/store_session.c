/* server/store_session.c - one statement each. */
#include "store_session.h"

#include <stdio.h>

#include "store_token.h"

enum db_result session_add(struct db *db, const char *text, const char *operator_name, int64_t now)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(text, sha256))
        return DB_FAILED;
    const struct db_value old[] = {db_int(now)};
    const enum db_result result = db_run(db, "DELETE FROM session WHERE expires <= $1", old, 1);
    const struct db_value values[] = {db_text(sha256), db_text(operator_name),
                                      db_int(now + SESSION_SECONDS)};
    return result == DB_OK
               ? db_run(db, "INSERT INTO session (sha256, operator, expires) VALUES ($1, $2, $3)",
                        values, 3)
               : result;
}

enum db_result session_find(struct db *db, const char *text, int64_t now, char name[HTTP_ID_BYTES])
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256), db_int(now)};
    return db_word(db, name, HTTP_ID_BYTES,
                   "SELECT operator FROM session WHERE sha256 = $1 AND expires > $2", values, 2);
}

enum db_result session_remove(struct db *db, const char *text)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256)};
    return db_run(db, "DELETE FROM session WHERE sha256 = $1", values, 1);
}
