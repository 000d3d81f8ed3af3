/* cli/serve_tcp.c - one file over esp-hal-ota's sample protocol. */
#include "serve_tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferry/crc32.h"
#include "tcp_sample.h"

#define ANSWER_LIMIT_MS 30000 // a device erases and programs between two answers

/** One client and the file it gets. */
struct client {
    struct serve *serve;
    int file_fd;
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

static bool read_chunk(void *ctx, uint32_t off, uint8_t *dst, uint32_t n)
{
    const struct client *c = ctx;
    if (pread(c->file_fd, dst, n, (off_t)off) != (ssize_t)n)
        return false; // somebody has cut the file
    serve_log_text(c->serve, "Writing: %u\n", (unsigned)n);
    return true;
}

static uint32_t pace(void *ctx, uint32_t sent, uint32_t n)
{
    const struct client *c = ctx;
    return (uint32_t)serve_pace(c->serve, sent, c->began_ms, n);
}

static void serve_client(struct serve_tcp *t, int fd, const char *name)
{
    const char *why = "";
    struct client c = {.serve = t->serve, .began_ms = serve_now_ms()};
    uint32_t length = 0, crc = 0, sent = 0;
    c.file_fd = open_file(t->path, &why);
    if (c.file_fd < 0 || !measure(c.file_fd, &length, &crc, &why)) {
        serve_log_text(t->serve, "%s: %s\n", t->path, why);
    } else {
        serve_log_text(t->serve, "Connection: %s\nBINARY_SIZE: %u\nBINARY CRC32: %u\n", name,
                       (unsigned)length, (unsigned)crc);
        sent = tcp_sample_send(&(struct tcp_sample){.fd = fd,
                                                    .length = length,
                                                    .crc = crc,
                                                    .read = read_chunk,
                                                    .pace = pace,
                                                    .ctx = &c,
                                                    .is_stopping = &t->serve->is_stopping,
                                                    .limit_ms = ANSWER_LIMIT_MS});
    }
    const struct serve_event event = {.client = name,
                                      .method = "TCP",
                                      .path = t->path,
                                      .status = length && sent == length ? 200 : 499,
                                      .n_bytes = sent,
                                      .length_bytes = length};
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
        if (!tcp_sample_wait(&t->serve->is_stopping, t->listen_fd, POLLIN, ANSWER_LIMIT_MS))
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
