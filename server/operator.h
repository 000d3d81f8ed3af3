/* server/operator.h - whether a request is an operator's: a token in Authorization, or a session's
 * cookie, which for anything but GET and HEAD needs its CSRF token as well, and an operator who is
 * not read-only. */
#ifndef SERVER_OPERATOR_H
#define SERVER_OPERATOR_H

#include "http_route.h"

struct server;

/** 0 if it is; then req->operator says whose. Else the status of a refusal, with *why. Called
 * when the head has come: what a form says in its body is the handler's to look at. */
unsigned operator_check(struct server *s, struct http_request *req, const char **why);

#endif
