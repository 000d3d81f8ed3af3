/* agent/update_run.c - the loop that carries a source into an update session. */
#include "agent/update_run_private.h"

#include <string.h>

#include "ferry/crc32.h"

static void tell(const struct ferry__run *r, enum ferry_stage stage)
{
    const struct ferry_update_events *e = &r->job->events;
    if (e->stage)
        e->stage(e->ctx, stage, r->u);
}

static void tell_progress(const struct ferry__run *r)
{
    const struct ferry_update_events *e = &r->job->events;
    uint32_t done = 0;
    uint32_t total = 0;
    ferry_update_progress(r->u, &done, &total);
    if (e->progress)
        e->progress(e->ctx, done, total);
}

void ferry__run_remark(const struct ferry__run *r, const struct ferry_remark *remark)
{
    const struct ferry_update_events *e = &r->job->events;
    if (e->remark)
        e->remark(e->ctx, remark);
}

static ferry_err blame_source(struct ferry__run *r, ferry_err err)
{
    struct ferry_update_job *job = r->job;
    job->fault = job->source->fault;
    job->fault.err = err;
    job->detail = job->source->detail[0] ? job->source->detail : NULL;
    job->is_source_to_blame = true;
    return err;
}

static ferry_err blame_session(struct ferry__run *r, ferry_err err)
{
    r->job->fault = r->u->fault;
    r->job->fault.err = err;
    return err;
}

static ferry_err cancelled(struct ferry__run *r)
{
    return ferry_fail(&r->job->fault, FERRY_ERR_CANCELLED, 0, 0, r->u->got_bytes);
}

/* Gives up what was written. The file that changes again and again is the source's fault. */
static ferry_err drop_session(struct ferry__run *r, const char *why)
{
    if (r->n_anew == FERRY_RUN_RESTARTS) {
        const ferry_err err = ferry_source_fail(r->job->source, FERRY_ERR_NET_PROTOCOL, 0, 0, why);
        return blame_source(r, err);
    }
    r->n_anew++;
    ferry__run_remark(r, &(struct ferry_remark){.kind = FERRY_REMARK_ANEW,
                                                .fault.err = FERRY_ERR_CHECKPOINT,
                                                .detail = why});
    ferry_update_abort(r->u);
    if (r->keeping)
        r->keeping->drop(r);
    r->is_begun = r->is_told = r->is_described = r->is_sewn = false;
    r->best_bytes = 0;
    return FERRY_OK;
}

/* The same, with the source that is open taken back to its start. */
static ferry_err begin_again(struct ferry__run *r, const char *why)
{
    struct ferry_source *s = r->job->source;
    ferry_err err = drop_session(r, why);
    if (err || s->at_bytes == 0)
        return err;
    err = ferry_source_rewind(s);
    return err ? blame_source(r, err) : FERRY_OK;
}

/* Begins a session for the source that is open at its start. Its configuration has the length that
 * the source announces where none was promised: so an image that is too long is refused before the
 * first erase. */
static ferry_err begin_session(struct ferry__run *r)
{
    struct ferry_update_job *job = r->job;
    const struct ferry_source_facts *facts = &job->source->facts;
    const uint32_t announced = facts->length_bytes;
    r->config = *job->config;
    if (r->config.length_bytes && announced && r->config.length_bytes != announced)
        return ferry_fail(&job->fault, FERRY_ERR_UPDATE_LENGTH, announced, r->config.length_bytes,
                          0);
    if (r->config.has_crc32 && facts->has_crc32 && r->config.crc32 != facts->crc32)
        return ferry_fail(&job->fault, FERRY_ERR_UPDATE_CRC, facts->crc32, r->config.crc32, 0);
    if (!r->config.length_bytes)
        r->config.length_bytes = announced;
    const ferry_err err = ferry_update_begin(r->u, job->device, &r->config);
    if (err)
        return blame_session(r, err);
    r->is_begun = true;
    return FERRY_OK;
}

/* Reads the source's first bytes, which are here already, and compares them by their CRC. */
static ferry_err compare_first_bytes(struct ferry__run *r)
{
    struct ferry_update_job *job = r->job;
    struct ferry_source *s = job->source;
    uint32_t crc = 0;
    while (s->at_bytes < r->u->got_bytes) {
        const uint32_t left = r->u->got_bytes - s->at_bytes;
        size_t got = 0;
        const ferry_err err = ferry_source_read(
            s, job->buffer, left < job->buffer_bytes ? left : job->buffer_bytes, &got);
        if (err)
            return blame_source(r, err);
        if (got == 0)
            break;
        crc = ferry_crc32(crc, job->buffer, got);
    }
    if (s->at_bytes == r->u->got_bytes && crc == r->u->crc32)
        return FERRY_OK;
    return begin_again(r, "the file is another one than before");
}

