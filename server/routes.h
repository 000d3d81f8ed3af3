/* server/routes.h - which path is whose: the list of all tables of routes. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "http_route.h"

/** What became of looking for a route. */
struct routes_found {
    const struct http_route *route; // NULL: none
    const char *after;              // what its '*' stands for, in path
    char allow[64]; // methods of that path at that door, where only the method is wrong
};

/** Finds the route of a method and a decoded path at a door. */
void routes_find(struct routes_found *out, const char *method, const char *path,
                 enum http_door door);

#endif
