/* server/tcp_door.h - esp-hal-ota's sample protocol as a door: whoever connects gets the newest
 * public release of one channel. Off by default: nobody is known here, and nothing is secret.
 * The protocol itself: host/tcp_sample.h. */
#ifndef SERVER_TCP_DOOR_H
#define SERVER_TCP_DOOR_H

#include "server.h"

#define TCP_DOOR_WHY_BYTES 512u

struct tcp_door;

/** Opens the door where tcp_listen says, with threads of its own; NULL with *is_good where there
 * is none to open. Needs what s has for requests: database, blobs, settings. */
struct tcp_door *tcp_door_open(struct server *s, bool *is_good, char why[TCP_DOOR_WHY_BYTES]);

/** Where it listens, as "tcp://HOST:PORT". */
const char *tcp_door_url(const struct tcp_door *d);

/** Serves nobody new from now on: who comes is cut at once. NULL is none. */
void tcp_door_drain(struct tcp_door *d);

/** How many devices are being served. NULL: 0. */
unsigned tcp_door_busy(const struct tcp_door *d);

/** Closes it; a device that is being served is cut. NULL is none. */
void tcp_door_close(struct tcp_door *d);

#endif
