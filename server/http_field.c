/* server/http_field.c - headers, arguments and cookies of a request. */
#include "http_field.h"

#include <string.h>
#include <strings.h>

static const char *look_up(const struct http_request *req, enum MHD_ValueKind kind,
                           const char *name)
{
    const struct http_exchange *const x = req->in;
    return MHD_lookup_connection_value(x->mhd, kind, name);
}

const char *http_field(const struct http_exchange *x, const char *name)
{
    return look_up(&x->request, MHD_HEADER_KIND, name);
}

const char *http_header(const struct http_request *req, const char *name)
{
    // Whoever reads these must ask whether they may be believed.
    if (!strncasecmp(name, HTTP_CLIENT_FIELDS, sizeof(HTTP_CLIENT_FIELDS) - 1))
        return NULL;
    return look_up(req, MHD_HEADER_KIND, name);
}

const char *http_argument(const struct http_request *req, const char *name)
{
    return look_up(req, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_cookie(const struct http_request *req, const char *name)
{
    return look_up(req, MHD_COOKIE_KIND, name);
}
