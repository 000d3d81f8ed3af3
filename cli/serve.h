/* cli/serve.h - what the parts of `ferry serve` share: the settings, the log, and faults on demand.
 * A server for the bench: one folder over http (serve_http.c) and one file over the sample protocol
 * of esp-hal-ota (serve_tcp.c). Threads read the settings and touch nothing but the atomics. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define SERVE_ADDRESS_BYTES 80u
#define SERVE_WAIT_MS       200u // a waiting thread looks this often whether to stop

struct serve {
    char root[4096]; // absolute, without symbolic links
    int root_fd;
    bool is_quiet, is_json;  // of the log
    uint32_t rate;           // bytes a second for each answer; 0: as fast as it goes
    uint32_t drop_bytes;     // an answer is cut after that many; 0: never
    atomic_uint n_drops;     // answers still to be cut
    atomic_bool is_stopping; // every thread ends soon
};

/** One line of the log: who asked for what, what was answered. */
struct serve_event {
    const char *client, *method, *path;
    unsigned status;
    uint64_t first_bytes, n_bytes; // of the file that were sent
    uint64_t length_bytes;         // of the file
};

/** Writes the line to stderr, whatever a client put into it made harmless; nothing if quiet. */
void serve_log(const struct serve *s, const struct serve_event *e);

/** Writes a line of the sample protocol's server, as the original has it. */
__attribute__((format(printf, 2, 3))) void serve_log_text(const struct serve *s, const char *fmt,
                                                          ...);

/** The time since something, in ms. */
int64_t serve_now_ms(void);

/** How many of n bytes may be sent now, when sent_bytes were since began_ms, after waiting as the
 * rate asks; 0: the answer is to be cut here, by the user's wish or because the server stops. */
size_t serve_pace(struct serve *s, uint64_t sent_bytes, int64_t began_ms, size_t n);

/** Opens a listening socket on an address in numbers. port 0: any. Returns it, or -1 with errno;
 * *name gets address and port as a URL has them. */
int serve_listen(const char *address, uint16_t port, char name[SERVE_ADDRESS_BYTES]);

/** Writes the address in numbers into name. */
void serve_address(const struct sockaddr *a, char name[SERVE_ADDRESS_BYTES]);

/** True if only this machine can reach the address. */
bool serve_is_loopback(const char *address);

#endif
