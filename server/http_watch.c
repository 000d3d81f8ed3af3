/* server/http_watch.c - the list of connections and the thread that cuts the late ones. */
#include "http_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "metrics.h"

#define LOOK_EVERY_MS 100

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

/** Cuts what is late. The lock is held, so no socket of the list can be closed meanwhile. */
static void look(struct http_watch *w, int64_t now_ms)
{
    for (struct http_connection *c = w->first; c; c = c->next) {
        const int64_t deadline_ms = atomic_load_explicit(&c->deadline_ms, memory_order_relaxed);
        if (deadline_ms > now_ms)
            continue;
        metrics_add(w->metrics, metric_of(atomic_load(&c->phase)), 1);
        atomic_store_explicit(&c->deadline_ms, HTTP_NEVER, memory_order_relaxed);
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
