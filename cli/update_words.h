/* cli/update_words.h - an update, told: stages, progress, how it ended. */
#ifndef CLI_UPDATE_WORDS_H
#define CLI_UPDATE_WORDS_H

#include "agent/update_run.h"
#include "keeper_file.h"
#include "progress.h"
#include "update_args.h"

/** What the telling needs to know; ctx of the events below. */
struct cli_update_words {
    const struct cli_call *call;
    struct ferry_vdevice *v;
    const struct cli_update_args *args;
    const struct ferry_source *source;
    const struct ferry_keeper_file *keeper;
    struct cli_progress progress;
    uint32_t went_on_at_bytes; // 0: it began at the first byte
    uint32_t n_retries;
    bool has_desc;
    bool is_verifying;          // "Verifying ..." stands on the current line
    struct ferry_app_desc desc; // of the new app
};

void cli_update_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *u);
void cli_update_progress(void *ctx, uint32_t done_bytes, uint32_t total_bytes);
void cli_update_remark(void *ctx, const struct ferry_remark *remark);

/** Says what is now in the slot and what boots next. */
void cli_update_succeeded(struct cli_update_words *w, const struct ferry_update *u);

/** Says why it failed and that the device boots what it booted. Returns the exit code. */
int cli_update_failed(struct cli_update_words *w, const struct ferry_update *u,
                      const struct ferry_update_job *job, ferry_err err);

#endif
