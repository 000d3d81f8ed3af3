/* cli/reflash_job.h - a reflash of one device: the device, what was asked for, and the core's job.
 * The `ferry reflash` commands open one here; reflash_make.c makes its plan, reflash_run.c carries
 * it out, reflash_words.c tells it. */
#ifndef CLI_REFLASH_JOB_H
#define CLI_REFLASH_JOB_H

#include "agent/keeper.h"
#include "device_args.h"
#include "ferry/plan_gate.h"
#include "ferry/reflash.h"
#include "reflash_args.h"
#include "reflash_trial.h"

#define REFLASH_ROWS FERRY_TABLE_ROWS

/** A partition table's rows. */
struct reflash_rows {
    unsigned n;
    struct ferry_partition rows[REFLASH_ROWS];
};

/** What a step was asked to be, found again by its destination once the core has ordered them. */
struct reflash_goal {
    const struct reflash_wish *wish;
    struct ferry_step step; // as far as known before its content came
    char from[80];          // "nvs at 0x9000", "app.bin"
};

#define REFLASH_LOSSES 4u

/** A partition whose content staging overwrites. */
struct reflash_loss {
    char label[FERRY_LABEL_BYTES + 1];
    char app[80];     // what it says of itself; "" a data partition
    bool is_rollback; // what a rollback would boot
};

/** Large; one per program. */
struct reflash_job {
    const struct cli_call *call;
    struct reflash_args args;
    struct ferry_vdevice v;
    bool is_open;                     // v is
    bool is_trial;                    // what happens happens in memory
    struct ferry_reflash_trial trial; // ... which is this
    struct ferry_reflash r;
    struct ferry_reflash_config cfg;
    struct ferry_reflash_site site;
    struct ferry_signed_plan_gate gate;
    struct ferry_reflash_bench bench;
    struct ferry_reflash_report report;
    struct ferry_stage stage;
    bool has_stage, has_backup;
    unsigned n_losses;
    struct reflash_loss losses[REFLASH_LOSSES];
    struct ferry_span backup;
    struct reflash_rows today, after; // after: the new table's, today's without one
    bool has_new_table;
    uint8_t new_table[FERRY_TABLE_BYTES];
    unsigned n_goals;
    struct reflash_goal goals[FERRY_PLAN_STEPS];
    uint32_t work[(FERRY_REFLASH_WORK_BYTES(FERRY_FLASH_SECTOR_BYTES) + 3) / 4];
};

/** Reads the command line and opens device and journal. writable: the device is for changing;
 * trial: what happens happens in memory. with_gate: an unfinished plan must be signed where keys
 * are trusted. Returns CLI_EXIT_OK, or the exit code after complaining; reflash_job_close in any
 * case. */
int reflash_job_open(const struct cli_call *call, struct reflash_job *job, bool writable,
                     bool trial, bool with_gate);

void reflash_job_close(struct reflash_job *job);

/** Reports a failure of the core, in the words of the step it was at, with what could be done.
 * stage: of the staging area. Returns CLI_EXIT_FAILED. */
int reflash_fail(struct reflash_job *job, ferry_err err);
int reflash_fail_stage(struct reflash_job *job, const struct reflash_wish *wish, ferry_err err);

/** The goal with this destination, or NULL. */
const struct reflash_goal *reflash_goal_of(const struct reflash_job *job,
                                           const struct ferry_step *step);

/** True if a check found the plan good but for its dangers, which are best seen in the plan. */
static inline bool reflash_is_danger(ferry_err err)
{
    return err == FERRY_ERR_REFLASH_WINDOW || err == FERRY_ERR_FLASH_PROTECTED;
}

/** The flags for ferry_reflash_check. */
uint32_t reflash_flags(const struct reflash_job *job);

/** Signs the plan that was checked, if a key was given: *signature points to `block`, else is NULL.
 * Returns CLI_EXIT_OK, or the exit code after complaining. */
int reflash_sign(struct reflash_job *job, uint8_t block[FERRY_PLAN_SIGNATURE_BYTES],
                 const uint8_t **signature);

/** Steps and spans in words. */
const char *reflash_kind_name(const struct ferry_step *step);

/** Label of the partition of `rows` that begins there; "" if none does. */
const char *reflash_label_at(const struct reflash_rows *rows, uint32_t off_bytes);

/** Reads a table's rows; none if there is no usable table. */
void reflash_read_rows(const struct ferry_flash *flash, uint32_t table_off_bytes,
                       struct reflash_rows *out);

/** Carries out what ferry_reflash_begin or ferry_reflash_open has put under way, with progress.
 * Returns CLI_EXIT_OK when the plan is done, or the exit code after complaining. */
int reflash_carry_out(struct reflash_job *job);

/** Signs, begins and carries out the plan that was checked, and says how it ended. Returns the exit
 * code. */
int reflash_begin_and_run(struct reflash_job *job);

/** After a plan is done: the device's own notes follow, and what boots is said. */
int reflash_settle(struct reflash_job *job);

/* ---- reflash_make.c ---- */

/** Makes r->plan of the wishes: resolves places, stages contents, adds backup and guard.
 * Returns CLI_EXIT_OK, or the exit code after complaining. */
int reflash_make(struct reflash_job *job);

/** Resolves a place on today's layout (or the new one). NULL on success, else what is wrong; the
 * text is in a static buffer. */
const char *reflash_resolve(const struct reflash_rows *rows, const struct reflash_place *place,
                            struct ferry_span *out);

/* ---- reflash_fetch.c ---- */

/** Who takes the bytes of a content. Errors end the fetching; blame is the sink's. */
struct reflash_sink {
    /** From the first byte (again); length_bytes as announced, 0 not known. *is_enough: nothing
     * needs to come. */
    ferry_err (*begin)(struct reflash_sink *s, uint32_t length_bytes, bool *is_enough);
    ferry_err (*write)(struct reflash_sink *s, const void *data, uint32_t n);
    /** No byte follows. NULL: nothing to be done then. */
    ferry_err (*finish)(struct reflash_sink *s);
    /** Instead of begin: goes on where a checkpoint left off, *at bytes into the content.
     * FERRY_ERR_CHECKPOINT it is no use: begin anew. NULL with no keeper. */
    ferry_err (*resume)(struct reflash_sink *s, const uint8_t blob[FERRY_CHECKPOINT_BYTES],
                        uint32_t length_bytes, uint32_t *at, bool *is_enough);
    /** As ferry_stage_checkpoint. NULL with no keeper. */
    ferry_err (*checkpoint)(struct reflash_sink *s, const uint8_t *validator,
                            uint8_t blob[FERRY_CHECKPOINT_BYTES]);
    struct ferry_keeper *keeper; // across this program's end; NULL: none
    bool is_to_blame;            // the error was the sink's
};

/** Fetches name into the sink, asking again where that is worth it. Returns CLI_EXIT_OK, or the
 * exit code after complaining; with sink->is_to_blame *err says what the sink gave, and it is the
 * caller who complains. */
int reflash_fetch(struct reflash_job *job, const struct reflash_wish *wish,
                  struct reflash_sink *sink, ferry_err *err);

/* ---- reflash_keeper.c ---- */

/** A keeper for the checkpoint of the content with this destination, beside the device; NULL where
 * nothing is to be kept: a trial, a chip at a port. One at a time. */
struct ferry_keeper *reflash_keeper(const struct reflash_job *job, uint32_t dest_off_bytes);

/** Forgets the checkpoints of all contents: the plan is in the journal, or nothing was to do. */
void reflash_drop_kept(const struct reflash_job *job);

#endif
