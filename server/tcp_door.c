/* server/tcp_door.c - a few threads accept at one socket, each serves a device at a time: a slow
 * one keeps nobody else out until all are slow, and the least rate ends those. */
#include "tcp_door.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "address.h"
#include "blob_map.h"
#include "http_route.h"
#include "log.h"
#include "metrics.h"
#include "rate_limits.h"
#include "store_release.h"
#include "tcp_sample.h"
#include "thread_db.h"

#define THREADS         8u
#define ACCEPT_LIMIT_MS 60000u

struct tcp_door {
    struct server *server;
    int listen_fd;
    char url[ADDRESS_NAME_BYTES + 8];
    atomic_bool is_draining; // nobody new is served
    atomic_bool is_stopping; // nobody at all
    atomic_uint n_visits;
    pthread_t threads[THREADS];
    unsigned n_threads;
};

/** A device that is served. */
struct visit {
    struct tcp_door *door;
    const struct blob_view *view;
    int64_t began_ms;
};

static bool read_chunk(void *ctx, uint32_t off, uint8_t *dst, uint32_t n)
{
    const struct visit *const v = ctx;
    memcpy(dst, v->view->bytes + off, n);
    return true;
}

/** Who is slower than the least rate is cut, as at the other doors. */
static uint32_t pace(void *ctx, uint32_t sent, uint32_t n)
{
    const struct visit *const v = ctx;
    const struct config *const c = &v->door->server->config;
    const int64_t end =
        v->began_ms + c->idle_seconds * INT64_C(1000) + (int64_t)sent * 1000 / c->least_rate;
    return http_now_ms() <= end ? n : 0;
}

static uint32_t serve(struct tcp_door *d, int fd, const struct release *release)
{
    struct server *const s = d->server;
    struct visit v = {.door = d, .began_ms = http_now_ms()};
    uint32_t sent = 0;
    v.view = blob_map_use(s->blobs, s->blobs_fd, release->sha256);
    if (!v.view)
        return 0;
    if (v.view->n == (size_t)release->length)
        sent = tcp_sample_send(&(struct tcp_sample){.fd = fd,
                                                    .length = (uint32_t)release->length,
                                                    .crc = release->crc32,
                                                    .read = read_chunk,
                                                    .pace = pace,
                                                    .ctx = &v,
                                                    .is_stopping = &d->is_stopping,
                                                    .limit_ms = s->config.idle_seconds * 1000u});
    blob_map_release(s->blobs, v.view);
    return sent;
}

static void visit(struct tcp_door *d, int fd, const char *address)
{
    struct server *const s = d->server;
    struct release release = {0};
    char key[HTTP_ADDRESS_BYTES];
    const char *word = "refused=rate";
    uint32_t sent = 0;
    unsigned wait_s;
    address_key(address, key);
    if (limits_take(s->limits, LIMIT_REQUESTS, key, strlen(key), http_now_ms(), &wait_s)) {
        switch (release_newest_public(thread_db_get(s->db), s->config.tcp_channel, &release)) {
        case DB_ROW:
            sent = serve(d, fd, &release);
            word = sent == release.length ? "state=whole" : "cut=1";
            break;
        case DB_OK:
            word = "refused=no_public_release";
            break;
        default:
            thread_db_suspect(s->db);
            word = "refused=database";
        }
    }
    metrics_add(s->metrics, METRIC_BLOB_BYTES, sent);
    if (s->config.log_requests)
        log_line(LOG_LEVEL_INFO, "request", "door=tcp client=%s sha=%.12s bytes=%u %s", address,
                 release.sha256[0] ? release.sha256 : "-", (unsigned)sent, word);
}

static void *run(void *ctx)
{
    struct tcp_door *const d = ctx;
    while (!atomic_load(&d->is_stopping)) {
        struct sockaddr_storage from;
        socklen_t n = sizeof(from);
        char address[HTTP_ADDRESS_BYTES];
        if (!tcp_sample_wait(&d->is_stopping, d->listen_fd, POLLIN, ACCEPT_LIMIT_MS))
            continue;
        // Another thread may have been faster: the socket does not block.
        const int fd = accept4(d->listen_fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        address_text((struct sockaddr *)&from, address);
        // Counted first: whoever then finds the door draining is not waited for in vain, and
        // whoever does not is seen by the one who waits.
        atomic_fetch_add(&d->n_visits, 1);
        if (!atomic_load(&d->is_draining))
            visit(d, fd, address);
        close(fd);
        atomic_fetch_sub(&d->n_visits, 1);
    }
    return NULL;
}

static bool start(struct tcp_door *d)
{
    while (d->n_threads < THREADS && !pthread_create(&d->threads[d->n_threads], NULL, run, d))
        d->n_threads++;
    return d->n_threads > 0;
}

struct tcp_door *tcp_door_open(struct server *s, bool *is_good, char why[TCP_DOOR_WHY_BYTES])
{
    char name[ADDRESS_NAME_BYTES];
    *is_good = !config_is_open(s->config.tcp_listen);
    if (*is_good)
        return NULL;
    struct tcp_door *const d = calloc(1, sizeof(*d));
    if (!d) {
        snprintf(why, TCP_DOOR_WHY_BYTES, "out of memory");
        return NULL;
    }
    d->server = s;
    d->listen_fd = address_listen(s->dir_fd, s->config.tcp_listen, name);
    if (d->listen_fd >= 0 && start(d)) {
        snprintf(d->url, sizeof(d->url), "tcp://%s", name);
        *is_good = true;
        return d;
    }
    snprintf(why, TCP_DOOR_WHY_BYTES, "tcp_listen = %s: %s", s->config.tcp_listen,
             d->listen_fd < 0 ? strerror(errno) : "no threads");
    tcp_door_close(d);
    return NULL;
}

const char *tcp_door_url(const struct tcp_door *d)
{
    return d->url;
}

void tcp_door_drain(struct tcp_door *d)
{
    if (d)
        atomic_store(&d->is_draining, true);
}

unsigned tcp_door_busy(const struct tcp_door *d)
{
    return d ? atomic_load(&d->n_visits) : 0;
}

void tcp_door_close(struct tcp_door *d)
{
    if (!d)
        return;
    atomic_store(&d->is_stopping, true);
    for (unsigned i = 0; i < d->n_threads; i++)
        pthread_join(d->threads[i], NULL);
    if (d->listen_fd >= 0)
        close(d->listen_fd);
    free(d);
}
