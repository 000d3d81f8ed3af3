/* core/reflash_stage.c - contents from outside are taken in, written one behind another into the
 * staging area, read back and judged before any plan counts on them. Which area: _area.c; going on
 * after a reset: _kept.c. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

/* What went wrong is told, and what was written of the content does not count. */
static ferry_err give_up(struct ferry_stage *s, ferry_err err)
{
    s->phase = STAGE_IDLE;
    s->erased_bytes = s->used_bytes;
    return err;
}

/* Erases ahead of the next sector, a block where one lies free and the content reaches that far. */
static ferry_err erase_ahead(struct ferry_stage *s, uint32_t at)
{
    const uint32_t block = s->area.flash->block_bytes;
    const uint32_t end = s->used_bytes + s->promised_bytes;
    const uint32_t more = s->promised_bytes ? end - at : block;
    if (at < s->erased_bytes)
        return FERRY_OK;
    const bool whole =
        (s->area.off_bytes + at) % block == 0 && more >= block && s->area.size_bytes - at >= block;
    const uint32_t n = whole ? block : REFLASH_SECTOR;
    const ferry_err err = ferry_region_erase(&s->area, at, n, true);
    if (!err)
        s->erased_bytes = at + n;
    return err ? ferry_fail(&s->fault, err, 0, 0, s->area.off_bytes + at) : FERRY_OK;
}

/* The sector that stays blank goes before anything is written behind it. */
static ferry_err clear_front(struct ferry_stage *s)
{
    if (s->erased_bytes >= s->used_bytes)
        return FERRY_OK;
    const ferry_err err = erase_ahead(s, 0);
    return err ? err : ferry_region_sync(&s->area);
}

static uint32_t room(const struct ferry_stage *s)
{
    return s->area.size_bytes - s->used_bytes;
}

/* With hash and length known: does the destination hold it already? */
static ferry_err look_there(struct ferry_stage *s, bool *is_held)
{
    struct ferry_reflash *r = s->job;
    *is_held = false;
    if (!s->has_sha256 || !s->promised_bytes)
        return FERRY_OK;
    const ferry_err err = ferry__reflash_held(r, &s->step, is_held);
    if (err) {
        s->fault = r->fault;
        return err;
    }
    if (*is_held) {
        s->step.source = FERRY_SOURCE_HELD;
        s->step.source_off_bytes = 0;
        r->plan.steps[r->plan.n_steps] = s->step;
        ferry__reflash_vouch(r);
    }
    return FERRY_OK;
}

static ferry_err check_dest(struct ferry_stage *s)
{
    const struct ferry_step *step = &s->step;
    const struct ferry_span run = s->job->cfg.running;
    const struct ferry_span dest = {step->dest_off_bytes, step->dest_size_bytes};
    if (ferry__spans_overlap(dest, s->area.off_bytes, s->area.size_bytes))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_OVERLAP, dest.off_bytes, s->area.off_bytes);
    if (ferry__spans_overlap(dest, run.off_bytes, run.size_bytes))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_RUNNING, dest.off_bytes, run.off_bytes);
    if (s->promised_bytes > room(s))
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_FULL, s->promised_bytes, room(s));
    return FERRY_OK;
}

static bool is_image(const struct ferry_stage *s)
{
    return s->step.kind == FERRY_STEP_APP || s->step.kind == FERRY_STEP_BOOTLOADER;
}

static void begin_image(struct ferry_stage *s)
{
    const struct ferry_policy *p = s->site->policy;
    s->rules = (struct ferry_image_rules){
        .chip = p->chip,
        .chip_rev = p->chip_rev,
        .blk_rev = p->blk_rev,
        .ignore_max_rev = p->ignore_max_rev,
        .bootloader = s->step.kind == FERRY_STEP_BOOTLOADER,
        .base_off_bytes = s->step.dest_off_bytes,
        .max_bytes = s->step.dest_size_bytes,
        .min_secure_version = p->anti_rollback ? p->secure_version : 0,
    };
    ferry_image_begin(&s->image, &s->rules);
}

/* The step in hand, as far as it is known before its first byte. */
static void take_step(struct ferry_stage *s, const struct ferry_step *step, const uint8_t *sha256)
{
    s->step = *step;
    s->promised_bytes = step->length_bytes;
    s->has_sha256 = sha256 != NULL;
    s->got_bytes = 0;
    s->crc32 = 0;
    s->kept_bytes = 0;
    s->step.source = FERRY_SOURCE_STAGED;
    s->step.source_off_bytes = s->area.off_bytes + s->used_bytes;
    s->step.length_bytes = s->promised_bytes ? s->promised_bytes : 1;
    memset(s->step.sha256, 0, sizeof(s->step.sha256));
    if (sha256)
        memcpy(s->step.sha256, sha256, sizeof(s->step.sha256));
}

ferry_err ferry__stage_ready(struct ferry_stage *s, const struct ferry_step *step,
                             const uint8_t *sha256, bool *is_held)
{
    struct ferry_reflash *r = s->job;
    *is_held = false;
    if (s->phase == STAGE_CLOSED)
        return ferry__stage_fail(s, FERRY_ERR_STATE, 0, 0);
    if (s->phase == STAGE_RECEIVING)
        (void)give_up(s, FERRY_OK);
    if (r->plan.n_steps >= FERRY_PLAN_STEPS)
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_STEPS, r->plan.n_steps + 1u,
                                 FERRY_PLAN_STEPS);
    take_step(s, step, sha256);
    ferry_err err = ferry__step_check(&r->plan, &s->step, &s->fault);
    if (!err)
        err = look_there(s, is_held);
    if (!err && !*is_held)
        err = check_dest(s);
    if (err || *is_held)
        return err;
    ferry_sha256_init(&s->hash);
    begin_image(s);
    return FERRY_OK;
}

