/* agent/update_run.c - the loop that carries a source into an update session. */
#include "agent/update_run.h"

#include <string.h>

static void tell(const struct ferry_update_job *job, enum ferry_stage stage,
                 const struct ferry_update *u)
{
    if (job->events.stage)
        job->events.stage(job->events.ctx, stage, u);
}

static void tell_progress(const struct ferry_update_job *job, const struct ferry_update *u)
{
    uint32_t done = 0;
    uint32_t total = 0;
    ferry_update_progress(u, &done, &total);
    if (job->events.progress)
        job->events.progress(job->events.ctx, done, total);
}

static ferry_err blame_source(struct ferry_update_job *job, ferry_err err)
{
    job->fault = job->source->fault;
    job->fault.err = err;
    job->detail = job->source->detail[0] ? job->source->detail : NULL;
    job->is_source_to_blame = true;
    return err;
}

static ferry_err blame_session(struct ferry_update_job *job, const struct ferry_update *u,
                               ferry_err err)
{
    job->fault = u->fault;
    job->fault.err = err;
    return err;
}

/* The session's configuration, with the length that the source announces where none was promised:
 * so an image that is too long is refused before the first erase. */
static ferry_err begin(struct ferry_update *u, struct ferry_update_job *job)
{
    struct ferry_update_config config = *job->config;
    const uint32_t announced = job->source->facts.length_bytes;
    if (config.length_bytes && announced && config.length_bytes != announced)
        return ferry_fail(&job->fault, FERRY_ERR_UPDATE_LENGTH, announced, config.length_bytes, 0);
    if (!config.length_bytes)
        config.length_bytes = announced;
    const ferry_err err = ferry_update_begin(u, job->device, &config);
    return err ? blame_session(job, u, err) : FERRY_OK;
}

static ferry_err write_piece(struct ferry_update *u, struct ferry_update_job *job, uint32_t n)
{
    const uint8_t *at = job->buffer;
    while (n) {
        uint32_t used = 0;
        const ferry_err err = ferry_update_write(u, at, n, &used);
        if (err)
            return blame_session(job, u, err);
        at += used;
        n -= used;
    }
    return FERRY_OK;
}

static ferry_err receive(struct ferry_update *u, struct ferry_update_job *job)
{
    bool is_described = false;
    for (;;) {
        size_t got = 0;
        if (ferry_cancel_asked(job->cancel))
            return ferry_fail(&job->fault, FERRY_ERR_CANCELLED, 0, 0, u->got_bytes);
        ferry_err err = ferry_source_read(job->source, job->buffer, job->buffer_bytes, &got);
        if (err)
            return blame_source(job, err);
        if (got == 0)
            return FERRY_OK;
        err = write_piece(u, job, (uint32_t)got);
        if (err)
            return err;
        if (!is_described && u->image.desc_ready) {
            is_described = true;
            tell(job, FERRY_STAGE_DESCRIBED, u);
        }
        tell_progress(job, u);
    }
}

static ferry_err finish(struct ferry_update *u, struct ferry_update_job *job)
{
    tell(job, FERRY_STAGE_VERIFYING, u);
    for (;;) {
        if (ferry_cancel_asked(job->cancel))
            return ferry_fail(&job->fault, FERRY_ERR_CANCELLED, 0, 0, u->got_bytes);
        const ferry_err err = ferry_update_finish(u);
        if (err == FERRY_OK)
            return FERRY_OK;
        if (err != FERRY_AGAIN)
            return blame_session(job, u, err);
    }
}

static ferry_err carry(struct ferry_update *u, struct ferry_update_job *job)
{
    ferry_err err = begin(u, job);
    if (err)
        return err;
    tell(job, FERRY_STAGE_RECEIVING, u);
    err = receive(u, job);
    if (!err)
        err = finish(u, job);
    if (err)
        ferry_update_abort(u);
    return err;
}

ferry_err ferry_update_run(struct ferry_update *u, struct ferry_update_job *job)
{
    memset(u, 0, sizeof *u);
    memset(&job->fault, 0, sizeof job->fault);
    job->detail = NULL;
    job->is_source_to_blame = false;
    if (!job->buffer || !job->buffer_bytes)
        return ferry_fail(&job->fault, FERRY_ERR_ARG, job->buffer_bytes, 1, 0);
    tell(job, FERRY_STAGE_OPENING, u);
    ferry_err err = ferry_source_open(job->source, 0);
    if (err)
        return blame_source(job, err);
    err = carry(u, job);
    ferry_source_close(job->source);
    if (!err)
        tell(job, FERRY_STAGE_DONE, u);
    return err;
}
