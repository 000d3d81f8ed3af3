/* server/routes.c - the tables of routes that the parts bring. */
#include "routes.h"

#include <stdio.h>
#include <string.h>

#include "admin_api.h"
#include "device_api.h"
#include "enroll_http.h"
#include "pages.h"
#include "public_api.h"
#include "server_routes.h"

/** Each table ends with a row without path. */
static const struct http_route *const tables[] = {
    admin_routes, device_routes, enroll_routes,  est_routes,
    page_routes,  public_routes, release_routes, server_routes,
};

/** True if the row's path is this one; *after gets what '*' stands for. */
static bool is_path(const struct http_route *row, const char *path, const char **after)
{
    const size_t n = strlen(row->path);
    if (row->path[n - 1] != '*') {
        *after = "";
        return !strcmp(row->path, path);
    }
    *after = path + n - 1;
    return !strncmp(row->path, path, n - 1) && path[n - 1];
}

static void allow(struct routes_found *out, const char *method)
{
    const size_t n = strlen(out->allow);
    const bool is_get = !strcmp(method, "GET");
    snprintf(out->allow + n, sizeof(out->allow) - n, "%s%s%s", n ? ", " : "", method,
             is_get ? ", HEAD" : "");
}

void routes_find(struct routes_found *out, const char *method, const char *path,
                 enum http_door door)
{
    *out = (struct routes_found){.after = ""};
    const char *const wanted = strcmp(method, "HEAD") != 0 ? method : "GET";
    for (size_t t = 0; t < sizeof(tables) / sizeof(*tables); t++)
        for (const struct http_route *row = tables[t]; row->path; row++) {
            const char *after;
            if (!(row->doors & door) || !is_path(row, path, &after))
                continue;
            if (!strcmp(row->method, wanted)) {
                out->route = row;
                out->after = after;
                return;
            }
            allow(out, row->method);
        }
}
