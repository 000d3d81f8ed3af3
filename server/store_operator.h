/* server/store_operator.h - rows of operators: who may administer, or only read, known by a token.
 * The text of a token is store_token.h's; the database has its SHA-256 alone. */
#ifndef SERVER_STORE_OPERATOR_H
#define SERVER_STORE_OPERATOR_H

#include "db.h"
#include "http_route.h"

/** DB_CONFLICT: the name is taken. */
enum db_result operator_add(struct db *db, const struct http_operator *who, const char *token_text,
                            int64_t now);

/** Whose token this is. DB_ROW: who has it; DB_OK: nobody's; else the database's. */
enum db_result operator_find(struct db *db, const char *token_text, struct http_operator *who);

/** Reads who it is out of the first two columns of a row: name, is_read_only. For db_find; out: a
 * struct http_operator. */
void operator_read(struct db *db, void *out);

/** DB_ROW: removed; DB_OK: there was none of that name. */
enum db_result operator_remove(struct db *db, const char *name);

/** Calls each for every operator, by name. */
enum db_result
operator_list(struct db *db,
              void (*each)(void *ctx, const struct http_operator *who, int64_t created), void *ctx);

#endif
