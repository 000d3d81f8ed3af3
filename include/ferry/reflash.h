/* ferry/reflash.h - writes any region of the flash, bootloader and partition table too, such that a
 * power cut at any moment can be gone on from. stage, check, begin, run; resume at every start-up.
 * core/reflash.c runs and resumes and is all that a bootloader needs; the checks, the staging area
 * and undo are files of their own. Order of writes and why: docs/design/reflash.md. */
#ifndef FERRY_REFLASH_H
#define FERRY_REFLASH_H

#include "ferry/boot.h"
#include "ferry/checkpoint.h"
#include "ferry/device.h"
#include "ferry/journal.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Work memory of every call here: one sector to compare, and a plan's bytes. */
#define FERRY_REFLASH_WORK_BYTES(sector_bytes) ((sector_bytes) + FERRY_PLAN_BYTES + 512u)

/** The last sector of a flash, where the journal lies unless the device's maker says otherwise. */
static inline struct ferry_region ferry_reflash_journal_default(const struct ferry_flash *flash)
{
    const uint32_t n = flash->sector_bytes;
    return (struct ferry_region){flash, flash->size_bytes - n, n};
}

/** What running a plan needs to know. Pointers are kept. */
struct ferry_reflash_config {
    const struct ferry_flash *flash; // contents are read and written through it
    struct ferry_region journal;     // one sector, at an address fixed in app and bootloader; its
                                     // flash may be another, unencrypted view of the same chip:
                                     // then `flash` encrypts, and so must be each partition that
                                     // a plan reads or writes
    struct ferry_span running;       // the partition whose code runs now; size 0: none does
                                     // (a bootloader, or a tool on a dump)
    struct ferry_plan_gate *gate;    // what every plan must pass; NULL: nothing
    void *work;                      // FERRY_REFLASH_WORK_BYTES(sector_bytes)
    uint32_t work_bytes;
};

/** A job; caller-owned, 1.1 KB on a 32-bit chip. Fields down to `plan` may be read. */
struct ferry_reflash {
    struct ferry_fault fault; // why the last call failed
    int step;                 // the step it was at; -1: none
    uint32_t done_bytes;      // of the destinations, as ferry_reflash_run goes on
    uint32_t total_bytes;
    struct ferry_journal journal;
    struct ferry_plan plan;
    struct ferry_reflash_config cfg;
    uint8_t phase;
    bool redo;         // the chunk in hand was begun before a reset
    bool in_session;   // the check was made since ferry_reflash_open
    bool hash_whole;   // hash has all of the step so far
    bool source_good;  // that of the step in hand was hashed
    uint32_t chunk;    // in hand, of all chunks
    uint32_t at_bytes; // where it begins in its step
    uint32_t vouched;  // CRC-32 of each step whose source was hashed when it was added, all XORed
    struct ferry_sha256 hash;
    uint32_t n_needed;  // sectors that differ, by ferry_reflash_check
    uint32_t checked;   // CRC-32 of the plan that it passed
    uint32_t n_written; // sectors written since ferry_reflash_open
};

/* ---- carrying a plan out ---- */

/** Opens the journal: r->journal.state says what was found, r->plan the plan if there is one.
 * Writes nothing. With a gate, an unfinished plan must pass it here.
 * FERRY_ERR_REFLASH_FORMAT, the gate's errors: what stands there is not run, but a new plan may
 *                     replace the former, and ferry_reflash_abandon gives the latter up
 * FERRY_ERR_WORK_SIZE fault: given, least
 * FERRY_ERR_FLASH_ALIGN the journal is not one sector; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_reflash_open(struct ferry_reflash *r,
                                              const struct ferry_reflash_config *cfg);

/** Writes the plan that ferry_reflash_check has passed into the journal; from here on a power cut
 * is gone on from. Nothing to write at all: the journal is left alone and the job is done.
 * signature: FERRY_PLAN_SIGNATURE_BYTES for the gate, or NULL.
 * FERRY_ERR_STATE              the plan was not checked, or changed since
 * FERRY_ERR_REFLASH_UNFINISHED another plan is not finished
 * the gate's errors; FERRY_ERR_FLASH_VERIFY; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_reflash_begin(struct ferry_reflash *r, const uint8_t *signature);

/** Goes on by one chunk (at most 64 KB, unless a chip's program granularity makes it more):
 * FERRY_AGAIN until all is written, read back and its hashes are right, then FERRY_OK.
 * An error leaves the plan in the journal: the same call, or a later start, goes on.
 * FERRY_ERR_FLASH_VERIFY    a sector did not take the bytes in three tries; fault: its offset
 * FERRY_ERR_REFLASH_SOURCE  a source no longer holds what the plan says; fault: its offset
 * FERRY_ERR_REFLASH_RUNNING the work left would overwrite the running code; fault: step's
 *                           destination, start of the running partition
 * FERRY_ERR_STATE           no plan is under way; flash errors, fault: offset. */
