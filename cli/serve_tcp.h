/* cli/serve_tcp.h - the other half of `ferry serve`: one file over esp-hal-ota's sample protocol.
 * Whoever connects gets the file's length and CRC-32, then the file in chunks of 8192 bytes, each
 * of which is to be answered with a byte; one client at a time, as with the original. */
#ifndef CLI_SERVE_TCP_H
#define CLI_SERVE_TCP_H

#include <pthread.h>

#include "serve.h"

/** A running server; {0} is none. */
struct serve_tcp {
    struct serve *serve;
    const char *path; // kept; opened anew for each client, so that a new build is served at once
    int listen_fd;
    pthread_t thread;
    bool is_running;
};

/** Serves t->path on t->listen_fd, which is its from now on, in a thread. False: no thread. */
bool serve_tcp_start(struct serve_tcp *t);

/** Ends it, a client being served included. */
void serve_tcp_stop(struct serve_tcp *t);

/** Length and CRC-32 of a file that can be served. False: *why says what is wrong with it. */
bool serve_tcp_measure(const char *path, uint32_t *length, uint32_t *crc, const char **why);

#endif
