/* core/reflash_content.c - what an app, a bootloader or a partition table must be before a reflash
 * takes it: its format, for this chip, and fitting where it goes. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define SEGMENT_HEAD   8u
#define CHECKSUM_ALIGN 16u
#define REV_NONE       0xffffu

/* Bootloaders are read by the ROM into RAM: no descriptor is needed and no page to line up with, so
 * they are walked by their headers. */
static ferry_err walk_segments(const struct ferry_region *region, uint32_t n_segments,
                               uint32_t *image_bytes, struct ferry_fault *fault)
{
    uint8_t head[SEGMENT_HEAD];
    uint32_t at = FERRY_IMAGE_HEADER_BYTES;
    for (uint32_t i = 0; i < n_segments; i++) {
        const ferry_err err = ferry_region_read(region, at, head, sizeof(head));
        if (err)
            return ferry_fail(fault, FERRY_ERR_IMAGE_TRUNC, region->size_bytes, at + SEGMENT_HEAD,
                              at);
        const uint32_t len = ferry_le32(head + 4);
        if (len % 4)
            return ferry_fail(fault, FERRY_ERR_IMAGE_SEG_LEN, len, region->size_bytes, at);
        at += SEGMENT_HEAD;
        if (!ferry_range_fits(at, len, region->size_bytes))
            return ferry_fail(fault, FERRY_ERR_IMAGE_SIZE, len, region->size_bytes, at);
        at += len;
    }
    *image_bytes = ferry_align_up(at + 1, CHECKSUM_ALIGN);
    return FERRY_OK;
}

static ferry_err check_header(const struct ferry_policy *policy, const uint8_t *bytes,
                              struct ferry_image_header *h, struct ferry_fault *fault)
{
    if (bytes[0] != FERRY_IMAGE_MAGIC)
        return ferry_fail(fault, FERRY_ERR_IMAGE_MAGIC, bytes[0], FERRY_IMAGE_MAGIC, 0);
    ferry_image_header_decode(bytes, h);
    if (!h->n_segments || h->n_segments > FERRY_IMAGE_SEGMENTS)
        return ferry_fail(fault, FERRY_ERR_IMAGE_SEGMENTS, h->n_segments, FERRY_IMAGE_SEGMENTS, 0);
    if (!policy->chip)
        return FERRY_OK;
    if (h->chip_id != policy->chip->id)
        return ferry_fail(fault, FERRY_ERR_IMAGE_CHIP, h->chip_id, policy->chip->id, 0);
    if (policy->chip_rev < h->min_rev_full)
        return ferry_fail(fault, FERRY_ERR_IMAGE_REV_MIN, h->min_rev_full, policy->chip_rev, 0);
    if (h->max_rev_full && h->max_rev_full != REV_NONE && !policy->ignore_max_rev &&
        policy->chip_rev > h->max_rev_full)
        return ferry_fail(fault, FERRY_ERR_IMAGE_REV_MAX, h->max_rev_full, policy->chip_rev, 0);
    return FERRY_OK;
}

/* The SHA-256 behind the image, over all before it. */
static ferry_err check_digest(struct ferry_reflash *r, const struct ferry_region *region,
                              uint32_t image_bytes)
{
    uint8_t *buf = ferry__reflash_piece(r);
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    for (uint32_t at = 0; at < image_bytes;) {
        const uint32_t n = image_bytes - at < REFLASH_PIECE ? image_bytes - at : REFLASH_PIECE;
        const ferry_err err = ferry_region_read(region, at, buf, n);
        if (err)
            return ferry_fail(&r->fault, err, 0, 0, region->off_bytes + at);
        ferry_sha256_update(&h, buf, n);
        at += n;
    }
    ferry_sha256_finish(&h, digest);
    const ferry_err err = ferry_region_read(region, image_bytes, buf, sizeof(digest));
    if (err)
        return ferry_fail(&r->fault, FERRY_ERR_IMAGE_TRUNC, region->size_bytes,
                          image_bytes + FERRY_SHA256_BYTES, 0);
    if (memcmp(digest, buf, sizeof(digest)) != 0)
        return ferry_fail(&r->fault, FERRY_ERR_IMAGE_HASH, 0, 0, 0);
    return FERRY_OK;
}

