/* cli/serve_tcp.c - one file over esp-hal-ota's sample protocol. */
#include "serve_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/source_tcp.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define ANSWER_LIMIT_MS 30000 // a device erases and programs between two answers

/** One client and the file it gets. */
struct client {
    struct serve *serve;
    int fd, file_fd;
    uint32_t length, crc, sent;
    int64_t began_ms;
};

/** Length and CRC of the open file. */
static bool measure(int fd, uint32_t *length, uint32_t *crc, const char **why)
{
    uint8_t piece[16384];
    ssize_t n;
    *length = *crc = 0;
    while ((n = pread(fd, piece, sizeof(piece), (off_t)*length)) > 0) {
        if ((uint32_t)n > UINT32_MAX - *length) {
            *why = "it is 4 GiB or larger";
            return false;
        }
        *crc = ferry_crc32(*crc, piece, (size_t)n);
        *length += (uint32_t)n;
    }
    *why = n < 0 ? strerror(errno) : "it is empty";
    return n == 0 && *length;
}

static int open_file(const char *path, const char **why)
{
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
        return fd;
    *why = fd < 0 ? strerror(errno) : "it is no regular file";
    if (fd >= 0)
        close(fd);
    return -1;
}

bool serve_tcp_measure(const char *path, uint32_t *length, uint32_t *crc, const char **why)
{
    const int fd = open_file(path, why);
    const bool is_measured = fd >= 0 && measure(fd, length, crc, why);
    if (fd >= 0)
        close(fd);
    return is_measured;
}

/** Waits until the socket is ready, as long as the server runs and the limit lasts. */
static bool wait_for(const struct serve *s, int fd, short events, int64_t limit_ms)
{
    const int64_t end = serve_now_ms() + limit_ms;
    struct pollfd p = {.fd = fd, .events = events};
    while (!atomic_load(&s->is_stopping) && serve_now_ms() < end) {
        const int n = poll(&p, 1, (int)SERVE_WAIT_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
    return false;
}

static bool send_all(const struct client *c, const uint8_t *data, size_t n)
{
    while (n) {
        if (!wait_for(c->serve, c->fd, POLLOUT, ANSWER_LIMIT_MS))
            return false;
        const ssize_t n_sent = send(c->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n_sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        data += n_sent > 0 ? n_sent : 0;
        n -= n_sent > 0 ? (size_t)n_sent : 0;
    }
    return true;
}

static bool send_chunk(struct client *c)
{
    uint8_t chunk[FERRY_TCP_CHUNK_BYTES], byte;
    const uint32_t left = c->length - c->sent;
    const uint32_t n = left < sizeof(chunk) ? left : (uint32_t)sizeof(chunk);
    if (pread(c->file_fd, chunk, n, (off_t)c->sent) != (ssize_t)n)
        return false; // somebody has cut the file
    serve_log_text(c->serve, "Writing: %u\n", (unsigned)n);
    for (uint32_t at = 0; at < n;) {
        const uint32_t step = (uint32_t)serve_pace(c->serve, c->sent, c->began_ms, n - at);
        if (!step || !send_all(c, chunk + at, step))
            return false;
        c->sent += step;
        at += step;
    }
    return wait_for(c->serve, c->fd, POLLIN, ANSWER_LIMIT_MS) &&
           recv(c->fd, &byte, 1, MSG_DONTWAIT) == 1;
}

static void serve_client(struct serve_tcp *t, int fd, const char *name)
{
    uint8_t head[FERRY_TCP_HEAD_BYTES];
    const char *why = "";
    struct client c = {.serve = t->serve, .fd = fd, .began_ms = serve_now_ms()};
    c.file_fd = open_file(t->path, &why);
    if (c.file_fd < 0 || !measure(c.file_fd, &c.length, &c.crc, &why)) {
        serve_log_text(t->serve, "%s: %s\n", t->path, why);
    } else {
        serve_log_text(t->serve, "Connection: %s\nBINARY_SIZE: %u\nBINARY CRC32: %u\n", name,
                       (unsigned)c.length, (unsigned)c.crc);
        ferry_put_le32(head, c.length);
        ferry_put_le32(head + 4, c.crc);
        bool goes_on = send_all(&c, head, sizeof(head));
        while (goes_on && c.sent < c.length)
            goes_on = send_chunk(&c);
    }
    const struct serve_event event = {.client = name,
                                      .method = "TCP",
                                      .path = t->path,
                                      .status = c.length && c.sent == c.length ? 200 : 499,
                                      .n_bytes = c.sent,
                                      .length_bytes = c.length};
    serve_log(t->serve, &event);
    if (c.file_fd >= 0)
        close(c.file_fd);
}

static void *run(void *cls)
{
    struct serve_tcp *t = cls;
    while (!atomic_load(&t->serve->is_stopping)) {
        struct sockaddr_storage from;
        socklen_t n = sizeof(from);
        char name[SERVE_ADDRESS_BYTES];
        if (!wait_for(t->serve, t->listen_fd, POLLIN, ANSWER_LIMIT_MS))
            continue;
        const int fd = accept4(t->listen_fd, (struct sockaddr *)&from, &n, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        serve_address((struct sockaddr *)&from, name);
        serve_client(t, fd, name);
        close(fd);
    }
    return NULL;
}

bool serve_tcp_start(struct serve_tcp *t)
{
    t->is_running = !pthread_create(&t->thread, NULL, run, t);
    return t->is_running;
}

void serve_tcp_stop(struct serve_tcp *t)
{
    if (!t->is_running)
        return;
    atomic_store(&t->serve->is_stopping, true);
    pthread_join(t->thread, NULL);
    close(t->listen_fd);
    t->is_running = false;
}