/* The session has bytes already, and the source is open: at the next one, or at the start. Goes on
 * if it is the same file, else without a session from the start. */
static ferry_err join(struct ferry__run *r)
{
    struct ferry_source *s = r->job->source;
    const char *now = ferry_source_validator(s);
    const uint32_t announced = s->facts.length_bytes;
    const bool is_changed = *now && *r->validator && strcmp(now, r->validator) != 0;
    const bool is_same = *now && !is_changed && *r->validator;
    if (announced && r->config.length_bytes && announced != r->config.length_bytes)
        return begin_again(r, "the file has another length than before");
    if (is_changed && !r->config.sha256)
        return begin_again(r, "the file has changed at its origin");
    if (s->at_bytes == r->u->got_bytes) {
        if (is_same || s->at_bytes == 0)
            return FERRY_OK;
        if (r->config.sha256) {
            r->is_sewn = true;
            return FERRY_OK;
        }
        const ferry_err err = ferry_source_rewind(s);
        if (err)
            return blame_source(r, err);
    }
    return compare_first_bytes(r);
}

/* Whether to ask for the middle: only where something will tell that it is of the same file. */
static bool wants_middle(const struct ferry__run *r)
{
    const uint32_t got = r->is_begun ? r->u->got_bytes : 0;
    const uint32_t length = r->config.length_bytes;
    return got && !r->job->source->is_local && (r->validator[0] || r->config.sha256) &&
           (!length || got < length);
}

/* The answer was about the middle, and the start may fare better. */
static bool is_middle_refused(const struct ferry_fault *f)
{
    return f->err == FERRY_ERR_RANGE || f->err == FERRY_ERR_NET_LENGTH ||
           f->err == FERRY_ERR_NET_PROTOCOL || (f->err == FERRY_ERR_NET_STATUS && f->value == 416);
}

static ferry_err open_source(struct ferry__run *r)
{
    struct ferry_source *s = r->job->source;
    s->keep_bytes = r->is_begun ? r->u->got_bytes : 0;
    if (!wants_middle(r)) {
        const ferry_err err = ferry_source_open(s, 0);
        return err ? blame_source(r, err) : FERRY_OK;
    }
    ferry_err err = ferry_source_open_near(s, r->u->got_bytes, r->validator);
    if (err && is_middle_refused(&s->fault)) {
        err = drop_session(r, "the server does not give the rest of the file alone");
        if (err)
            return err;
        err = ferry_source_open(s, 0);
    }
    return err ? blame_source(r, err) : FERRY_OK;
}

/* Opens the source and brings it and a session to the same byte. */
static ferry_err connect_both(struct ferry__run *r)
{
    ferry_err err = open_source(r);
    if (!err && r->is_begun)
        err = join(r);
    if (!err && !r->is_begun)
        err = begin_session(r);
    if (err)
        return err;
    const char *now = ferry_source_validator(r->job->source);
    memcpy(r->validator, now, strlen(now) + 1);
    if (!r->is_told)
        tell(r, FERRY_STAGE_RECEIVING);
    r->is_told = true;
    return FERRY_OK;
}

/* A sector at a time, so that a checkpoint is made as soon as it is due. */
static ferry_err write_piece(struct ferry__run *r, uint32_t n)
{
    const uint8_t *at = r->job->buffer;
    const uint32_t sector = r->job->device->flash->sector_bytes;
    while (n) {
        uint32_t used = 0;
        const uint32_t room = sector - r->u->got_bytes % sector;
        const uint32_t step = n < room ? n : room;
        ferry_err err = ferry_update_write(r->u, at, step, &used);
        if (!err && r->keeps)
            err = r->keeping->keep(r);
        if (err)
            return blame_session(r, err);
        at += used;
        n -= used;
    }
    return FERRY_OK;
}

static void describe(struct ferry__run *r)
{
    if (r->is_described || !r->u->image.desc_ready)
        return;
    r->is_described = true;
    tell(r, FERRY_STAGE_DESCRIBED);
}

static ferry_err receive(struct ferry__run *r)
{
    struct ferry_update_job *job = r->job;
    describe(r); // a session that was taken up knows already
    for (;;) {
        size_t got = 0;
        if (ferry_cancel_asked(job->cancel))
            return cancelled(r);
        ferry_err err = ferry_source_read(job->source, job->buffer, job->buffer_bytes, &got);
        if (err)
            return blame_source(r, err);
        if (got == 0)
            return FERRY_OK;
        err = write_piece(r, (uint32_t)got);
        if (err)
            return err;
        describe(r);
        tell_progress(r);
    }
}

/* The source's own promise. It is no part of the session's configuration, because a checkpoint is
 * taken up before the source is asked, and another promise would not fit it. */
