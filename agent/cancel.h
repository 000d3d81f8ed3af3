/* agent/cancel.h - how a caller stops a job that may take long.
 * The callback is asked between steps and, by every port that waits, at least every 200 ms; it
 * runs in the job's own thread and only looks at a flag that a signal handler or a button set. */
#ifndef FERRY_CANCEL_H
#define FERRY_CANCEL_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_CANCEL_POLL_MS 200u // a waiting port asks at least this often

struct ferry_cancel {
    bool (*asked)(void *ctx);
    void *ctx;
};

/** True if the job is to stop. NULL: it cannot be asked to. */
bool ferry_cancel_asked(const struct ferry_cancel *c);

#ifdef __cplusplus
}
#endif

#endif
