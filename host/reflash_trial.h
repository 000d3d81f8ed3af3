/* host/reflash_trial.h - a flash in memory that begins as a copy of another: what is tried on it
 * changes nothing. `ferry reflash plan` stages and checks on one. Keeps the contract of
 * ferry/flash.h. */
#ifndef FERRY_REFLASH_TRIAL_H
#define FERRY_REFLASH_TRIAL_H

#include "ferry/flash.h"

/** Caller-owned; give it back to ferry_reflash_trial_close. */
struct ferry_reflash_trial {
    struct ferry_flash flash;
    uint8_t *bytes; // flash.size_bytes
};

/** Copies a flash. FERRY_ERR_NO_MEMORY; flash errors. Nothing is to be closed then. */
FERRY_MUST_CHECK ferry_err ferry_reflash_trial_open(struct ferry_reflash_trial *t,
                                                    const struct ferry_flash *of);

/** Frees it; harmless on one that is all zero. */
void ferry_reflash_trial_close(struct ferry_reflash_trial *t);

#endif
