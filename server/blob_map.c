/* server/blob_map.c - a few mappings, the one used longest ago given up first. */
#include "blob_map.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blobs.h"

#define KEPT      16u // mappings that nobody uses are kept for the next who asks
#define HEX_CHARS 64u

struct entry {
    struct blob_view view; // first: a view is its entry
    struct entry *next;    // the one used before this
    char hex[HEX_CHARS + 1];
    unsigned uses;
};

struct blob_map {
    pthread_mutex_t lock;
    struct entry *newest;
};

struct blob_map *blob_map_new(void)
{
    struct blob_map *const m = calloc(1, sizeof(*m));
    if (m)
        pthread_mutex_init(&m->lock, NULL);
    return m;
}

static void end_entry(struct entry *e)
{
    if (e->view.n)
        munmap((void *)(uintptr_t)e->view.bytes, e->view.n);
    free(e);
}

void blob_map_free(struct blob_map *m)
{
    if (!m)
        return;
    for (struct entry *e = m->newest, *next; e; e = next) {
        next = e->next;
        end_entry(e);
    }
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static struct entry *map_file(int blobs_fd, const char *hex)
{
    uint64_t n = 0;
    struct entry *e = NULL;
    const int fd = blobs_open(blobs_fd, hex, &n);
    if (fd < 0)
        return NULL;
    if (n <= SIZE_MAX && (e = calloc(1, sizeof(*e)))) {
        e->view.n = (size_t)n;
        memcpy(e->hex, hex, HEX_CHARS + 1);
        void *const bytes = n ? mmap(NULL, e->view.n, PROT_READ, MAP_SHARED, fd, 0) : NULL;
        e->view.bytes = bytes;
        if (bytes == MAP_FAILED) {
            free(e);
            e = NULL;
        }
    }
    close(fd);
    return e;
}

/** Gives up what is unused beyond the number kept; the lock is held. */
static void give_up(struct blob_map *m)
{
    unsigned n = 0;
    for (struct entry **at = &m->newest; *at;) {
        struct entry *const e = *at;
        if (++n > KEPT && !e->uses) {
            *at = e->next;
            end_entry(e);
        } else {
            at = &e->next;
        }
    }
}

/** Takes the entry out of the list, to be put in front. */
static struct entry *take(struct blob_map *m, const char *hex)
{
    for (struct entry **at = &m->newest; *at; at = &(*at)->next) {
        struct entry *const e = *at;
        if (!strcmp(e->hex, hex)) {
            *at = e->next;
            return e;
        }
    }
    return NULL;
}

const struct blob_view *blob_map_use(struct blob_map *m, int blobs_fd, const char *hex)
{
    pthread_mutex_lock(&m->lock);
    struct entry *e = take(m, hex);
    if (!e)
        e = map_file(blobs_fd, hex);
    const int reason = errno;
    if (e) {
        e->uses++;
        e->next = m->newest;
        m->newest = e;
        give_up(m);
    }
    pthread_mutex_unlock(&m->lock);
    errno = reason;
    return e ? &e->view : NULL;
}

void blob_map_release(struct blob_map *m, const struct blob_view *view)
{
    pthread_mutex_lock(&m->lock);
    ((struct entry *)(uintptr_t)view)->uses--;
    pthread_mutex_unlock(&m->lock);
}
