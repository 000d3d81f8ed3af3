/* server/session.h - a browser's session: the cookie, and the token that its forms must carry.
 * The CSRF token is made from the cookie by a hash, so it needs no row; who cannot read the cookie
 * cannot make it. Login and logout are pages.c's. */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include "http_route.h"

struct server;

#define SESSION_CSRF_BYTES 65u

/** Whose session the request's cookie is. DB_ROW: who has it; DB_OK: none; else the database's. */
enum db_result session_of(const struct http_request *req, struct http_operator *who);

/** The CSRF token of the request's cookie; "" without one. */
void session_csrf(const struct http_request *req, char out[SESSION_CSRF_BYTES]);

/** True if `said` is it. Takes the same time whatever it is told. */
bool session_csrf_is(const struct http_request *req, const char *said);

/** Begins a session: row and Set-Cookie. DB_OK, or the database's. */
enum db_result session_begin(struct server *s, const struct http_request *req,
                             const char *operator_name, struct http_reply *r);

/** Ends it: row and cookie. */
enum db_result session_end(struct server *s, const struct http_request *req, struct http_reply *r);

#endif
