/* server/public_api.h - releases for everyone: a manifest of a channel, and bytes, over plain http.
 * Only what an operator has marked public is there; the rest does not exist. */
#ifndef SERVER_PUBLIC_API_H
#define SERVER_PUBLIC_API_H

#include "http_route.h"

extern const struct http_route public_routes[];

#endif
