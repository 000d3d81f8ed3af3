/* server/admin_api.h - what an operator's tools ask at the admin door, in JSON; paths, keys and
 * answers: docs/design/server.md "What operators ask". */
#ifndef SERVER_ADMIN_API_H
#define SERVER_ADMIN_API_H

#include "http_route.h"

extern const struct http_route admin_routes[];   // devices, tokens, the fleet in numbers
extern const struct http_route release_routes[]; // releases and channels (releases_api.c)

#endif
