/* server/http_doors.h - opens and closes the doors: what `serve` sees of HTTP. */
#ifndef SERVER_HTTP_DOORS_H
#define SERVER_HTTP_DOORS_H

#include <stdbool.h>

#define HTTP_WHY_BYTES 512u

struct server;

/** The doors that are open. */
struct listeners;

/** Opens every door that the configuration names. NULL: why. */
struct listeners *http_open(struct server *s, char why[HTTP_WHY_BYTES]);

/** What a door listens at, with its real port, as "https://127.0.0.1:8443"; NULL past the last.
 * word gets its name in the configuration: "devices". */
const char *http_door_url(const struct listeners *l, unsigned i, const char **word);

/** Reads the server's certificate and key again. False: why, and nothing has changed. */
bool http_reload(struct listeners *l, char why[HTTP_WHY_BYTES]);

/** From now on new connections are refused and answers are the last of their connection. */
void http_drain(struct listeners *l);

/** Requests that are being read, worked on or answered. */
unsigned http_busy(const struct listeners *l);

bool http_is_draining(const struct listeners *l);

/** Closes the doors and cuts what is still there. */
void http_close(struct listeners *l);

#endif
