/* server/operator.c - tokens of operators, as tools send them, and sessions of their browsers. */
#include "operator.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server.h"
#include "session.h"
#include "store_operator.h"
#include "thread_db.h"

static const char *bearer(const struct http_request *req)
{
    const char *const said = http_header(req, "Authorization");
    return said && !strncasecmp(said, "Bearer ", 7) ? said + 7 : NULL;
}

static bool is_reading(const struct http_request *req)
{
    return !strcmp(req->method, "GET") || !strcmp(req->method, "HEAD");
}

/** DB_CONFLICT: it is an operator's session, and perhaps not he who asks. Pages with forms look at
 * the token in the body themselves (pages.c). */
static enum db_result check_session(struct http_request *req)
{
    const enum db_result result = session_of(req, &req->operator);
    if (result != DB_ROW || is_reading(req) || session_csrf_is(req, http_header(req, "Ferry-Csrf")))
        return result;
    return DB_CONFLICT;
}

unsigned operator_check(struct server *s, struct http_request *req, const char **why)
{
    const char *const token = bearer(req);
    switch (token ? operator_find(req->db, token, &req->operator) : check_session(req)) {
    case DB_ROW:
        if (!req->operator.is_read_only || is_reading(req))
            return 0;
        *why = "this operator is read-only: it may ask with GET and HEAD, and change nothing";
        return 403;
    case DB_OK:
        *why = token ? "this token is no operator's"
                     : "this needs an operator: Authorization: Bearer TOKEN, or a session";
        return 401;
    case DB_CONFLICT:
        *why = "the CSRF token of the session, in the field Ferry-Csrf, is missing or wrong";
        return 403;
    default:
        thread_db_suspect(s->db);
        *why = "the database cannot be reached; try again later";
        return 503;
    }
}