FERRY_MUST_CHECK ferry_err ferry_reflash_run(struct ferry_reflash *r);

/** At every start-up, in app or bootloader: opens the journal and finishes what waits there.
 * FERRY_OK with r->journal.state FERRY_JOURNAL_NONE (or ABANDONED) and r->n_written 0: there was
 * nothing to do. Errors as ferry_reflash_open and ferry_reflash_run. */
FERRY_MUST_CHECK ferry_err ferry_reflash_resume(struct ferry_reflash *r,
                                                const struct ferry_reflash_config *cfg);

/* ---- making a plan ---- */

#define FERRY_REFLASH_DANGEROUS 1u // bootloader, table and what selects the app may be written
#define FERRY_REFLASH_FOREIGN   2u // the result need not be a layout that ferry can boot
#define FERRY_REFLASH_DROP_DATA 4u // NVS need not come along

/** Facts about the device that the checks go by. Pointers are kept. */
struct ferry_reflash_site {
    const struct ferry_policy *policy;
    uint32_t table_off_bytes;     // where the bootloader of today reads its table
    uint32_t new_table_off_bytes; // ... and that of a bootloader step; 0: the same
    uint32_t recovery_off_bytes;  // recovery bootloader by eFuse (C5, C61, P4, S31); 0: none
    bool bootloader_resumes;      // the bootloader of today calls ferry_reflash_resume
};

/** What ferry_reflash_check found out. */
struct ferry_reflash_report {
    uint32_t n_sectors; // destination sectors that differ and will be written
    uint32_t time_ms;   // for those and the journal, by typical figures of flash chips
    // Moments in which a cut leaves a device that only a cable brings back; no sectors: none.
    int window_step; // first step with such a moment; -1: none
    uint32_t window_sectors;
    uint32_t window_ms;
    int no_return_step; // once this step is done nothing of ferry may be left; -1: none
    int boots;          // slot that boots afterwards, in the new table; FERRY_SLOT_NONE: not ours
    uint32_t boots_off_bytes;
    bool boots_running; // it is the app that runs now
};

/** Memory for the checks; nothing in it outlives a call. */
struct ferry_reflash_bench {
    struct ferry_device dev;
    struct ferry_device_work work;
    struct ferry_boot_report boot;
    struct ferry_flash view; // the flash as it will look
    const struct ferry_reflash *job;
    int n_done;                          // ... after so many steps
    uint32_t table_off_bytes;            // where its bootloader reads the table then
    uint32_t n_differ[FERRY_PLAN_STEPS]; // sectors that each step writes
    uint32_t time_us[FERRY_PLAN_STEPS];  // ... and in what time
};

/** Begins an empty plan in r->plan; call after ferry_reflash_open, before adding steps.
 * FERRY_ERR_REFLASH_UNFINISHED a plan waits in the journal: run it, or ferry_reflash_abandon. */
FERRY_MUST_CHECK ferry_err ferry_reflash_new(struct ferry_reflash *r);

/** Adds a step whose content is in flash already (any source but STAGED; for those see
 * ferry_stage_begin). sha256: what the content must hash to, or NULL to take it as it is.
 * If the destination holds the content already, its source becomes HELD.
 * FERRY_ERR_REFLASH_STEPS   fault: steps, limit
 * FERRY_ERR_REFLASH_SIZE    fault: length, size of the region
 * FERRY_ERR_REFLASH_SOURCE  the content has another SHA-256; fault: offset of the source
 * FERRY_ERR_FLASH_ALIGN, FERRY_ERR_FLASH_RANGE fault: offset, limit; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_reflash_add(struct ferry_reflash *r, const struct ferry_step *step,
                                             const uint8_t *sha256);

/** Adds steps that first copy what the plan's steps will overwrite into `space`, one behind the
 * other, so that ferry_reflash_undo can bring it back. Call after the last ferry_reflash_add.
 * HELD steps and regions that are not changed need none.
 * FERRY_ERR_REFLASH_FULL fault: bytes needed, size of the space; FERRY_ERR_REFLASH_STEPS. */
FERRY_MUST_CHECK ferry_err ferry_reflash_back_up(struct ferry_reflash *r, struct ferry_span space);

/** Where a chip's ROM looks for a recovery bootloader: efuse_sector is the eFuse's 12-bit field.
 * 0: it has none, because the chip's ROM does not know it (only C5, C61, P4 from revision 3.0 and
 * S31 do), the field is not set (0) or it is switched off (0xfff). Facts: docs/formats.md "Boot".
 */
