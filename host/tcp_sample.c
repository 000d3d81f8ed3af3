/* host/tcp_sample.c - a thread that waits, because each chunk waits for an answer anyway. */
#include "tcp_sample.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>

#include "agent/source_tcp.h"
#include "ferry/bytes.h"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool tcp_sample_wait(const atomic_bool *is_stopping, int fd, short events, uint32_t limit_ms)
{
    const int64_t end = now_ms() + limit_ms;
    struct pollfd p = {.fd = fd, .events = events};
    while (!atomic_load(is_stopping) && now_ms() < end) {
        const int n = poll(&p, 1, (int)TCP_SAMPLE_LOOK_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
    return false;
}

static bool send_all(const struct tcp_sample *t, const uint8_t *data, size_t n)
{
    while (n) {
        if (!tcp_sample_wait(t->is_stopping, t->fd, POLLOUT, t->limit_ms))
            return false;
        const ssize_t n_sent = send(t->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n_sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        data += n_sent > 0 ? n_sent : 0;
        n -= n_sent > 0 ? (size_t)n_sent : 0;
    }
    return true;
}

static bool send_chunk(const struct tcp_sample *t, uint32_t *sent)
{
    uint8_t chunk[FERRY_TCP_CHUNK_BYTES], byte;
    const uint32_t left = t->length - *sent;
    const uint32_t n = left < sizeof(chunk) ? left : (uint32_t)sizeof(chunk);
    if (!t->read(t->ctx, *sent, chunk, n))
        return false;
    for (uint32_t at = 0; at < n;) {
        const uint32_t step = t->pace ? t->pace(t->ctx, *sent, n - at) : n - at;
        if (!step || !send_all(t, chunk + at, step))
            return false;
        *sent += step;
        at += step;
    }
    return tcp_sample_wait(t->is_stopping, t->fd, POLLIN, t->limit_ms) &&
           recv(t->fd, &byte, 1, MSG_DONTWAIT) == 1;
}

uint32_t tcp_sample_send(const struct tcp_sample *t)
{
    uint8_t head[FERRY_TCP_HEAD_BYTES];
    uint32_t sent = 0;
    ferry_put_le32(head, t->length);
    ferry_put_le32(head + 4, t->crc);
    bool goes_on = send_all(t, head, sizeof(head));
    while (goes_on && sent < t->length)
        goes_on = send_chunk(t, &sent);
    return sent;
}
