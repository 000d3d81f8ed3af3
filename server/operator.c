/* server/operator.c - tokens of operators, as tools send them. */
#include "operator.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server.h"
#include "store_operator.h"
#include "thread_db.h"

static const char *bearer(const struct http_request *req)
{
    const char *const said = http_header(req, "Authorization");
    return said && !strncasecmp(said, "Bearer ", 7) ? said + 7 : NULL;
}

unsigned operator_check(struct server *s, struct http_request *req, const char **why)
{
    const char *const token = bearer(req);
    if (!token) {
        *why = "this needs an operator's token: Authorization: Bearer TOKEN";
        return 401;
    }
    switch (operator_find(req->db, token, req->operator_name)) {
    case DB_ROW:
        return 0;
    case DB_OK:
        *why = "this token is no operator's";
        return 401;
    default:
        thread_db_suspect(s->db);
        *why = "the database cannot be reached; try again later";
        return 503;
    }
}
