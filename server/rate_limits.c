/* server/rate_limits.c - buckets in sets of eight, found by a keyed hash that nobody can aim at. */
#include "rate_limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "ferry/crypto.h"

#define SETS       2048u // a power of two
#define WAYS       8u
#define LOCKS      64u
#define FULL_UNITS 60000 // one use, in units of a per-minute rate times milliseconds

struct bucket {
    uint64_t name; // of its hash; 0: free
    int64_t units, at_ms;
};

struct limits {
    uint8_t key[16];
    _Atomic uint64_t rates[LIMIT_KINDS]; // burst above per_minute
    pthread_mutex_t locks[LOCKS];
    struct bucket buckets[SETS][WAYS];
};

struct limits *limits_new(void)
{
    struct limits *const l = calloc(1, sizeof(*l));
    if (!l)
        return NULL;
    if (getrandom(l->key, sizeof(l->key), 0) != (ssize_t)sizeof(l->key)) {
        free(l);
        return NULL;
    }
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&l->locks[i], NULL);
    return l;
}

void limits_free(struct limits *l)
{
    for (size_t i = 0; l && i < LOCKS; i++)
        pthread_mutex_destroy(&l->locks[i]);
    free(l);
}

void limits_set(struct limits *l, enum limit_kind kind, struct limit_rate rate)
{
    atomic_store(&l->rates[kind], (uint64_t)rate.burst << 32 | rate.per_minute);
}

static uint64_t hash_of(const struct limits *l, enum limit_kind kind, const void *name, size_t n)
{
    struct ferry_sha256 sha;
    uint8_t digest[FERRY_SHA256_BYTES];
    const uint8_t tag = (uint8_t)kind;
    uint64_t hash;
    ferry_sha256_init(&sha);
    ferry_sha256_update(&sha, l->key, sizeof(l->key));
    ferry_sha256_update(&sha, &tag, 1);
    ferry_sha256_update(&sha, name, n);
    ferry_sha256_finish(&sha, digest);
    memcpy(&hash, digest, sizeof(hash));
    return hash ? hash : 1;
}

/** The bucket of a name, a full one if it is new; its set is locked. */
static struct bucket *find_bucket(struct bucket set[WAYS], uint64_t name, int64_t full,
                                  int64_t now_ms)
{
    struct bucket *oldest = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].name == name)
            return &set[i];
        if (set[i].at_ms < oldest->at_ms || !set[i].name)
            oldest = &set[i];
    }
    *oldest = (struct bucket){.name = name, .units = full, .at_ms = now_ms};
    return oldest;
}

bool limits_take(struct limits *l, enum limit_kind kind, const void *name, size_t n, int64_t now_ms,
                 unsigned *wait_s)
{
    const uint64_t rate = atomic_load(&l->rates[kind]);
    const int64_t per_minute = (int64_t)(rate & UINT32_MAX), burst = (int64_t)(rate >> 32);
    if (!per_minute)
        return true;
    const int64_t full = (burst ? burst : 1) * FULL_UNITS;
    const uint64_t hash = hash_of(l, kind, name, n);
    const size_t set = hash & (SETS - 1);
    pthread_mutex_t *const lock = &l->locks[set % LOCKS];
    pthread_mutex_lock(lock);
    struct bucket *const b = find_bucket(l->buckets[set], hash, full, now_ms);
    // An hour fills any bucket that has a rate; more would only overflow.
    const int64_t passed = now_ms - b->at_ms < 3600000 ? now_ms - b->at_ms : 3600000;
    b->units += passed > 0 ? passed * per_minute : 0;
    b->units = b->units < full ? b->units : full;
    b->at_ms = now_ms;
    const bool is_allowed = b->units >= FULL_UNITS;
    if (is_allowed)
        b->units -= FULL_UNITS;
    else
        *wait_s = (unsigned)((FULL_UNITS - b->units + per_minute * 1000 - 1) / (per_minute * 1000));
    pthread_mutex_unlock(lock);
    if (!is_allowed && *wait_s < 1)
        *wait_s = 1;
    return is_allowed;
}

void limits_give_back(struct limits *l, enum limit_kind kind, const void *name, size_t n)
{
    const uint64_t hash = hash_of(l, kind, name, n);
    const size_t set = hash & (SETS - 1);
    pthread_mutex_t *const lock = &l->locks[set % LOCKS];
    pthread_mutex_lock(lock);
    for (size_t i = 0; i < WAYS; i++) {
        if (l->buckets[set][i].name == hash)
            l->buckets[set][i].units += FULL_UNITS; // too much is cut off when it is next asked
    }
    pthread_mutex_unlock(lock);
}
