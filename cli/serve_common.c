/* cli/serve_common.c - sockets, pace and log of `ferry serve`. */
#include "serve.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device_words.h"

int64_t serve_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void log_json(const struct serve_event *e, const char *path)
{
    cJSON *line = cJSON_CreateObject();
    cJSON_AddStringToObject(line, "client", e->client);
    cJSON_AddStringToObject(line, "method", e->method);
    cJSON_AddStringToObject(line, "path", path);
    cJSON_AddNumberToObject(line, "status", e->status);
    cJSON_AddNumberToObject(line, "first", (double)e->first_bytes);
    cJSON_AddNumberToObject(line, "sent", (double)e->n_bytes);
    cJSON_AddNumberToObject(line, "length", (double)e->length_bytes);
    char *text = cJSON_PrintUnformatted(line);
    if (text)
        fprintf(stderr, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(line);
}

void serve_log(const struct serve *s, const struct serve_event *e)
{
    char path[512];
    if (s->is_quiet)
        return;
    cli_printable(path, sizeof(path), e->path);
    if (s->is_json)
        log_json(e, path);
    else if (e->first_bytes)
        fprintf(stderr, "%s %s %s %u, %llu bytes from %llu of %llu\n", e->client, e->method, path,
                e->status, (unsigned long long)e->n_bytes, (unsigned long long)e->first_bytes,
                (unsigned long long)e->length_bytes);
    else
        fprintf(stderr, "%s %s %s %u, %llu bytes of %llu\n", e->client, e->method, path, e->status,
                (unsigned long long)e->n_bytes, (unsigned long long)e->length_bytes);
}

void serve_log_text(const struct serve *s, const char *fmt, ...)
{
    va_list ap;
    if (s->is_quiet || s->is_json)
        return;
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
}

/** Takes one of the cuts that are left. */
static bool take_drop(struct serve *s)
{
    unsigned n = atomic_load(&s->n_drops);
    while (n && !atomic_compare_exchange_weak(&s->n_drops, &n, n - 1))
        ;
    return n > 0;
}

size_t serve_pace(struct serve *s, uint64_t sent_bytes, int64_t began_ms, size_t n)
{
    if (s->drop_bytes && atomic_load(&s->n_drops)) {
        const uint64_t left = sent_bytes < s->drop_bytes ? s->drop_bytes - sent_bytes : 0;
        if (!left && take_drop(s))
            return 0;
        if (left && n > left)
            n = (size_t)left;
    }
    if (s->rate) {
        const size_t tenth = s->rate / 10 + 1;
        const int64_t due_ms = began_ms + (int64_t)(sent_bytes * 1000 / s->rate);
        n = n < tenth ? n : tenth;
        for (int64_t wait; (wait = due_ms - serve_now_ms()) > 0 && !atomic_load(&s->is_stopping);) {
            const int64_t step = wait < SERVE_WAIT_MS ? wait : SERVE_WAIT_MS;
            const struct timespec t = {.tv_nsec = (long)step * 1000000};
            nanosleep(&t, NULL);
        }
    }
    return atomic_load(&s->is_stopping) ? 0 : n;
}

void serve_address(const struct sockaddr *a, char name[SERVE_ADDRESS_BYTES])
{
    const socklen_t n =
        a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(a, n, name, SERVE_ADDRESS_BYTES, NULL, 0, NI_NUMERICHOST))
        strcpy(name, "?");
}

static int listen_on(const struct addrinfo *a)
{
    static const int on = 1;
    const int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, 16)) {
        const int reason = errno;
        close(fd);
        errno = reason;
        return -1;
    }
    return fd;
}

int serve_listen(const char *address, uint16_t port, char name[SERVE_ADDRESS_BYTES])
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct sockaddr_storage got;
    socklen_t n = sizeof(got);
    struct addrinfo *list = NULL;
    char service[8], host[SERVE_ADDRESS_BYTES - 16], real[8];
    snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(address, service, &hints, &list)) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    const int fd = listen_on(list);
    const bool is_v6 = list->ai_family == AF_INET6;
    freeaddrinfo(list);
    if (fd < 0)
        return -1;
    if (getsockname(fd, (struct sockaddr *)&got, &n) ||
        getnameinfo((struct sockaddr *)&got, n, host, sizeof(host), real, sizeof(real),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        close(fd);
        errno = EADDRNOTAVAIL;
        return -1;
    }
    snprintf(name, SERVE_ADDRESS_BYTES, is_v6 ? "[%s]:%s" : "%s:%s", host, real);
    return fd;
}

bool serve_is_loopback(const char *address)
{
    return !strncmp(address, "127.", 4) || !strcmp(address, "::1");
}
