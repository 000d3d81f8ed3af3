/* server/server_routes.h - what the process says about itself: /healthz and /metrics. */
#ifndef SERVER_SERVER_ROUTES_H
#define SERVER_SERVER_ROUTES_H

#include "http_route.h"

extern const struct http_route server_routes[];

#endif
