/* server/init_hosts.h - the names that a new server's certificate is for: those given, or what this
 * host is called and the addresses it has; this host itself in any case. */
#ifndef SERVER_INIT_HOSTS_H
#define SERVER_INIT_HOSTS_H

#include <stdbool.h>

#define INIT_HOSTS_MOST 24u

struct init_hosts {
    const char *at[INIT_HOSTS_MOST + 4]; // ended by NULL
    char text[INIT_HOSTS_MOST + 4][256];
    const char *bad; // the given one that is neither a name nor an address
};

/** given: ended by NULL, none of it: this host's own. False: bad. */
bool init_hosts(struct init_hosts *out, const char *const *given);

/** Whether it is a DNS name (a first label may be *) or an address. */
bool init_host_is_fine(const char *host);

#endif
