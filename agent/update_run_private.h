/* agent/update_run_private.h - what the parts of the update loop share.
 * update_run.c has the loop, update_kept.c what is kept for the next one. */
#ifndef FERRY_UPDATE_RUN_PRIVATE_H
#define FERRY_UPDATE_RUN_PRIVATE_H

#include "agent/update_run.h"

/** One update under way. */
struct ferry__run {
    struct ferry_update *u;
    struct ferry_update_job *job;
    struct ferry_update_config config;            // the job's, with the length as far as known
    char validator[FERRY_SOURCE_VALIDATOR_BYTES]; // of the file whose bytes are here; "" none
    bool is_begun;                                // there is a session
    bool is_told;                                 // of this session RECEIVING was told
    bool is_described;
    bool is_sewn; // of bytes that nothing but the promised SHA-256 says to be of one file
    bool keeps;   // there is a keeper, and it works
    const struct ferry_keeping *keeping; // NULL: there is none
    bool has_note;                       // it has a checkpoint of this update
    uint32_t n_anew;                     // times it began anew
    uint32_t n_tries;                    // in a row that brought no new byte
    uint32_t best_bytes;
};

void ferry__run_remark(const struct ferry__run *r, const struct ferry_remark *remark);

struct ferry_keeping {
    /** Begins a session where the kept checkpoint left off.
     * FERRY_ERR_NOT_FOUND there is none that fits: begin anew. Else as ferry_update_resume, and a
     * session is over. */
    ferry_err (*take_up)(struct ferry__run *r);
    /** Keeps a checkpoint if one is due. Only the session's own errors: without its keeper an
     * update goes on. */
    ferry_err (*keep)(struct ferry__run *r);
    void (*drop)(struct ferry__run *r);
};

#endif
