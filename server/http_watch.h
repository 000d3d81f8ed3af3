/* server/http_watch.h - deadlines that are absolute.
 * libmicrohttpd's timeout starts anew with every byte, so a client that sends one byte a second
 * keeps its connection for ever (measured: 600 of 600). Here each phase of a connection has a
 * moment at which it must be over; a thread looks ten times in a second and shuts the socket down.
 */
#ifndef SERVER_HTTP_WATCH_H
#define SERVER_HTTP_WATCH_H

#include "http_private.h"

struct http_watch;

/** Starts the thread. NULL: no memory or no thread. */
struct http_watch *http_watch_start(struct metrics *m);
void http_watch_stop(struct http_watch *w);

/** From add to remove the connection's socket must be open. */
void http_watch_add(struct http_watch *w, struct http_connection *c);
void http_watch_remove(struct http_watch *w, struct http_connection *c);

/** Sets what a connection does now, and until when; HTTP_NEVER: as long as it takes. */
void http_watch_phase(struct http_connection *c, enum http_phase phase, int64_t deadline_ms);

/** Connections that are past their handshake and not idle. */
unsigned http_watch_busy(struct http_watch *w);

#endif
