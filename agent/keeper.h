/* agent/keeper.h - the contract of whoever keeps a checkpoint across a reset.
 * A note of fixed size, written whole or not at all: what is loaded is what was last saved, or
 * nothing. Implemented by ports/posix/keeper_file.c; on a chip by a few hundred bytes of NVS. What
 * a note means: agent/note.h. */
#ifndef FERRY_KEEPER_H
#define FERRY_KEEPER_H

#include "agent/source.h"
#include "ferry/update.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_NOTE_BYTES (FERRY_CHECKPOINT_BYTES + FERRY_SOURCE_VALIDATOR_BYTES)

struct ferry_keeper;

/** What an update does with its notes: agent/update_kept.c. Every keeper names it, so that who
 * gives an update no keeper links nothing of making checkpoints and taking them up. */
struct ferry_keeping;
extern const struct ferry_keeping ferry_keeping;

struct ferry_keeper_ops {
    /** The note. FERRY_ERR_NOT_FOUND there is none, or nothing of this size. */
    ferry_err (*load)(struct ferry_keeper *k, uint8_t note[FERRY_NOTE_BYTES]);
    /** Keeps the note instead of the one before; after a power loss one of the two is there. */
    ferry_err (*save)(struct ferry_keeper *k, const uint8_t note[FERRY_NOTE_BYTES]);
    /** Forgets the note; FERRY_OK if there is none. */
    ferry_err (*drop)(struct ferry_keeper *k);
    const struct ferry_keeping *keeping; // &ferry_keeping
};

/** A keeper; a port has it as its first member. Caller-owned. */
struct ferry_keeper {
    const struct ferry_keeper_ops *ops;
};

#ifdef __cplusplus
}
#endif
#endif
