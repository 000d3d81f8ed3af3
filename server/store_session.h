/* server/store_session.h - rows of sessions: an operator's browser, known by a random cookie of
 * which the database has the SHA-256 alone. In the database, so that several instances share them.
 */
#ifndef SERVER_STORE_SESSION_H
#define SERVER_STORE_SESSION_H

#include "db.h"
#include "http_route.h"

#define SESSION_SECONDS (12 * 3600) // of a working day; no use makes it longer

/** Adds one, and drops those that ran out. text: of the cookie, as token_new makes it. */
enum db_result session_add(struct db *db, const char *text, const char *operator_name, int64_t now);

/** Whose session it is. DB_ROW: who has it; DB_OK: nobody's, or ran out, or its operator is gone.
 */
enum db_result session_find(struct db *db, const char *text, int64_t now,
                            struct http_operator *who);

enum db_result session_remove(struct db *db, const char *text);

#endif
