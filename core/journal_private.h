/* core/journal_private.h - what the journal shares with the reflash that it keeps the plan of. */
#ifndef FERRY_CORE_JOURNAL_PRIVATE_H
#define FERRY_CORE_JOURNAL_PRIVATE_H

#include "ferry/journal.h"

/** What ferry_plan_decode checks beyond the encoding; errors and *step as there. is_ordered: the
 * steps stand in the order they will run in, so a source that an earlier one overwrites is lost. */
ferry_err ferry__plan_check(const struct ferry_plan *plan, bool is_ordered, int *step,
                            struct ferry_fault *fault);

/** The part of it that concerns one step alone. */
ferry_err ferry__step_check(const struct ferry_plan *plan, const struct ferry_step *s,
                            struct ferry_fault *fault);

/** A step as bytes. */
void ferry__plan_put_step(const struct ferry_step *s, uint8_t out[FERRY_PLAN_STEP_BYTES]);

/** Step i of an encoded plan, unchecked. */
void ferry__plan_step(const uint8_t *bytes, uint32_t i, struct ferry_step *s);

/** Bytes of the chunk that begins at_bytes into a step's span; 0 at its end. */
uint32_t ferry__journal_chunk_bytes(const struct ferry_journal *j, const struct ferry_step *step,
                                    uint32_t at_bytes);

/** Bytes of flash that a step may write: none if the destination holds its content already. */
uint32_t ferry__step_work_bytes(const struct ferry_step *step);

#endif
