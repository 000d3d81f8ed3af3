/* ferry/journal.h - a reflash plan, its bytes, and the one sector of flash that remembers it.
 * The plan is what is to lie where when all is done; the journal holds it together with marks for
 * what was done already, so that whoever starts next can go on. Rests on flash and crypto alone:
 * a bootloader links this and core/reflash.c, nothing more. Bytes: docs/design/reflash.md. */
#ifndef FERRY_JOURNAL_H
#define FERRY_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "ferry/crypto.h"
#include "ferry/err.h"
#include "ferry/flash.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_PLAN_STEPS           16u
#define FERRY_PLAN_HEAD_BYTES      32u
#define FERRY_PLAN_STEP_BYTES      64u
#define FERRY_PLAN_BYTES           1056u // the head and all steps
#define FERRY_PLAN_SIGNATURE_BYTES 1216u // one Secure Boot v2 block
#define FERRY_JOURNAL_BYTES        4096u

/** What a step writes; decides how its content is checked and when its turn comes. */
enum ferry_step_kind {
    FERRY_STEP_DATA = 1,   // a data partition: NVS, a file system, otadata
    FERRY_STEP_APP,        // an application image, at the start of a partition of the new table
    FERRY_STEP_TABLE,      // a partition table
    FERRY_STEP_BOOTLOADER, // a second-stage bootloader, at its place or the recovery place
    FERRY_STEP_RAW,        // anything; its content is not looked at
    FERRY_STEP_BACKUP,     // what another step overwrites, kept for undo
};

/** Where a step's bytes are when the plan begins. All of it is in flash by then. */
enum ferry_step_source {
    FERRY_SOURCE_STAGED = 1, // in the staging area, put there for this plan
    FERRY_SOURCE_EMBEDDED,   // inside the running app's own image
    FERRY_SOURCE_MOVED,      // elsewhere in flash: a partition moved along with its content
    FERRY_SOURCE_BLANK,      // none: the region becomes blank; length 0
    FERRY_SOURCE_HELD,       // none: the destination holds it already
};

#define FERRY_STEP_BLANK_REST 1u // the region behind the content becomes blank too
#define FERRY_STEP_RESUMES    2u // (bootloader) it calls ferry_reflash_resume itself

/** One step. Offsets are absolute; dest_* are multiples of the sector. */
struct ferry_step {
    uint8_t kind;   // enum ferry_step_kind
    uint8_t source; // enum ferry_step_source
    uint16_t flags; // FERRY_STEP_...
    uint32_t dest_off_bytes;
    uint32_t dest_size_bytes;           // the region; at least length_bytes
    uint32_t length_bytes;              // of the content
    uint32_t source_off_bytes;          // of the content; 0 with BLANK and HELD
    uint8_t sha256[FERRY_SHA256_BYTES]; // of the content
};

struct ferry_plan {
    uint32_t flash_bytes;       // the chip it was made for
    uint32_t journal_off_bytes; // the sector it was made for
    uint32_t flags;             // FERRY_REFLASH_... it was checked with
    uint8_t n_steps;
    uint8_t switch_step; // the first step that decides about booting; n_steps: none does
    struct ferry_step steps[FERRY_PLAN_STEPS];
};

/** Bytes of flash that a step takes: whole sectors, all of the region with BLANK_REST. */
uint32_t ferry_step_span_bytes(const struct ferry_step *step, uint32_t sector_bytes);

/** Encodes a plan: FERRY_PLAN_HEAD_BYTES and FERRY_PLAN_STEP_BYTES for each step; the length. */
uint32_t ferry_plan_encode(const struct ferry_plan *plan, uint8_t out[FERRY_PLAN_BYTES]);

/** Decodes a plan and checks everything that can be checked without looking at flash: numbers in
 * range, regions inside the flash and on sectors, lengths that fit their regions, no destination
 * that overlaps another, its own source or the journal's sector. *out is usable on success only.
 * FERRY_ERR_REFLASH_FORMAT  not such a plan; fault: the byte it stopped at
 * FERRY_ERR_REFLASH_STEPS, FERRY_ERR_FLASH_ALIGN, FERRY_ERR_FLASH_RANGE, FERRY_ERR_REFLASH_SIZE,
 * FERRY_ERR_REFLASH_OVERLAP as ferry_reflash_check; *step gets the number of the step. */
FERRY_MUST_CHECK ferry_err ferry_plan_decode(const uint8_t *bytes, uint32_t n,
                                             struct ferry_plan *out, int *step,
                                             struct ferry_fault *fault);

