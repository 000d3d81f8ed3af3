/* server/address.h - addresses: where doors listen, who a client is, which network it is in.
 * Numeric only: a server that asks a name service before it starts, does not start without one. */
#ifndef SERVER_ADDRESS_H
#define SERVER_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "http_route.h"

/** A place to listen at. */
struct address_bind {
    struct sockaddr_storage to;
    socklen_t n;
};

/** Reads HOST:PORT, IPv6 in brackets. */
bool address_bind(const char *text, struct address_bind *out);

/** An IPv4 network is one of IPv6, ::ffff:0:0/96 in front. */
struct address_network {
    uint8_t bytes[16];
    unsigned bits;
};

/** Reads ADDRESS/BITS at *text, up to a blank or the end; *text goes behind it. */
bool address_network(const char **text, struct address_network *out);

/** True if a client's address lies in one of the networks. */
bool address_in(const struct sockaddr *a, const char *networks);

/** The address as text, "unix" for a Unix socket's. */
void address_text(const struct sockaddr *a, char out[HTTP_ADDRESS_BYTES]);

/** True if the text is a numeric address. */
bool address_is_numeric(const char *text);

/** What limits are kept by: the address, of IPv6 the first 64 bits, which one customer has. */
void address_key(const char *address, char out[HTTP_ADDRESS_BYTES]);

#define ADDRESS_NAME_BYTES 128u

/** Opens a door: listens at `where`, as in the configuration; dir_fd is where unix:PATH counts
 * from, and an abandoned socket there is removed. name gets what it listens at, with the real port.
 * -1: errno says why. */
int address_listen(int dir_fd, const char *where, char name[ADDRESS_NAME_BYTES]);

#endif
