/* agent/update_run.h - the loop that carries a source into an update session.
 * Used by the command line and by firmware: opens the source, begins the session, moves bytes, ends
 * either well or with everything closed and aborted. Prints nothing; tells through callbacks. */
#ifndef FERRY_UPDATE_RUN_H
#define FERRY_UPDATE_RUN_H

#include "agent/source.h"
#include "ferry/update.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Where an update is, in the order these come. */
enum ferry_stage {
    FERRY_STAGE_OPENING,   // the source is about to be opened
    FERRY_STAGE_RECEIVING, // source open, session begun: u->target, u->slot, total length known
    FERRY_STAGE_DESCRIBED, // ferry_image_desc(&u->image, ...) says what is coming
    FERRY_STAGE_VERIFYING, // every byte is here; the slot is read back, then made bootable
    FERRY_STAGE_DONE,      // it boots next; u->sha256 is the file's
};

/** What the caller wants to hear. All may be NULL. Called from inside ferry_update_run. */
struct ferry_update_events {
    void (*stage)(void *ctx, enum ferry_stage stage, const struct ferry_update *u);
    /** After each piece. total_bytes 0: not known. */
    void (*progress)(void *ctx, uint32_t done_bytes, uint32_t total_bytes);
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
    struct ferry_update_events events;

    struct ferry_fault fault; // why it failed
    const char *detail;       // in words, from the source; NULL: nothing more to say
    bool is_source_to_blame;  // the source failed, not the image or the flash
};

/** Does the whole update in *u, which needs no preparation. On success the target boots next. On
 * any error, cancelling included, the session is aborted, the source closed, and what runs is as it
 * was. FERRY_ERR_UPDATE_LENGTH  the source announces another length than promised: nothing was
 * written; fault: announced, promised FERRY_ERR_CANCELLED      not any more once the flip is under
 * way FERRY_ERR_ARG            no buffer else the errors of the source, of ferry_update_begin,
 * _write and _finish. */
FERRY_MUST_CHECK ferry_err ferry_update_run(struct ferry_update *u, struct ferry_update_job *job);

#ifdef __cplusplus
}
#endif
#endif
