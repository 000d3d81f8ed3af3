/* host/reflash_trial.c - a flash in memory. */
#include "reflash_trial.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

static ferry_err trial_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                            uint32_t len_bytes)
{
    const struct ferry_reflash_trial *t = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    memcpy(dst, t->bytes + off_bytes, len_bytes);
    return FERRY_OK;
}

static ferry_err trial_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                            uint32_t len_bytes)
{
    struct ferry_reflash_trial *t = f->ctx;
    const uint8_t *from = src;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes % f->prog_bytes || len_bytes % f->prog_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    for (uint32_t i = 0; i < len_bytes; i++)
        t->bytes[off_bytes + i] &= from[i];
    return FERRY_OK;
}

static ferry_err trial_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    struct ferry_reflash_trial *t = f->ctx;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    memset(t->bytes + off_bytes, 0xff, len_bytes);
    return FERRY_OK;
}

static ferry_err trial_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

ferry_err ferry_reflash_trial_open(struct ferry_reflash_trial *t, const struct ferry_flash *of)
{
    static const struct ferry_flash_ops ops = {trial_read, trial_prog, trial_erase, trial_sync};
    t->flash = *of;
    t->flash.ops = &ops;
    t->flash.ctx = t;
    t->bytes = malloc(of->size_bytes);
    if (!t->bytes)
        return FERRY_ERR_NO_MEMORY;
    const ferry_err err = of->ops->read(of, 0, t->bytes, of->size_bytes);
    if (err)
        ferry_reflash_trial_close(t);
    return err;
}

void ferry_reflash_trial_close(struct ferry_reflash_trial *t)
{
    free(t->bytes);
    t->bytes = NULL;
}
