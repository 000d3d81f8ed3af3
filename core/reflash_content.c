/* core/reflash_content.c - what an app, a bootloader or a partition table must be before a reflash
 * takes it: its format, for this chip, and fitting where it goes. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

#define BOOTLOADER_MOST 0x100000u

static struct ferry_image_rules rules_for(const struct ferry_policy *policy,
                                          const struct ferry_region *region)
{
    return (struct ferry_image_rules){
        .chip = policy->chip,
        .chip_rev = policy->chip_rev,
        .blk_rev = policy->blk_rev,
        .ignore_max_rev = policy->ignore_max_rev,
        .base_off_bytes = region->off_bytes,
        .max_bytes = region->size_bytes,
    };
}

static ferry_err verify(struct ferry_reflash *r, const struct ferry_region *region,
                        struct ferry_device_work *w)
{
    const ferry_err err =
        ferry_image_verify(region, &w->rules, w->buffer, sizeof(w->buffer), &w->image);
    if (err)
        r->fault = w->image.fault;
    return err;
}

ferry_err ferry__reflash_bootloader(struct ferry_reflash *r, const struct ferry_policy *policy,
                                    const struct ferry_region *region, struct ferry_device_work *w,
                                    uint32_t *image_bytes)
{
    // No bootloader comes near this, and the reader maps no region larger than it can.
    const struct ferry_region place = {region->flash, region->off_bytes,
                                       region->size_bytes < BOOTLOADER_MOST ? region->size_bytes
                                                                            : BOOTLOADER_MOST};
    w->rules = rules_for(policy, &place);
    w->rules.bootloader = true;
    const ferry_err err = verify(r, &place, w);
    if (!err && !w->image.n_segments)
        return ferry_fail(&r->fault, FERRY_ERR_IMAGE_SEGMENTS, 0, FERRY_IMAGE_SEGMENTS, 0);
    *image_bytes = w->image.image_bytes;
    return err;
}

static ferry_err check_app(struct ferry_reflash *r, const struct ferry_policy *policy,
                           const struct ferry_region *region, struct ferry_device_work *w)
{
    w->rules = rules_for(policy, region);
    w->rules.min_secure_version = policy->anti_rollback ? policy->secure_version : 0;
    w->rules.desc_head = w->desc_head;
    return verify(r, region, w);
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
        return check_app(r, policy, region, work);
    case FERRY_STEP_BOOTLOADER:
        return ferry__reflash_bootloader(r, policy, region, work, &image_bytes);
    case FERRY_STEP_TABLE:
        return ferry__reflash_table(r, region);
    default:
        return FERRY_OK;
    }
}
