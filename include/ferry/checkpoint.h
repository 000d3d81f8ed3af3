/* ferry/checkpoint.h - where a download stopped, in 128 bytes that a port keeps across a reset.
 * Opaque to the port, made and taken up by updates (ferry/update.h) and by the staging area of a
 * reflash (ferry/reflash.h). It never outranks flash: what is there is read again first.
 * Design: docs/design/resume.md. */
#ifndef FERRY_CHECKPOINT_H
#define FERRY_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_CHECKPOINT_BYTES     128u
#define FERRY_CHECKPOINT_EVERY     0x10000u // bytes between two checkpoints
#define FERRY_CHECKPOINT_VALIDATOR 32u

/** What a checkpoint says to whoever opens the source again. */
struct ferry_checkpoint {
    uint32_t off_bytes;                            // ask the source for the bytes from here on
    uint32_t length_bytes;                         // of the whole file; 0: was not known
    uint8_t validator[FERRY_CHECKPOINT_VALIDATOR]; // zeros: none
};

/** Reads a blob, of an update or of a staged content.
 * FERRY_ERR_CHECKPOINT it is damaged or not one. */
FERRY_MUST_CHECK ferry_err ferry_checkpoint_read(const uint8_t *blob, size_t blob_bytes,
                                                 struct ferry_checkpoint *out);

#ifdef __cplusplus
}
#endif
#endif
