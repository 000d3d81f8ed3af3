/* server/http_blob.h - firmware in answers: whole, in parts, or not at all (RFC 9110, 13 and 14).
 * A blob is named by the SHA-256 of its bytes, so its name is its ETag and it never changes. */
#ifndef SERVER_HTTP_BLOB_H
#define SERVER_HTTP_BLOB_H

#include "http_private.h"

/** The response for r->blob; *status gets 200, 206, 304, 412, 416, or 404 if the file is gone.
 * NULL: no memory. */
struct MHD_Response *http_blob_response(struct http_exchange *x, const struct http_reply *r,
                                        unsigned *status);

#endif
