/* core/reflash_view.c - the flash as it will look after some steps of a plan, as a flash of its
 * own, so that the boot decision and every check can be run over what is not written yet. */
#include "core/reflash_private.h"

#include "core/mem.h"
#include "ferry/bytes.h"

/* The step that has settled what lies at off, or NULL. *n is cut at where that ends. */
static const struct ferry_step *covering(const struct ferry_reflash_bench *b, uint32_t off,
                                         uint32_t *n)
{
    for (int i = 0; i < b->n_done; i++) {
        const struct ferry_step *s = &b->job->plan.steps[i];
        const uint32_t at = off - s->dest_off_bytes; // wraps where off lies before it
        const uint32_t size = ferry__step_work_bytes(s);
        if (at < size) {
            *n = *n < size - at ? *n : size - at;
            return s;
        }
        const uint32_t before = s->dest_off_bytes - off;
        if (off < s->dest_off_bytes && before < *n && size)
            *n = before;
    }
    return NULL;
}

static ferry_err view_read(const struct ferry_flash *f, uint32_t off, void *dst, uint32_t len)
{
    const struct ferry_reflash_bench *b = f->ctx;
    const struct ferry_flash *chip = b->job->cfg.flash;
    uint8_t *to = dst;
    if (!ferry_range_fits(off, len, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len) {
        uint32_t n = len;
        ferry_err err = FERRY_OK;
        const struct ferry_step *s = covering(b, off, &n);
        const uint32_t at = s ? off - s->dest_off_bytes : 0;
        if (!s) {
            err = chip->ops->read(chip, off, to, n);
        } else if (at < s->length_bytes) {
            n = n < s->length_bytes - at ? n : s->length_bytes - at;
            err = chip->ops->read(chip, s->source_off_bytes + at, to, n);
        } else {
            memset(to, 0xff, n);
        }
        if (err)
            return err;
        off += n;
        to += n;
        len -= n;
    }
    return FERRY_OK;
}

/* What a bootloader would write into otadata changes nothing of what is asked here. */
static ferry_err view_prog(const struct ferry_flash *f, uint32_t off, const void *src, uint32_t len)
{
    (void)src;
    return ferry_range_fits(off, len, f->size_bytes) ? FERRY_OK : FERRY_ERR_FLASH_RANGE;
}

static ferry_err view_erase(const struct ferry_flash *f, uint32_t off, uint32_t len)
{
    return ferry_range_fits(off, len, f->size_bytes) ? FERRY_OK : FERRY_ERR_FLASH_RANGE;
}

static ferry_err view_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

void ferry__reflash_view(struct ferry_reflash_bench *b, const struct ferry_reflash *r, int n_done)
{
    static const struct ferry_flash_ops ops = {view_read, view_prog, view_erase, view_sync};
    b->job = r;
    b->n_done = n_done;
    b->view = *r->cfg.flash;
    b->view.ops = &ops;
    b->view.ctx = b;
}
