/* agent/note.h - what a note means, for whoever keeps one: a checkpoint and, behind it, the
 * source's validator in words, so that a server can be asked for the rest of that very file. Used
 * by updates and by the staging of a reflash. Design: docs/design/resume.md. */
#ifndef FERRY_NOTE_H
#define FERRY_NOTE_H

#include "agent/keeper.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What goes into a checkpoint for a validator; it counts for one address only, because two files
 * can have the same date. NULL if the source has no address or gave no validator. */
const uint8_t *ferry_note_digest(const struct ferry_source *s, const char *validator,
                                 uint8_t out[FERRY_CHECKPOINT_VALIDATOR]);

/** Puts the validator behind the checkpoint in a note; "" where ferry_note_digest was NULL. */
void ferry_note_seal(uint8_t note[FERRY_NOTE_BYTES], const char *validator);

/** Whether the note may be of the file that this source has; `validator` gets what to ask with, ""
 * nothing. A local source is compared byte for byte later, and a promised SHA-256 needs no
 * validator. FERRY_ERR_CHECKPOINT it is not, or damaged. */
FERRY_MUST_CHECK ferry_err ferry_note_read(const uint8_t note[FERRY_NOTE_BYTES],
                                           const struct ferry_source *s, bool has_sha256,
                                           struct ferry_checkpoint *out,
                                           char validator[FERRY_SOURCE_VALIDATOR_BYTES]);

#ifdef __cplusplus
}
#endif
#endif
