/* server/store_session.c - one statement each. */
#include "store_session.h"

#include <stdio.h>

#include "store_operator.h"
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

enum db_result session_find(struct db *db, const char *text, int64_t now, struct http_operator *who)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256), db_int(now)};
    return db_find(db,
                   "SELECT o.name, o.is_read_only FROM session s JOIN operator o"
                   " ON o.name = s.operator WHERE s.sha256 = $1 AND s.expires > $2",
                   values, 2, operator_read, who);
}

enum db_result session_remove(struct db *db, const char *text)
{
    char sha256[CA_HEX_BYTES];
    if (!token_hash(text, sha256))
        return DB_OK;
    const struct db_value values[] = {db_text(sha256)};
    return db_run(db, "DELETE FROM session WHERE sha256 = $1", values, 1);
}
