/* agent/retry.h - when it is worth to ask again, and after what pause.
 * Exponential backoff with full jitter: many devices that lost the same server must not come back
 * at the same moment. No clock and no chance of its own: both come from the caller, so a test knows
 * them. Table of what is worth it: docs/design/resume.md. */
#ifndef FERRY_RETRY_H
#define FERRY_RETRY_H

#include <stdbool.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_RETRY_FIRST_MS     1000u // longest pause after the first failure; doubles each time
#define FERRY_RETRY_MOST_MS      60000u
#define FERRY_RETRY_AFTER_MOST_S 600u // longest Retry-After that is obeyed
#define FERRY_RETRY_TRIES        5u   // a good n_most

/** How often and how. {0}: never. */
struct ferry_retry {
    uint32_t n_most; // tries in a row that bring no new byte; 0: none
    /** Waits; returns early if the job is cancelled. Required if n_most is not 0. */
    void (*sleep_ms)(void *ctx, uint32_t ms);
    /** Any 32 bits, all as likely. NULL: the longest pause always. */
    uint32_t (*random)(void *ctx);
    void *ctx;
};

/** True if the same request may succeed later: connection not made or lost, silence, and the
 * statuses 408, 425, 429 and 5xx. Everything else would fail again. */
bool ferry_retry_is_worth(const struct ferry_fault *fault);

/** The pause after the n-th failure in a row (1 is the first). retry_after_s: what the server asked
 * for, obeyed within 1 to 600 s; 0: nothing, then it is by chance between 0 and a limit that
 * doubles from 1 s to 60 s. */
uint32_t ferry_retry_pause_ms(const struct ferry_retry *r, uint32_t n, uint32_t retry_after_s);

#ifdef __cplusplus
}
#endif
#endif