static ferry_err check_source_crc(struct ferry__run *r)
{
    const struct ferry_source_facts *facts = &r->job->source->facts;
    if (!facts->has_crc32 || facts->crc32 == r->u->crc32)
        return FERRY_OK;
    return ferry_fail(&r->job->fault, FERRY_ERR_UPDATE_CRC, r->u->crc32, facts->crc32, 0);
}

static ferry_err finish(struct ferry__run *r)
{
    const ferry_err broken = check_source_crc(r);
    if (broken)
        return broken;
    tell(r, FERRY_STAGE_VERIFYING);
    for (;;) {
        if (ferry_cancel_asked(r->job->cancel))
            return cancelled(r);
        const ferry_err err = ferry_update_finish(r->u);
        if (err == FERRY_OK)
            return FERRY_OK;
        if (err != FERRY_AGAIN)
            return blame_session(r, err);
    }
}

/* One try, from the opened source to the flip. */
static ferry_err attempt(struct ferry__run *r)
{
    ferry_err err = connect_both(r);
    if (!err)
        err = receive(r);
    if (!err)
        err = finish(r);
    ferry_source_close(r->job->source);
    return err;
}

/* The image was looked at and found wrong; a link, a full disk or a user say nothing about it. */
static bool is_verdict(ferry_err err)
{
    return err == FERRY_ERR_FLASH_VERIFY ||
           (err <= FERRY_ERR_IMAGE_MAGIC && err > FERRY_ERR_OTADATA_VERIFY);
}

static void forgive(struct ferry_update_job *job)
{
    memset(&job->fault, 0, sizeof job->fault);
    job->detail = NULL;
    job->is_source_to_blame = false;
}

/* After a failure of the source: waits, if trying again is worth it. */
static bool retries(struct ferry__run *r, ferry_err *err)
{
    struct ferry_update_job *job = r->job;
    const struct ferry_retry *retry = &job->retry;
    const uint32_t got = r->is_begun ? r->u->got_bytes : 0;
    if (got > r->best_bytes) {
        r->best_bytes = got;
        r->n_tries = 0;
    }
    if (r->n_tries >= retry->n_most || !ferry_retry_is_worth(&job->fault))
        return false;
    r->n_tries++;
    const struct ferry_remark remark = {
        .kind = FERRY_REMARK_RETRY,
        .fault = job->fault,
        .detail = job->detail,
        .pause_ms = ferry_retry_pause_ms(retry, r->n_tries, job->source->retry_after_s),
        .n = r->n_tries,
        .n_most = retry->n_most,
    };
    ferry__run_remark(r, &remark);
    retry->sleep_ms(retry->ctx, remark.pause_ms);
    forgive(job);
    if (!ferry_cancel_asked(job->cancel))
        return true;
    *err = cancelled(r);
    return false;
}

/* Whether a failed attempt is followed by another. */
static bool goes_on(struct ferry__run *r, ferry_err *err)
{
    if (r->job->is_source_to_blame)
        return retries(r, err);
    if (!r->is_sewn || !is_verdict(*err) || r->n_anew == FERRY_RUN_RESTARTS)
        return false;
    forgive(r->job);
    *err = drop_session(r, "its parts are not of one file");
    return *err == FERRY_OK;
}

static ferry_err carry(struct ferry__run *r)
{
    ferry_err err = r->keeping ? r->keeping->take_up(r) : FERRY_ERR_NOT_FOUND;
    if (err && err != FERRY_ERR_NOT_FOUND)
        return blame_session(r, err);
    r->is_begun = err == FERRY_OK;
    if (!r->is_begun) {
        r->config = *r->job->config;
        r->validator[0] = '\0';
    }
    do {
        err = attempt(r);
    } while (err && goes_on(r, &err));
    return err;
}

ferry_err ferry_update_run(struct ferry_update *u, struct ferry_update_job *job)
{
    struct ferry__run r = {.u = u,
                           .job = job,
                           .config = *job->config,
                           .keeps = job->keeper,
                           .keeping = job->keeper ? job->keeper->ops->keeping : NULL};
    memset(u, 0, sizeof *u);
    forgive(job);
    job->can_go_on = false;
    if (!job->buffer || !job->buffer_bytes)
        return ferry_fail(&job->fault, FERRY_ERR_ARG, job->buffer_bytes, 1, 0);
    tell(&r, FERRY_STAGE_OPENING);
    const ferry_err err = carry(&r);
    if (err && r.is_begun)
        ferry_update_abort(u);
    if (r.has_note && r.is_begun && (!err || is_verdict(err)))
        r.keeping->drop(&r); // a note has a keeper
    job->can_go_on = err && r.has_note;
    if (!err)
        tell(&r, FERRY_STAGE_DONE);
    return err;
}
