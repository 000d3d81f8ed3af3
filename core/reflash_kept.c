/* core/reflash_kept.c - staging goes on after a reset where it stopped, by a checkpoint as updates
 * have it. What flash holds is read again, judged again, and must have the CRC-32 that was written
 * down. Design: docs/design/reflash.md "The staging area". */
#include "core/checkpoint_private.h"
#include "core/reflash_private.h"

#include "ferry/bytes.h"
#include "ferry/crc32.h"

static struct ferry__kept state_of(const struct ferry_stage *s)
{
    return (struct ferry__kept){
        .magic = CHECKPOINT_STAGE,
        .target = s->step.kind,
        .off_bytes = ferry_align_down(s->got_bytes, REFLASH_SECTOR),
        .length_bytes = s->promised_bytes,
        .prefix_crc32 = s->crc32,
        .sha256 = s->has_sha256 ? s->step.sha256 : NULL,
        .place_off_bytes = s->step.source_off_bytes,
    };
}

ferry_err ferry_stage_checkpoint(struct ferry_stage *s, const uint8_t *validator,
                                 uint8_t blob[FERRY_CHECKPOINT_BYTES])
{
    if (s->phase != STAGE_RECEIVING)
        return ferry__stage_fail(s, FERRY_ERR_STATE, 0, 0);
    struct ferry__kept k = state_of(s);
    // Of a content that is here to its end nobody could ask for the rest.
    if (k.off_bytes - s->kept_bytes < FERRY_CHECKPOINT_EVERY || k.off_bytes == s->promised_bytes ||
        k.off_bytes >= s->step.dest_size_bytes)
        return FERRY_AGAIN;
    k.validator = validator;
    ferry__checkpoint_put(&k, blob); // each sector was synced as it was written
    s->kept_bytes = k.off_bytes;
    return FERRY_OK;
}

static bool is_blank(const uint8_t *p, uint32_t n)
{
    while (n && p[n - 1] == 0xff)
        n--;
    return n == 0;
}

/* The sector before the first content was erased before any checkpoint was made; if it is not blank
 * now, somebody else has used the area since. */
static ferry_err check_front(struct ferry_stage *s)
{
    uint8_t *buf = ferry__reflash_sector(s->job);
    if (s->erased_bytes >= s->used_bytes)
        return FERRY_OK;
    const ferry_err err = ferry_region_read(&s->area, 0, buf, REFLASH_SECTOR);
    if (err)
        return ferry_fail(&s->fault, err, 0, 0, s->area.off_bytes);
    if (!is_blank(buf, REFLASH_SECTOR))
        return ferry__stage_fail(s, FERRY_ERR_CHECKPOINT, 0, 0);
    return FERRY_OK;
}

static ferry_err take_up(struct ferry_stage *s, uint32_t off, uint32_t crc32)
{
    uint8_t *buf = ferry__reflash_sector(s->job);
    ferry_err err = check_front(s);
    for (; !err && s->got_bytes < off; s->got_bytes += REFLASH_SECTOR) {
        const uint32_t at = s->used_bytes + s->got_bytes;
        err = ferry_region_read(&s->area, at, buf, REFLASH_SECTOR);
        if (err)
            return ferry_fail(&s->fault, err, 0, 0, s->area.off_bytes + at);
        s->crc32 = ferry_crc32(s->crc32, buf, REFLASH_SECTOR);
        // Bytes that make no image are as wrong as bytes with another CRC.
        if (ferry__stage_judge(s, buf, REFLASH_SECTOR))
            return ferry__stage_fail(s, FERRY_ERR_CHECKPOINT, 0, 0);
    }
    if (!err && s->crc32 != crc32)
        return ferry__stage_fail(s, FERRY_ERR_CHECKPOINT, s->crc32, crc32);
    return err;
}

ferry_err ferry_stage_resume(struct ferry_stage *s, const struct ferry_step *step,
                             const uint8_t *sha256, const uint8_t blob[FERRY_CHECKPOINT_BYTES],
                             bool *is_held)
{
    struct ferry__kept k;
    ferry_err err = ferry__stage_ready(s, step, sha256, is_held);
    if (err || *is_held)
        return err;
    const struct ferry__kept now = state_of(s);
    const uint32_t left = s->area.size_bytes - s->used_bytes;
    const uint32_t room = left < step->dest_size_bytes ? left : step->dest_size_bytes;
    if (ferry__checkpoint_get(blob, &now, room, REFLASH_SECTOR, &k))
        return ferry__stage_fail(s, FERRY_ERR_CHECKPOINT, 0, 0);
    err = take_up(s, k.off_bytes, k.prefix_crc32);
    if (err)
        return err;
    // Everything behind is erased again, blank-looking or not: an erase may have been cut.
    s->kept_bytes = s->got_bytes;
    s->erased_bytes = s->used_bytes + s->got_bytes;
    s->phase = STAGE_RECEIVING;
    return FERRY_OK;
}
