/* core/update_resume.c - going on after a reset where the last session stopped.
 * A checkpoint never outranks what is in flash: the prefix is read again, and its CRC32 must be the
 * one written down.
 * Design: docs/design.md "Resume, and the bytes written last". */
#include "core/checkpoint_private.h"
#include "core/update_private.h"

#include "core/mem.h"
#include "ferry/crc32.h"

static struct ferry__kept state_of(const struct ferry_update *u)
{
    return (struct ferry__kept){
        .magic = CHECKPOINT_UPDATE,
        .target = (uint8_t)u->target,
        .has_crc32 = u->cfg.has_crc32,
        .off_bytes = u->flushed_bytes,
        .length_bytes = u->cfg.length_bytes,
        .prefix_crc32 = u->flushed_crc32,
        .file_crc32 = u->cfg.crc32,
        .sha256 = u->cfg.sha256,
        .own = u->head,
        .place_off_bytes = u->slot.off_bytes,
    };
}

ferry_err ferry_update_checkpoint(struct ferry_update *u, const uint8_t *validator,
                                  uint8_t blob[FERRY_CHECKPOINT_BYTES])
{
    if (u->fault.err)
        return u->fault.err;
    if (u->phase != UPDATE_RECEIVING)
        return FERRY_ERR_STATE;
    if (u->flushed_bytes - u->kept_bytes < FERRY_CHECKPOINT_EVERY)
        return FERRY_AGAIN;
    const ferry_err err = ferry_region_sync(&u->slot);
    if (err)
        return ferry__update_fail(u, err, 0, 0, u->slot.off_bytes);
    struct ferry__kept k = state_of(u);
    k.validator = validator;
    ferry__checkpoint_put(&k, blob);
    u->kept_bytes = u->flushed_bytes;
    return FERRY_OK;
}

ferry_err ferry_update_resume(struct ferry_update *u, struct ferry_device *dev,
                              const struct ferry_update_config *cfg,
                              const uint8_t blob[FERRY_CHECKPOINT_BYTES])
{
    ferry_err err = ferry_update_begin(u, dev, cfg);
    if (err)
        return err;
    const struct ferry__kept now = state_of(u);
    struct ferry__kept k;
    err = ferry__checkpoint_get(blob, &now, u->slot.size_bytes, u->slot.flash->sector_bytes, &k);
    if (err)
        return ferry__update_fail(u, err, 0, 0, 0);
    u->phase = UPDATE_REHASHING;
    u->flushed_bytes = k.off_bytes;
    u->flushed_crc32 = k.prefix_crc32;
    u->kept_bytes = k.off_bytes;
    memcpy(u->head, k.own, FERRY_UPDATE_HEAD_BYTES);
    return FERRY_OK;
}

/* A header that stands in the slot was written by a session that had ended, after its last
 * checkpoint. Going on would take bytes away under it, so the slot is begun anew. */
static bool is_head_free(const struct ferry_update *u, const uint8_t *head)
{
    const uint32_t n = ferry__update_head_bytes(u);
    for (uint32_t i = 0; i < n; i++)
        if (head[i] != 0xff)
            return false;
    return true;
}

static ferry_err rehash_piece(struct ferry_update *u)
{
    uint8_t *buf = u->cfg.work;
    const uint32_t n = u->cfg.work_bytes;
    ferry_err err = ferry_region_read(&u->slot, u->got_bytes, buf, n);
    if (err)
        return ferry__update_fail(u, err, 0, 0, u->slot.off_bytes + u->got_bytes);
    if (u->got_bytes == 0) {
        if (!is_head_free(u, buf))
            return ferry__update_fail(u, FERRY_ERR_CHECKPOINT, 0, 0, u->slot.off_bytes);
        memcpy(buf, u->head, ferry__update_head_bytes(u));
    }
    u->crc32 = ferry_crc32(u->crc32, buf, n);
    u->got_bytes += n;
    // Bytes that make no image are as wrong as bytes with another CRC.
    if (ferry_image_feed(&u->image, buf, n))
        return ferry__update_fail(u, FERRY_ERR_CHECKPOINT, 0, 0, u->got_bytes - n);
    if (u->got_bytes < u->flushed_bytes)
        return FERRY_OK;
    if (u->crc32 != u->flushed_crc32)
        return ferry__update_fail(u, FERRY_ERR_CHECKPOINT, u->crc32, u->flushed_crc32, 0);
    // Everything behind is erased again, blank-looking or not: an erase may have been cut. A block
    // that begins before here is not erased whole, so its rest goes by sectors.
    u->erased_to_bytes = u->got_bytes;
    u->phase = UPDATE_RECEIVING;
    return FERRY_OK;
}

ferry_err ferry_update_rehash(struct ferry_update *u)
{
    if (u->fault.err)
        return u->fault.err;
    while (u->phase == UPDATE_REHASHING) {
        const ferry_err err = rehash_piece(u);
        if (err)
            return err;
        if (u->phase == UPDATE_REHASHING && (u->cfg.flags & FERRY_UPDATE_GENTLE))
            return FERRY_AGAIN;
    }
    return u->phase == UPDATE_RECEIVING ? FERRY_OK : FERRY_ERR_STATE;
}
