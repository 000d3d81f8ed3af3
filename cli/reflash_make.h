/* cli/reflash_make.h - what the parts of making a plan share: reflash_make.c makes it,
 * reflash_place.c says where things lie, reflash_staging.c brings contents in from outside. */
#ifndef CLI_REFLASH_MAKE_H
#define CLI_REFLASH_MAKE_H

#include "reflash_job.h"

/** Where a wish's content is to lie. Returns CLI_EXIT_OK, or the exit code after complaining. */
int reflash_destination(struct reflash_job *job, const struct reflash_wish *wish,
                        struct ferry_span *out);

/** The largest range that no partition of today or afterwards, no step, no staging area and not the
 * journal uses; size 0: there is none. FERRY_ERR_NO_MEMORY. */
ferry_err reflash_gap(const struct reflash_job *job, struct ferry_span *out);

/** True if the step's region is blank behind its content. */
bool reflash_rest_is_blank(const struct reflash_job *job, const struct ferry_step *s);

/** A rest that is blank already need not be made so: then it is no part of the work, nor of a
 * backup. The length must be known. */
void reflash_spare_rest(const struct reflash_job *job, struct ferry_step *s);

/** Fetches the new table of a wish and reads its rows into job->after. Returns CLI_EXIT_OK, or the
 * exit code after complaining. */
int reflash_new_table(struct reflash_job *job, const struct reflash_wish *wish);

/** Adds the goals whose contents come from outside to the plan: those that the destination holds
 * already as they are, the others by way of the staging area. Returns CLI_EXIT_OK, or the exit code
 * after complaining. */
int reflash_stage_all(struct reflash_job *job);

#endif