ferry_err ferry__reflash_bootloader(struct ferry_reflash *r, const struct ferry_policy *policy,
                                    const struct ferry_region *region, uint32_t *image_bytes)
{
    uint8_t *bytes = ferry__reflash_piece(r);
    struct ferry_image_header h = {0};
    *image_bytes = 0;
    if (region->size_bytes < FERRY_IMAGE_HEADER_BYTES)
        return ferry_fail(&r->fault, FERRY_ERR_IMAGE_TRUNC, region->size_bytes,
                          FERRY_IMAGE_HEADER_BYTES, 0);
    ferry_err err = ferry_region_read(region, 0, bytes, FERRY_IMAGE_HEADER_BYTES);
    if (err)
        return ferry_fail(&r->fault, err, 0, 0, region->off_bytes);
    err = check_header(policy, bytes, &h, &r->fault);
    if (!err)
        err = walk_segments(region, h.n_segments, image_bytes, &r->fault);
    if (!err && *image_bytes > region->size_bytes)
        return ferry_fail(&r->fault, FERRY_ERR_IMAGE_TRUNC, region->size_bytes, *image_bytes, 0);
    if (!err && h.hash_appended) {
        err = check_digest(r, region, *image_bytes);
        *image_bytes += FERRY_SHA256_BYTES;
    }
    return err;
}

static ferry_err check_app(struct ferry_reflash *r, const struct ferry_policy *policy,
                           const struct ferry_step *step, const struct ferry_region *region,
                           struct ferry_device_work *w)
{
    w->rules = (struct ferry_image_rules){
        .chip = policy->chip,
        .chip_rev = policy->chip_rev,
        .blk_rev = policy->blk_rev,
        .ignore_max_rev = policy->ignore_max_rev,
        .base_off_bytes = step->dest_off_bytes,
        .max_bytes = step->dest_size_bytes,
        .min_secure_version = policy->anti_rollback ? policy->secure_version : 0,
        .desc_head = w->desc_head,
    };
    const ferry_err err =
        ferry_image_verify(region, &w->rules, w->buffer, sizeof(w->buffer), &w->image);
    if (err)
        r->fault = w->image.fault;
    return err;
}

ferry_err ferry__reflash_table(struct ferry_reflash *r, const struct ferry_region *region)
{
    struct ferry_table_walk walk;
    ferry_table_walk_begin(&walk);
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS && !walk.done; i++) {
        uint8_t row[FERRY_ROW_BYTES];
        struct ferry_partition p;
        ferry_err err = ferry_region_read(region, i * FERRY_ROW_BYTES, row, sizeof(row));
        if (err)
            return ferry_fail(&r->fault, FERRY_ERR_TABLE_END, i, FERRY_TABLE_ROWS, 0);
        err = ferry_table_walk_row(&walk, row, r->cfg.flash->size_bytes, &p, &r->fault);
        if (err)
            return err;
    }
    if (!walk.done)
        return ferry_fail(&r->fault, FERRY_ERR_TABLE_END, FERRY_TABLE_ROWS, FERRY_TABLE_ROWS, 0);
    return FERRY_OK;
}

ferry_err ferry__reflash_content(struct ferry_reflash *r, const struct ferry_policy *policy,
                                 const struct ferry_step *step, const struct ferry_region *region,
                                 struct ferry_device_work *work)
{
    uint32_t image_bytes;
    switch (step->kind) {
    case FERRY_STEP_APP:
        return check_app(r, policy, step, region, work);
    case FERRY_STEP_BOOTLOADER:
        return ferry__reflash_bootloader(r, policy, region, &image_bytes);
    case FERRY_STEP_TABLE:
        return ferry__reflash_table(r, region);
    default:
        return FERRY_OK;
    }
}
