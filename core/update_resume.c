/* core/update_resume.c - checkpoints: going on after a reset where the last session stopped.
 * A blob of 128 bytes, opaque to the port that keeps it. It never outranks what is in flash: the
 * prefix is read again, and its CRC32 must be the one written down.
 * Design: docs/design.md "Resume, and the bytes written last". */
#include "core/update_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"
#include "ferry/crc32.h"

#define BLOB_MAGIC     0x31504b46u // "FKP1"
#define FLAG_HAS_CRC   1u
#define FLAG_HAS_SHA   2u
#define OFF_TARGET     4u
#define OFF_FLAGS      5u
#define OFF_OFFSET     8u
#define OFF_LENGTH     12u
#define OFF_PREFIX_CRC 16u
#define OFF_FILE_CRC   20u
#define OFF_SHA        24u
#define OFF_VALIDATOR  56u
#define OFF_HEAD       88u
#define OFF_SLOT       120u
#define OFF_OWN_CRC    124u

static uint8_t promise_flags(const struct ferry_update_config *cfg)
{
    return (uint8_t)((cfg->has_crc32 ? FLAG_HAS_CRC : 0) | (cfg->sha256 ? FLAG_HAS_SHA : 0));
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
    memset(blob, 0, FERRY_CHECKPOINT_BYTES);
    ferry_put_le32(blob, BLOB_MAGIC);
    blob[OFF_TARGET] = (uint8_t)u->target;
    blob[OFF_FLAGS] = promise_flags(&u->cfg);
    ferry_put_le32(blob + OFF_OFFSET, u->flushed_bytes);
    ferry_put_le32(blob + OFF_LENGTH, u->cfg.length_bytes);
    ferry_put_le32(blob + OFF_PREFIX_CRC, u->flushed_crc32);
    ferry_put_le32(blob + OFF_FILE_CRC, u->cfg.has_crc32 ? u->cfg.crc32 : 0);
    if (u->cfg.sha256)
        memcpy(blob + OFF_SHA, u->cfg.sha256, FERRY_SHA256_BYTES);
    if (validator)
        memcpy(blob + OFF_VALIDATOR, validator, FERRY_CHECKPOINT_VALIDATOR);
    memcpy(blob + OFF_HEAD, u->head, FERRY_UPDATE_HEAD_BYTES);
    ferry_put_le32(blob + OFF_SLOT, u->slot.off_bytes);
    ferry_put_le32(blob + OFF_OWN_CRC, ferry_crc32(0, blob, OFF_OWN_CRC));
    u->kept_bytes = u->flushed_bytes;
    return FERRY_OK;
}

ferry_err ferry_checkpoint_read(const uint8_t *blob, size_t blob_bytes,
                                struct ferry_checkpoint *out)
{
    if (blob_bytes != FERRY_CHECKPOINT_BYTES || ferry_le32(blob) != BLOB_MAGIC ||
        ferry_le32(blob + OFF_OWN_CRC) != ferry_crc32(0, blob, OFF_OWN_CRC))
        return FERRY_ERR_CHECKPOINT;
    out->off_bytes = ferry_le32(blob + OFF_OFFSET);
    out->length_bytes = ferry_le32(blob + OFF_LENGTH);
    memcpy(out->validator, blob + OFF_VALIDATOR, FERRY_CHECKPOINT_VALIDATOR);
    return FERRY_OK;
}

/* The same slot, and the same promises about the file. */
static bool fits(const struct ferry_update *u, const uint8_t *blob)
{
    const struct ferry_update_config *cfg = &u->cfg;
    const uint32_t off = ferry_le32(blob + OFF_OFFSET);
    if (blob[OFF_TARGET] != u->target || ferry_le32(blob + OFF_SLOT) != u->slot.off_bytes ||
        blob[OFF_FLAGS] != promise_flags(cfg) || ferry_le32(blob + OFF_LENGTH) != cfg->length_bytes)
        return false;
    if (cfg->has_crc32 && ferry_le32(blob + OFF_FILE_CRC) != cfg->crc32)
        return false;
    if (cfg->sha256 && memcmp(blob + OFF_SHA, cfg->sha256, FERRY_SHA256_BYTES) != 0)
        return false;
    return off && off % u->slot.flash->sector_bytes == 0 && off < u->slot.size_bytes &&
           (!cfg->length_bytes || off <= cfg->length_bytes);
}

ferry_err ferry_update_resume(struct ferry_update *u, struct ferry_device *dev,
                              const struct ferry_update_config *cfg,
                              const uint8_t blob[FERRY_CHECKPOINT_BYTES])
{
    struct ferry_checkpoint c;
    ferry_err err = ferry_update_begin(u, dev, cfg);
    if (err)
        return err;
    err = ferry_checkpoint_read(blob, FERRY_CHECKPOINT_BYTES, &c);
    if (err || !fits(u, blob))
        return ferry__update_fail(u, FERRY_ERR_CHECKPOINT, 0, 0, 0);
    u->phase = UPDATE_REHASHING;
    u->flushed_bytes = c.off_bytes;
    u->flushed_crc32 = ferry_le32(blob + OFF_PREFIX_CRC);
    u->kept_bytes = c.off_bytes;
    memcpy(u->head, blob + OFF_HEAD, FERRY_UPDATE_HEAD_BYTES);
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
