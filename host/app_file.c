/* host/app_file.c - telling apps from what is mistaken for one. */
#include "app_file.h"

#include <string.h>

#include "bootloader.h"
#include "ferry/partition.h"

/* A merged file begins with the bootloader, or with what is erased before it: its partition table
 * then lies 0x6000 to 0x8000 bytes behind its begin. */
static bool is_merged(const uint8_t *bytes, size_t n)
{
    for (size_t off = 0x6000; off <= FERRY_TABLE_OFF_DEFAULT; off += 0x1000)
        if (off + FERRY_ROW_BYTES <= n && ferry_row_kind(bytes + off) == FERRY_ROW_PARTITION)
            return true;
    return false;
}

static void read_image(struct ferry_app_file *a, const uint8_t *bytes, size_t n,
                       const struct ferry_policy *policy)
{
    struct ferry_image img;
    uint8_t desc_head[FERRY_APP_DESC_HEAD_BYTES];
    struct ferry_image_rules rules = {.desc_head = desc_head, .chip_rev = 9999};
    rules.ignore_max_rev = true;
    if (policy) {
        rules.chip = policy->chip;
        rules.blk_rev = policy->blk_rev;
        rules.min_secure_version = policy->anti_rollback ? policy->secure_version : 0;
    }
    ferry_image_begin(&img, &rules);
    ferry_err err = ferry_image_feed(&img, bytes, n);
    if (!err)
        err = ferry_image_end(&img);
    a->fault = img.fault;
    a->fault.err = err;
    a->kind = err ? FERRY_APP_REFUSED : FERRY_APP_GOOD;
    a->image_bytes = img.image_bytes ? img.image_bytes : (uint32_t)n;
    if (img.at_bytes >= FERRY_IMAGE_HEADER_BYTES)
        a->chip = ferry_chip_by_id(img.header.chip_id);
    a->has_desc = img.desc_ready && ferry_image_desc(&img, &a->desc) == FERRY_OK;
}

void ferry_app_file_look(struct ferry_app_file *a, const char *path, const uint8_t *bytes, size_t n,
                         const struct ferry_policy *policy)
{
    *a = (struct ferry_app_file){.path = path};
    read_image(a, bytes, n, policy);
    if (a->has_desc)
        return;
    if (is_merged(bytes, n))
        a->kind = FERRY_APP_MERGED;
    else if (ferry_is_bootloader(bytes, n))
        a->kind = FERRY_APP_BOOTLOADER;
}
