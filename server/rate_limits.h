/* server/rate_limits.h - how often somebody may do something: token buckets in bounded memory.
 * Kept per process: several instances allow as many times more. The table never grows; under a
 * flood of new names those that asked longest ago are forgotten, and begin anew. */
#ifndef SERVER_RATE_LIMITS_H
#define SERVER_RATE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit_kind {
    LIMIT_REQUESTS,      // of an address
    LIMIT_ENROL_ADDRESS, // tries to enrol that led to nothing new
    LIMIT_ENROL_TOKEN,
    LIMIT_SIGNATURES, // of the authority, altogether
    LIMIT_LOGIN,      // tries to log in, of an address
    LIMIT_KINDS
};

/** How much: `burst` at once, `per_minute` over time; 0 per minute: no limit. */
struct limit_rate {
    uint32_t burst, per_minute;
};

struct limits;

/** NULL: no memory, or no randomness. */
struct limits *limits_new(void);
void limits_free(struct limits *l);

/** Sets a rate; also while others ask. */
void limits_set(struct limits *l, enum limit_kind kind, struct limit_rate rate);

/** Takes one of what `name` (n bytes, whatever they are) may still do. False: none is left;
 * *wait_s gets the seconds until there is one, 1 at least. now_ms is any monotonic time. */
bool limits_take(struct limits *l, enum limit_kind kind, const void *name, size_t n, int64_t now_ms,
                 unsigned *wait_s);

/** Gives back one that was taken: what it was taken for is not to count. */
void limits_give_back(struct limits *l, enum limit_kind kind, const void *name, size_t n);

#endif