uint32_t ferry_reflash_recovery_off(const struct ferry_policy *policy, uint32_t efuse_sector);

/** On a chip with a recovery bootloader: adds the step that copies today's bootloader there, unless
 * a good one is there or a step writes one; then a bootloader step has no window. Does nothing on
 * other chips, and on a plan without a bootloader step. work: used while it is called.
 * Errors as ferry_reflash_add, and of ferry_image_verify where today's bootloader is not good. */
FERRY_MUST_CHECK ferry_err ferry_reflash_guard(struct ferry_reflash *r,
                                               const struct ferry_reflash_site *site,
                                               struct ferry_device_work *work);

/** Checks the whole plan, puts its steps in the order that keeps the device alive longest, and says
 * what it will cost. Writes nothing. flags: FERRY_REFLASH_... r->step is the step at fault.
 * FERRY_ERR_FLASH_ALIGN       fault: offset or size, sector
 * FERRY_ERR_FLASH_RANGE       fault: offset, size of the flash
 * FERRY_ERR_REFLASH_SIZE      content larger than its region; fault: both
 * FERRY_ERR_REFLASH_OVERLAP   a destination overlaps a source, the staging area, another
 *                             destination, or two moves need each other's place; fault: offsets of
 *                             both
 * FERRY_ERR_REFLASH_RUNNING   a destination overlaps the running app; fault: offsets of both
 * FERRY_ERR_REFLASH_UNSETTLED the next boot would start another app than the running one; fault:
 *                             offsets of both
 * FERRY_ERR_REFLASH_JOURNAL   the journal's sector lies in a destination, or in a partition of the
 *                             old or new table; fault: its offset, the other's
 * FERRY_ERR_REFLASH_SOURCE    a source does not hold what the plan says; fault: its offset
 * FERRY_ERR_FLASH_PROTECTED   bootloader, table or otadata in use without DANGEROUS; fault: offset,
 *                             first offset behind them
 * FERRY_ERR_REFLASH_WINDOW    ... and a cut there would need a cable; fault: sectors, milliseconds
 * FERRY_ERR_REFLASH_PLACE     an app is not to lie at the start of an app partition of the new
 *                             table, or a table or bootloader not where it is looked for; fault:
 *                             offset, where it would belong
 * FERRY_ERR_REFLASH_PLAIN     flash encrypts, and a step moves out of a partition or writes into
 * one that is not encrypted; fault: offsets of both FERRY_ERR_REFLASH_LOST      the old table has
 * NVS, and the new one has none or the plan does not bring its content along; fault: offset of the
 * old one FERRY_ERR_NO_OTADATA        the new table has OTA slots but no otadata FERRY_ERR_NO_BOOT
 * nothing would boot afterwards; fault: slots tried errors of ferry_image_verify and
 * ferry_table_open for contents and for the new layout; flash. */
FERRY_MUST_CHECK ferry_err ferry_reflash_check(struct ferry_reflash *r,
                                               const struct ferry_reflash_site *site,
                                               uint32_t flags, struct ferry_reflash_bench *bench,
                                               struct ferry_reflash_report *report);

/** Gives an unfinished plan up. Allowed only while the app that ran when it was made still boots by
 * itself: no table, bootloader or otadata step was begun.
 * FERRY_ERR_STATE no plan waits; FERRY_ERR_REFLASH_BEGUN fault: the step; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_reflash_abandon(struct ferry_reflash *r);

/** Makes of the plan in the journal, finished or abandoned, the plan that brings its backups back,
 * in r->plan: check, begin and run it like any other.
 * FERRY_ERR_REFLASH_UNFINISHED  run or abandon the plan first
 * FERRY_ERR_REFLASH_NONE        the journal holds no plan
 * FERRY_ERR_REFLASH_BACKUP      it kept no backup; FERRY_ERR_REFLASH_SOURCE a backup was damaged */
FERRY_MUST_CHECK ferry_err ferry_reflash_undo(struct ferry_reflash *r);

/* ---- the staging area ---- */

/** Contents that come from outside are written to a staging area first and checked there, several
 * one behind another. One caller-owned struct for all of them. Fields down to `used_bytes` may be
 * read. */
struct ferry_stage {
    struct ferry_fault fault;
    struct ferry_region area;
    int lost_slot;       // the app slot whose app is overwritten by staging; FERRY_SLOT_NONE: none
    bool loses_rollback; // ... and that is the one a rollback would boot
    uint32_t got_bytes;  // of the content in hand
    uint32_t used_bytes; // from the area's start; the next content begins there
    struct ferry_reflash *job;
    const struct ferry_reflash_site *site;
    struct ferry_step step; // in hand
    uint8_t phase;
    bool has_sha256;
    uint32_t promised_bytes;
    uint32_t erased_bytes; // from the area's start
    uint32_t crc32;        // of the content's sectors that were written
    uint32_t kept_bytes;   // at the last checkpoint
    struct ferry_sha256 hash;
    struct ferry_image image;
    struct ferry_image_rules rules;
};

