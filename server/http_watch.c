/* server/http_watch.c - the list of connections and the thread that cuts the late ones. */
#include "http_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#include "metrics.h"

#define LOOK_EVERY_MS 100
#define LEFT_LOOKS    5u // in a row, before a client counts as gone

struct http_watch {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool is_stopped;
    struct http_connection *first;
    struct metrics *metrics;
};

int64_t http_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum metric metric_of(int phase)
{
    static const enum metric metrics[] = {METRIC_LATE_HANDSHAKE, METRIC_LATE_HEAD,
                                          METRIC_LATE_BODY,      METRIC_LATE_ANSWER,
                                          METRIC_LATE_ANSWER,    METRIC_LATE_IDLE};
    return metrics[phase];
}

/** True if a client went away in the middle of a body. MHD 0.9 does not notice: its epoll
 * tells each event once, and the end that comes together with bytes is one event with them, after
 * which a short read makes it wait for the next. What moves the body moves its deadline; if that
 * stands still and nothing is left to be read, nothing will come. */
static bool has_left(struct http_connection *c, int64_t deadline_ms)
{
    char byte;
    const bool is_over = atomic_load_explicit(&c->phase, memory_order_relaxed) == HTTP_BODY &&
                         recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
    c->n_left = is_over && c->left_deadline_ms == deadline_ms ? c->n_left + 1 : 0;
    c->left_deadline_ms = is_over ? deadline_ms : 0;
    return c->n_left >= LEFT_LOOKS;
}

/** Cuts what is late. The lock is held, so no socket of the list can be closed meanwhile. */
static void look(struct http_watch *w, int64_t now_ms)
{
    for (struct http_connection *c = w->first; c; c = c->next) {
        int64_t deadline_ms = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
        const bool is_late = deadline_ms <= now_ms;
        if (!is_late && !has_left(c, deadline_ms))
            continue;
        // Whoever has moved on at this very moment is neither.
        const int phase = atomic_load(&c->phase);
        if (!atomic_compare_exchange_strong(&c->deadline_ms, &deadline_ms, HTTP_NEVER))
            continue;
        if (is_late)
            metrics_add(w->metrics, metric_of(phase), 1);
        // Last: MHD sees the end of the connection, and what it then cleans up changes the phase.
        shutdown(c->fd, SHUT_RDWR);
    }
}

static void *watch(void *ctx)
{
    struct http_watch *const w = ctx;
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopped) {
        struct timespec until;
        look(w, http_now_ms());
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_EVERY_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&w->wake, &w->lock, &until);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

struct http_watch *http_watch_start(struct metrics *m)
{
    pthread_condattr_t attr;
    struct http_watch *const w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->metrics = m;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&w->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (!pthread_create(&w->thread, NULL, watch, w))
        return w;
    free(w);
    return NULL;
}

void http_watch_stop(struct http_watch *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_stopped = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

void http_watch_add(struct http_watch *w, struct http_connection *c)
{
    pthread_mutex_lock(&w->lock);
    c->previous = NULL;
    c->next = w->first;
    if (w->first)
        w->first->previous = c;
    w->first = c;
    pthread_mutex_unlock(&w->lock);
}

void http_watch_remove(struct http_watch *w, struct http_connection *c)
{
    pthread_mutex_lock(&w->lock);
    if (c->previous)
        c->previous->next = c->next;
    else
        w->first = c->next;
    if (c->next)
        c->next->previous = c->previous;
    pthread_mutex_unlock(&w->lock);
}

void http_watch_phase(struct http_connection *c, enum http_phase phase, int64_t deadline_ms)
{
    atomic_store_explicit(&c->phase, (int)phase, memory_order_relaxed);
    atomic_store_explicit(&c->deadline_ms, deadline_ms, memory_order_relaxed);
}

unsigned http_watch_busy(struct http_watch *w)
{
    unsigned n = 0;
    pthread_mutex_lock(&w->lock);
    for (const struct http_connection *c = w->first; c; c = c->next) {
        const int phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
        n += phase == HTTP_BODY || phase == HTTP_WORK || phase == HTTP_ANSWER;
    }
    pthread_mutex_unlock(&w->lock);
    return n;
}
