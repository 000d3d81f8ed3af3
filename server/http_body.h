/* server/http_body.h - bodies: into memory, which grows as they come, or into a file of blobs/.
 * What is refused is read and thrown away up to a bound, so that the client hears why. */
#ifndef SERVER_HTTP_BODY_H
#define SERVER_HTTP_BODY_H

#include "http_private.h"

/** The head was looked at; a body may come. */
void http_body_begin(struct http_exchange *x);

/** False: the refusal is to be sent before the body, and the connection to end with it. */
bool http_body_is_drained(const struct http_exchange *x);

void http_body_take(struct http_exchange *x, const char *bytes, size_t n);

/** Gives the whole body to the request. False: it could not be kept. */
bool http_body_finish(struct http_exchange *x);

/** Frees it; an upload that the handler has not renamed is gone. */
void http_body_end(struct http_exchange *x);

/** Removes what a former process has left of uploads. */
void http_body_sweep(int blobs_fd);

#endif