/** Finds an app partition of the table of today to stage into: first one that holds no good app,
 * then one whose app no rollback would boot, and that one last; among equals an OTA slot behind the
 * running one, round robin, then factory and test. Never the running one (nor, while the running
 * slot is not known, any), none that a step of r->plan reads or writes or `extra` overlaps (size 0:
 * nothing), none smaller than need_bytes.
 * FERRY_ERR_REFLASH_STAGING fault: need_bytes, the largest that was free. */
FERRY_MUST_CHECK ferry_err ferry_stage_find(const struct ferry_reflash *r, struct ferry_device *dev,
                                            uint32_t need_bytes, struct ferry_span extra,
                                            struct ferry_span *out, struct ferry_fault *fault);

/** Opens a staging area: any span of whole sectors that overlaps neither the running app nor
 * bootloader, table, otadata and journal. If an app partition begins there its first sector is
 * erased before the first content and left blank, so that no bootloader's fallback takes what is
 * staged for an app. Writes nothing; s->lost_slot says what staging will cost.
 * FERRY_ERR_REFLASH_RUNNING, FERRY_ERR_REFLASH_OVERLAP,
 * FERRY_ERR_FLASH_PROTECTED, FERRY_ERR_FLASH_ALIGN, FERRY_ERR_FLASH_RANGE; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_stage_open(struct ferry_stage *s, struct ferry_reflash *r,
                                            const struct ferry_reflash_site *site,
                                            struct ferry_device *dev, struct ferry_span area);

/** Begins the next content. step: kind, flags and destination; length_bytes if known, else 0.
 * sha256: what it must hash to, or NULL. *is_held: with hash and length known and the destination
 * already holding just that, nothing needs to come: the step is in the plan, go on to the next.
 * FERRY_ERR_REFLASH_SIZE  length and region's size; FERRY_ERR_REFLASH_FULL fault: bytes, room left
 * FERRY_ERR_REFLASH_OVERLAP the destination overlaps the staging area; FERRY_ERR_REFLASH_STEPS,
 * FERRY_ERR_FLASH_ALIGN, FERRY_ERR_FLASH_RANGE, FERRY_ERR_REFLASH_RUNNING; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_stage_begin(struct ferry_stage *s, const struct ferry_step *step,
                                             const uint8_t *sha256, bool *is_held);

/** Takes the next n bytes; any split gives the same result. An app or a bootloader is checked as it
 * arrives. FERRY_ERR_REFLASH_SIZE, FERRY_ERR_REFLASH_FULL, FERRY_ERR_UPDATE_LENGTH, image errors,
 * flash errors: any is final for this content; ferry_stage_begin may begin it again. */
FERRY_MUST_CHECK ferry_err ferry_stage_write(struct ferry_stage *s, const void *data, uint32_t n);

/** Makes a checkpoint, once 64 KB more of the content than at the last one are safely in flash.
 * The port keeps one blob for each content until the plan is in the journal, so that a reset in the
 * second download does not cost the first. validator: as ferry_update_checkpoint.
 * FERRY_AGAIN nothing new to keep yet, blob untouched; FERRY_ERR_STATE not receiving. */
FERRY_MUST_CHECK ferry_err ferry_stage_checkpoint(struct ferry_stage *s, const uint8_t *validator,
                                                  uint8_t blob[FERRY_CHECKPOINT_BYTES]);

/** Begins the next content where a checkpoint of it left off: reads what is in flash, then
 * s->got_bytes says where the source goes on. Arguments and errors as ferry_stage_begin, and
 * FERRY_ERR_CHECKPOINT the blob is damaged, of another kind, place, length or hash, or flash does
 * not hold what it says: nothing was written, ferry_stage_begin begins anew. */
FERRY_MUST_CHECK ferry_err ferry_stage_resume(struct ferry_stage *s, const struct ferry_step *step,
                                              const uint8_t *sha256,
                                              const uint8_t blob[FERRY_CHECKPOINT_BYTES],
                                              bool *is_held);

/** No byte follows: checks length, hash, format, chip and fit, reads it back, and adds the step to
 * the plan. FERRY_ERR_UPDATE_LENGTH, FERRY_ERR_UPDATE_SHA, FERRY_ERR_UPDATE_EMPTY,
 * FERRY_ERR_FLASH_VERIFY; image and table errors; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_stage_finish(struct ferry_stage *s);

#ifdef __cplusplus
}
#endif
#endif
