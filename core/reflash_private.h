/* core/reflash_private.h - what the parts of a reflash share.
 * core/reflash.c runs and resumes; _plan makes plans, _check judges them with _content, _view and
 * _boot, _stage takes contents in. */
#ifndef FERRY_CORE_REFLASH_PRIVATE_H
#define FERRY_CORE_REFLASH_PRIVATE_H

#include "core/journal_private.h"
#include "ferry/bytes.h"
#include "ferry/reflash.h"

#define REFLASH_SECTOR FERRY_JOURNAL_BYTES

enum ferry__reflash_phase {
    REFLASH_CLOSED,
    REFLASH_OPEN,    // nothing under way, a plan may be made
    REFLASH_CHECKED, // r->plan passed
    REFLASH_RUNNING, // r->plan stands in the journal
    REFLASH_DONE,
};

/** Notes a failure in r->fault with the step it belongs to, and returns err. */
ferry_err ferry__reflash_fail(struct ferry_reflash *r, int step, ferry_err err, uint32_t value,
                              uint32_t limit, uint32_t off_bytes);

/** The whole chip, for reads and writes that are checked against its end. */
struct ferry_region ferry__reflash_chip(const struct ferry_reflash *r);

/** Work memory: a sector, a piece to compare with it, a plan's bytes. */
uint8_t *ferry__reflash_sector(const struct ferry_reflash *r);
uint8_t *ferry__reflash_piece(const struct ferry_reflash *r);
uint8_t *ferry__reflash_plan_bytes(const struct ferry_reflash *r);
#define REFLASH_PIECE 512u

/** The SHA-256 of a range of the chip. Errors: flash, noted with its offset. */
ferry_err ferry__reflash_hash(struct ferry_reflash *r, uint32_t off_bytes, uint32_t len_bytes,
                              uint8_t out[FERRY_SHA256_BYTES]);

/** Writes the work memory's sector to off_bytes until it reads back, or three times; is_erased: the
 * first time without erasing. FERRY_ERR_FLASH_VERIFY, flash errors; fault: offset. */
ferry_err ferry__reflash_put(struct ferry_reflash *r, uint32_t off_bytes, bool is_erased);

/** Does the destination sector at_bytes into a step hold what the step wants there? */
ferry_err ferry__reflash_same(struct ferry_reflash *r, const struct ferry_step *step,
                              uint32_t at_bytes, bool *is_same);

/** The step behind the plan's last one, whose content was hashed just now, becomes its last. */
void ferry__reflash_vouch(struct ferry_reflash *r);

/** A number that is r->vouched as long as the plan holds the steps that were vouched for, in any
 * order. */
uint32_t ferry__reflash_vouchers(const struct ferry_plan *plan);

/** Does the destination hold the content whose SHA-256 the step names, and blank behind it if that
 * is asked for? */
ferry_err ferry__reflash_held(struct ferry_reflash *r, const struct ferry_step *step,
                              bool *is_held);

/** What a step will cost: sectors of its destination that differ from what it wants, and the time
 * it takes by typical figures of flash chips. */
struct ferry__reflash_cost {
    uint32_t n_sectors;
    uint32_t time_us;
};
ferry_err ferry__reflash_cost(struct ferry_reflash *r, const struct ferry_step *step,
                              struct ferry__reflash_cost *cost);
#define REFLASH_JOURNAL_US 55000u // to write a plan and close it: an erase, a dozen pages

/* ---- core/reflash_area.c, _stage.c, _kept.c ---- */

enum ferry__stage_phase { STAGE_CLOSED, STAGE_IDLE, STAGE_RECEIVING };

static inline ferry_err ferry__stage_fail(struct ferry_stage *s, ferry_err err, uint32_t value,
                                          uint32_t limit)
{
    return ferry_fail(&s->fault, err, value, limit, 0);
}

static inline bool ferry__spans_overlap(struct ferry_span a, uint32_t off_bytes,
                                        uint32_t size_bytes)
{
    return ferry_ranges_overlap(a.off_bytes, a.size_bytes, off_bytes, size_bytes);
}

/** All of ferry_stage_begin that writes nothing: the content in hand is checked as far as it is
 * known. Errors as there. */
ferry_err ferry__stage_ready(struct ferry_stage *s, const struct ferry_step *step,
                             const uint8_t *sha256, bool *is_held);

/** Hashes and reads the next bytes of the content, in order. Image errors. */
ferry_err ferry__stage_judge(struct ferry_stage *s, const uint8_t *data, uint32_t n);

/* ---- core/reflash_content.c ---- */

/** Verifies the bootloader image at a region's start as its chip's ROM does: format, chip,
 * revision, checksum, SHA-256 if it has one. *image_bytes gets its length. Errors as
 * ferry_image_verify. */
ferry_err ferry__reflash_bootloader(struct ferry_reflash *r, const struct ferry_policy *policy,
                                    const struct ferry_region *region,
                                    struct ferry_device_work *work, uint32_t *image_bytes);

/** The same for a partition table; errors as ferry_table_walk_row. */
ferry_err ferry__reflash_table(struct ferry_reflash *r, const struct ferry_region *region);

/** Checks what lies at a region's start for a step of this kind: format, chip and fit. */
ferry_err ferry__reflash_content(struct ferry_reflash *r, const struct ferry_policy *policy,
                                 const struct ferry_step *step, const struct ferry_region *region,
                                 struct ferry_device_work *work);

/* ---- core/reflash_view.c ---- */

/** Makes b->view the flash as it will look once n_done steps are done. Writes to it are
 * swallowed. */
void ferry__reflash_view(struct ferry_reflash_bench *b, const struct ferry_reflash *r, int n_done);

/* ---- core/reflash_boot.c ---- */

/** Puts the plan's steps in order and fills the report's windows. b->n_differ, the sectors that
 * each step changes, goes along. b->dev is left as the last step leaves the device.
 * FERRY_ERR_REFLASH_OVERLAP, FERRY_ERR_REFLASH_UNSETTLED. */
ferry_err ferry__reflash_order(struct ferry_reflash *r, const struct ferry_reflash_site *site,
                               struct ferry_reflash_bench *b, struct ferry_reflash_report *report);

/** Where the bootloader lies: from its place up to the table; without a chip from 0. */
struct ferry_span ferry__reflash_bootloader_place(const struct ferry_policy *policy,
                                                  uint32_t table_off_bytes);

#endif
