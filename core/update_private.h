/* core/update_private.h - what the parts of an update session share.
 * core/update.c moves the bytes, core/update_accept.c judges whether the image is welcome. */
#ifndef FERRY_CORE_UPDATE_PRIVATE_H
#define FERRY_CORE_UPDATE_PRIVATE_H

#include "ferry/update.h"

enum ferry__update_phase {
    UPDATE_FAILED,
    UPDATE_RECEIVING,
    UPDATE_REHASHING,
    UPDATE_READING_BACK,
    UPDATE_WRITING_HEAD,
    UPDATE_FLIPPING,
    UPDATE_DONE,
};

ferry_err ferry__update_fail(struct ferry_update *u, ferry_err err, uint32_t value, uint32_t limit,
                             uint32_t off_bytes);

/** A flash operation on the slot ended so: its error, if it is one, ends the session. */
ferry_err ferry__update_flash(struct ferry_update *u, ferry_err err, uint32_t off_bytes);

/** How many of the first bytes are held back. */
uint32_t ferry__update_head_bytes(const struct ferry_update *u);

/** Whether the image, by its header and descriptor, may replace what runs. */
ferry_err ferry__update_accept(struct ferry_update *u);

#endif
