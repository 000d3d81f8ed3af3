/* ports/posix/tcp_socket.c - the TCP transport over sockets.
 * Sockets never block; each wait is a short poll, so that cancelling is noticed. Only looking up a
 * name cannot be interrupted: the C library has its own limit for that. */
#include "tcp_socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct ferry_tcp_socket *as_socket(struct ferry_tcp *t)
{
    return (struct ferry_tcp_socket *)(void *)t;
}

static ferry_err fail(struct ferry_tcp *t, ferry_err err, const char *words)
{
    snprintf(t->detail, sizeof t->detail, "%s", words);
    return err;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until the socket is ready for events, or closed or broken, which the next call tells. */
static ferry_err wait_for(struct ferry_tcp *t, short events, uint32_t *budget_ms,
                          const struct ferry_cancel *cancel)
{
    struct pollfd p = {.fd = as_socket(t)->fd, .events = events};
    for (;;) {
        const uint32_t most = *budget_ms < FERRY_CANCEL_POLL_MS ? *budget_ms : FERRY_CANCEL_POLL_MS;
        const int64_t begin = now_ms();
        const int n = poll(&p, 1, (int)most);
        const int64_t spent = now_ms() - begin;
        *budget_ms = spent >= *budget_ms ? 0 : *budget_ms - (uint32_t)spent;
        if (n < 0 && errno != EINTR)
            return fail(t, FERRY_ERR_NET_CLOSED, strerror(errno));
        if (ferry_cancel_asked(cancel))
            return fail(t, FERRY_ERR_CANCELLED, "");
        if (n > 0)
            return FERRY_OK;
        if (*budget_ms == 0)
            return fail(t, FERRY_ERR_NET_TIMEOUT, "");
    }
}

static void close_socket(struct ferry_tcp *t)
{
    struct ferry_tcp_socket *s = as_socket(t);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* One address of the host. The reason of a failure stays in t->detail. */
static ferry_err connect_to(struct ferry_tcp *t, const struct addrinfo *a, uint32_t *budget_ms,
                            const struct ferry_cancel *cancel)
{
    struct ferry_tcp_socket *s = as_socket(t);
    int reason = 0;
    socklen_t n = sizeof reason;
    s->fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (s->fd < 0)
        return fail(t, FERRY_ERR_NET_CONNECT, strerror(errno));
    if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0)
        return FERRY_OK;
    if (errno != EINPROGRESS)
        return fail(t, FERRY_ERR_NET_CONNECT, strerror(errno));
    const ferry_err err = wait_for(t, POLLOUT, budget_ms, cancel);
    if (err == FERRY_ERR_CANCELLED)
        return err;
    if (err)
        return fail(t, FERRY_ERR_NET_CONNECT, "no answer within the time limit");
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &reason, &n) || reason)
        return fail(t, FERRY_ERR_NET_CONNECT, strerror(reason ? reason : errno));
    return FERRY_OK;
}

static ferry_err connect_socket(struct ferry_tcp *t, const char *host, uint16_t port,
                                uint32_t *budget_ms, const struct ferry_cancel *cancel)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    char service[8];
    static const int on = 1;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const int code = getaddrinfo(host, service, &hints, &list);
    if (code)
        return fail(t, FERRY_ERR_NET_CONNECT,
                    code == EAI_SYSTEM ? strerror(errno) : gai_strerror(code));
    ferry_err err = fail(t, FERRY_ERR_NET_CONNECT, "the host has no address");
    for (const struct addrinfo *a = list; a && err == FERRY_ERR_NET_CONNECT; a = a->ai_next) {
        close_socket(t);
        err = connect_to(t, a, budget_ms, cancel);
    }
    freeaddrinfo(list);
    if (err)
        close_socket(t);
    else // the answer is one byte, and the server waits for it
        (void)setsockopt(as_socket(t)->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return err;
}

static bool is_for_later(int e)
{
    return e == EAGAIN || e == EWOULDBLOCK || e == EINTR;
}

static ferry_err read_socket(struct ferry_tcp *t, void *dst, size_t n, uint32_t *budget_ms,
                             const struct ferry_cancel *cancel, size_t *got)
{
    for (;;) {
        const ferry_err err = wait_for(t, POLLIN, budget_ms, cancel);
        if (err)
            return err;
        const ssize_t n_read = recv(as_socket(t)->fd, dst, n, 0);
        if (n_read >= 0) {
            *got = (size_t)n_read;
            return FERRY_OK;
        }
        if (!is_for_later(errno))
            return fail(t, FERRY_ERR_NET_CLOSED, strerror(errno));
    }
}

static ferry_err write_socket(struct ferry_tcp *t, const void *src, size_t n, uint32_t *budget_ms,
                              const struct ferry_cancel *cancel)
{
    const char *from = src;
    while (n) {
        const ferry_err err = wait_for(t, POLLOUT, budget_ms, cancel);
        if (err)
            return err;
        const ssize_t n_sent = send(as_socket(t)->fd, from, n, MSG_NOSIGNAL);
        if (n_sent < 0 && !is_for_later(errno))
            return fail(t, FERRY_ERR_NET_CLOSED, strerror(errno));
        if (n_sent > 0) {
            from += n_sent;
            n -= (size_t)n_sent;
        }
    }
    return FERRY_OK;
}

void ferry_tcp_socket_init(struct ferry_tcp_socket *s)
{
    static const struct ferry_tcp_ops ops = {connect_socket, read_socket, write_socket,
                                             close_socket};
    memset(s, 0, sizeof *s);
    s->tcp.ops = &ops;
    s->fd = -1;
}
