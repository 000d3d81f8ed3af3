/* agent/update_run.h - the loop that carries a source into an update session.
 * Used by the command line and by firmware: opens the source, begins the session or takes up an
 * interrupted one, moves bytes, asks again where that is worth it, ends either well or with
 * everything closed and aborted. Prints nothing; tells through callbacks. Resuming and retrying,
 * with the reasons: docs/design/resume.md. */
#ifndef FERRY_UPDATE_RUN_H
#define FERRY_UPDATE_RUN_H

#include "agent/keeper.h"
#include "agent/retry.h"
#include "agent/source.h"
#include "ferry/update.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_RUN_RESTARTS 2u // most times that one update begins anew by itself

/** Where an update is, in the order these come. An update that begins anew goes back to
 * RECEIVING. */
enum ferry_stage {
    FERRY_STAGE_OPENING,   // the source is about to be opened
    FERRY_STAGE_RECEIVING, // source open, session begun: u->target, u->slot, total length known;
                           // u->got_bytes above 0: it goes on there
    FERRY_STAGE_DESCRIBED, // ferry_image_desc(&u->image, ...) says what is coming
    FERRY_STAGE_VERIFYING, // every byte is here; the slot is read back, then made bootable
    FERRY_STAGE_DONE,      // it boots next; u->sha256 is the file's
};

enum ferry_remark_kind {
    FERRY_REMARK_RETRY,  // the source failed and is asked again after the pause
    FERRY_REMARK_ANEW,   // what was written is no use: from the first byte again; detail says why
    FERRY_REMARK_UNKEPT, // the keeper failed, so an interruption now costs more; the update goes on
};

/** Something that is no failure yet. */
struct ferry_remark {
    enum ferry_remark_kind kind;
    struct ferry_fault fault; // what went wrong
    const char *detail;       // in words; NULL: nothing more to say
    uint32_t pause_ms;        // RETRY
    uint32_t n, n_most;       // RETRY: the n-th of n_most tries in a row without a new byte
};

/** What the caller wants to hear. All may be NULL. Called from inside ferry_update_run. */
struct ferry_update_events {
    void (*stage)(void *ctx, enum ferry_stage stage, const struct ferry_update *u);
    /** After each piece. total_bytes 0: not known. */
    void (*progress)(void *ctx, uint32_t done_bytes, uint32_t total_bytes);
    void (*remark)(void *ctx, const struct ferry_remark *remark);
    void *ctx;
};

/** One update to be done. The fields up to `events` are the caller's; the rest are results. */
struct ferry_update_job {
    struct ferry_device *device;
    struct ferry_source *source;
    // length_bytes: what the caller was promised, by the user or a manifest; 0: nothing promised,
    // then the source's own word is taken.
    const struct ferry_update_config *config;
    void *buffer; // bytes on their way; any size, 4 KB is good
    uint32_t buffer_bytes;
    const struct ferry_cancel *cancel; // NULL: cannot be cancelled
    struct ferry_keeper *keeper;       // NULL: no checkpoints
    bool is_anew;                      // begin at the first byte, whatever the keeper has
    struct ferry_retry retry;          // {0}: no retries
    struct ferry_update_events events;

    struct ferry_fault fault; // why it failed
    const char *detail;       // in words, from the source; NULL: nothing more to say
    bool is_source_to_blame;  // the source failed, not the image or the flash
    bool can_go_on;           // it failed, but the same job later goes on where it stopped
};

/** Does the whole update in *u, which needs no preparation. On success the target boots next. On
 * any error, cancelling included, the session is aborted, the source closed, and what runs is as it
 * was; the checkpoint is dropped if the bytes were found wrong, and else kept.
 * FERRY_ERR_UPDATE_LENGTH  the source announces another length than promised: nothing was
 *                          written; fault: announced, promised
 * FERRY_ERR_CANCELLED      not any more once the flip is under way
 * FERRY_ERR_ARG            no buffer
 * else the errors of the source, of ferry_update_begin, _write and _finish. */
FERRY_MUST_CHECK ferry_err ferry_update_run(struct ferry_update *u, struct ferry_update_job *job);

#ifdef __cplusplus
}
#endif
#endif