ferry_err ferry_stage_begin(struct ferry_stage *s, const struct ferry_step *step,
                            const uint8_t *sha256, bool *is_held)
{
    ferry_err err = ferry__stage_ready(s, step, sha256, is_held);
    if (!err && !*is_held)
        err = clear_front(s);
    if (!err && !*is_held)
        s->phase = STAGE_RECEIVING;
    return err;
}

/* Writes the sector in the work memory; the content's last one ends blank. */
static ferry_err flush(struct ferry_stage *s)
{
    const uint32_t at = s->used_bytes + ferry_align_down(s->got_bytes - 1, REFLASH_SECTOR);
    const uint32_t n = s->got_bytes - (at - s->used_bytes);
    memset(ferry__reflash_sector(s->job) + n, 0xff, REFLASH_SECTOR - n);
    ferry_err err = erase_ahead(s, at);
    if (err)
        return err;
    err = ferry__reflash_put(s->job, s->area.off_bytes + at, true);
    if (err)
        s->fault = s->job->fault;
    else
        s->crc32 = ferry_crc32(s->crc32, ferry__reflash_sector(s->job), n);
    return err;
}

static ferry_err check_more(struct ferry_stage *s, uint32_t n)
{
    const uint32_t got = s->got_bytes;
    if (n > s->step.dest_size_bytes - got)
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_SIZE, got + n, s->step.dest_size_bytes);
    if (s->promised_bytes && n > s->promised_bytes - got)
        return ferry__stage_fail(s, FERRY_ERR_UPDATE_LENGTH, got + n, s->promised_bytes);
    if (n > room(s) - got)
        return ferry__stage_fail(s, FERRY_ERR_REFLASH_FULL, got + n, room(s));
    return FERRY_OK;
}

ferry_err ferry__stage_judge(struct ferry_stage *s, const uint8_t *data, uint32_t n)
{
    ferry_sha256_update(&s->hash, data, n);
    if (!is_image(s))
        return FERRY_OK;
    const ferry_err err = ferry_image_feed(&s->image, data, n);
    if (err)
        s->fault = s->image.fault;
    return err;
}

static ferry_err take(struct ferry_stage *s, const uint8_t *data, uint32_t n)
{
    const ferry_err err = ferry__stage_judge(s, data, n);
    if (err)
        return err;
    while (n) {
        const uint32_t at = s->got_bytes % REFLASH_SECTOR;
        const uint32_t step = n < REFLASH_SECTOR - at ? n : REFLASH_SECTOR - at;
        memcpy(ferry__reflash_sector(s->job) + at, data, step);
        s->got_bytes += step;
        data += step;
        n -= step;
        const ferry_err bad = s->got_bytes % REFLASH_SECTOR ? FERRY_OK : flush(s);
        if (bad)
            return bad;
    }
    return FERRY_OK;
}

ferry_err ferry_stage_write(struct ferry_stage *s, const void *data, uint32_t n)
{
    if (s->phase != STAGE_RECEIVING)
        return ferry__stage_fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = check_more(s, n);
    if (!err)
        err = take(s, data, n);
    return err ? give_up(s, err) : FERRY_OK;
}

static ferry_err check_promises(struct ferry_stage *s)
{
    uint8_t sha[FERRY_SHA256_BYTES];
    if (!s->got_bytes)
        return ferry__stage_fail(s, FERRY_ERR_UPDATE_EMPTY, 0, 0);
    if (s->promised_bytes && s->got_bytes != s->promised_bytes)
        return ferry__stage_fail(s, FERRY_ERR_UPDATE_LENGTH, s->got_bytes, s->promised_bytes);
    ferry_sha256_finish(&s->hash, sha);
    if (s->has_sha256 && !ferry_equal_const_time(sha, s->step.sha256, sizeof(sha)))
        return ferry__stage_fail(s, FERRY_ERR_UPDATE_SHA, 0, 0);
    memcpy(s->step.sha256, sha, sizeof(sha));
    return FERRY_OK;
}

static ferry_err check_staged(struct ferry_stage *s)
{
    struct ferry_reflash *r = s->job;
    const struct ferry_region staged = {r->cfg.flash, s->step.source_off_bytes, s->got_bytes};
    ferry_err err = FERRY_OK;
    if (is_image(s)) {
        err = ferry_image_end(&s->image);
        if (err)
            s->fault = s->image.fault;
        else if (!s->image.n_segments)
            err = ferry__stage_fail(s, FERRY_ERR_IMAGE_SEGMENTS, 0, FERRY_IMAGE_SEGMENTS);
    } else if (s->step.kind == FERRY_STEP_TABLE) {
        err = ferry__reflash_table(r, &staged);
        if (err)
            s->fault = r->fault;
    }
    return err;
}

ferry_err ferry_stage_finish(struct ferry_stage *s)
{
    struct ferry_reflash *r = s->job;
    if (s->phase != STAGE_RECEIVING)
        return ferry__stage_fail(s, FERRY_ERR_STATE, 0, 0);
    ferry_err err = s->got_bytes % REFLASH_SECTOR ? flush(s) : FERRY_OK;
    if (!err)
        err = check_promises(s);
    if (!err)
        err = check_staged(s);
    if (err)
        return give_up(s, err);
    s->step.length_bytes = s->got_bytes;
    r->plan.steps[r->plan.n_steps] = s->step;
    ferry__reflash_vouch(r);
    s->used_bytes += ferry_align_up(s->got_bytes, REFLASH_SECTOR);
    if (s->erased_bytes < s->used_bytes)
        s->erased_bytes = s->used_bytes;
    s->phase = STAGE_IDLE;
    return FERRY_OK;
}
