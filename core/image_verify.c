/* core/image_verify.c - images where they lie: the reader of core/image.c fed from flash. */
#include "ferry/image.h"

#define MAPPABLE_BYTES 0x1000000u // 16 MB: as far as most chips' caches reach
#define WORK_LEAST     64u

ferry_err ferry_image_verify(const struct ferry_region *region,
                             const struct ferry_image_rules *rules, void *work, size_t work_bytes,
                             struct ferry_image *img)
{
    ferry_image_begin(img, rules);
    if (work_bytes < WORK_LEAST)
        return ferry_fail(&img->fault, FERRY_ERR_WORK_SIZE, (uint32_t)work_bytes, WORK_LEAST, 0);
    const bool big = rules->chip && rules->chip->big_flash;
    if (region->size_bytes > MAPPABLE_BYTES && !big)
        return ferry_fail(&img->fault, FERRY_ERR_PARTITION_LIMIT, region->size_bytes,
                          MAPPABLE_BYTES, 0);
    const uint32_t most = work_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)work_bytes;
    while (!img->image_bytes && img->at_bytes < region->size_bytes) {
        const uint32_t left = region->size_bytes - img->at_bytes;
        const uint32_t n = left < most ? left : most;
        ferry_err err = ferry_region_read(region, img->at_bytes, work, n);
        if (err)
            return ferry_fail(&img->fault, err, 0, 0, region->off_bytes + img->at_bytes);
        err = ferry_image_feed(img, work, n);
        if (err)
            return err;
    }
    return ferry_image_end(img);
}

ferry_err ferry_image_read_desc(const struct ferry_region *region, uint8_t *work,
                                struct ferry_app_desc *out)
{
    const ferry_err err =
        ferry_region_read(region, FERRY_APP_DESC_OFF, work, FERRY_APP_DESC_HEAD_BYTES);
    return err ? err : ferry_app_desc_decode(work, out);
}