/** The bytes that a signature of a plan signs: what is to lie where, its kinds, flags and hashes,
 * but not where on this device the bytes come from, because the hash says which bytes they must
 * be. Of a MOVED step (a backup is one) the hash is the device's own, so there the source's offset
 * stands instead. Steps come in the order of their destinations. Returns the length. */
uint32_t ferry_plan_signed_bytes(const struct ferry_plan *plan, uint8_t out[FERRY_PLAN_BYTES]);

/** Demands a signature of every plan, lent by pointer so that devices without keys link none of
 * it. See ferry/plan_gate.h for the one that checks Secure Boot v2 blocks. */
struct ferry_plan_gate {
    /** May this plan be carried out? signature: FERRY_PLAN_SIGNATURE_BYTES, 0xff where there is
     * none; work: FERRY_PLAN_BYTES, for ferry_plan_signed_bytes. Anything but FERRY_OK refuses, its
     * cause in *fault. */
    ferry_err (*verdict)(struct ferry_plan_gate *gate, const struct ferry_plan *plan,
                         const uint8_t *signature, uint8_t *work, struct ferry_fault *fault);
};

enum ferry_journal_state {
    FERRY_JOURNAL_NONE,       // blank, damaged, or never written whole: nothing was begun
    FERRY_JOURNAL_UNFINISHED, // a plan waits to be gone on with
    FERRY_JOURNAL_FINISHED,   // the last plan is done
    FERRY_JOURNAL_ABANDONED,  // ... or was given up before anything irreplaceable was touched
};

/** The sector, as it was read. */
struct ferry_journal {
    struct ferry_region sector;
    uint8_t state;      // enum ferry_journal_state
    uint8_t mark_bytes; // one mark: at least the flash's prog_bytes
    uint8_t chunk_log2; // destination bytes that one pair of marks stands for
    uint32_t n_marks;   // pairs
};

/** Reads the sector: the plan if there is a whole one, and how far it got. work: FERRY_PLAN_BYTES.
 * A sector that holds no plan is FERRY_OK with state NONE and *plan untouched.
 * FERRY_ERR_REFLASH_FORMAT  a plan with a good hash, but of another version or not a sound one
 * FERRY_ERR_FLASH_ALIGN     the sector is not one sector; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_open(struct ferry_journal *j,
                                              const struct ferry_region *sector,
                                              struct ferry_plan *plan, uint8_t *work,
                                              struct ferry_fault *fault);

/** Writes a plan: erase, everything but the plan's SHA-256, read back, then the SHA-256. Until
 * those last bytes stand there is no plan. signature: FERRY_PLAN_SIGNATURE_BYTES or NULL.
 * work: FERRY_PLAN_BYTES. The region is one sector.
 * FERRY_ERR_FLASH_VERIFY fault: the sector's offset; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_write(struct ferry_journal *j,
                                               const struct ferry_plan *plan,
                                               const uint8_t *signature, uint8_t *work,
                                               struct ferry_fault *fault);

/** Reads the signature, 0xff where there is none. Flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_signature(const struct ferry_journal *j,
                                                   uint8_t out[FERRY_PLAN_SIGNATURE_BYTES]);

/** Chunks that a plan has in this journal: a step's region is cut at multiples of the chunk, and
 * the region of a table or bootloader at every sector. */
uint32_t ferry_journal_chunks(const struct ferry_journal *j, const struct ferry_plan *plan);

/** Marks chunk i begun, or done; a mark that stands already is left alone.
 * FERRY_ERR_FLASH_VERIFY fault: offset of the mark; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_begin_chunk(struct ferry_journal *j, uint32_t i,
                                                     struct ferry_fault *fault);
FERRY_MUST_CHECK ferry_err ferry_journal_end_chunk(struct ferry_journal *j, uint32_t i,
                                                   struct ferry_fault *fault);

/** How far it got: *i is the last chunk begun and *is_done whether it was finished. All chunks
 * before it are finished. FERRY_ERR_NOT_FOUND no chunk was begun; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_last(const struct ferry_journal *j, uint32_t *i,
                                              bool *is_done);

/** Closes the plan: state FERRY_JOURNAL_FINISHED or FERRY_JOURNAL_ABANDONED. Flash errors. */
FERRY_MUST_CHECK ferry_err ferry_journal_close(struct ferry_journal *j, enum ferry_journal_state as,
                                               struct ferry_fault *fault);

#ifdef __cplusplus
}
#endif
#endif
