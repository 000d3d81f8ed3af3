/* host/copy_apply.c - the plan of host/partition_copy.c carried out, and checked by booting it. */
#include <string.h>

#include "flash_header.h"
#include "partition_copy.h"

#define CHUNK_BYTES 4096u

/** A walk over all rows with its progress. */
struct apply {
    struct ferry_copy *c;
    const struct ferry_flash *dst;
    const struct ferry_copy_progress *progress;
    uint32_t done_bytes, total_bytes;
};

static void note(struct apply *a, uint32_t n_bytes)
{
    a->done_bytes += n_bytes;
    if (a->progress)
        a->progress->at(a->progress->ctx, a->done_bytes, a->total_bytes);
}

/** A partition's size in whole sectors; nobody else owns the rest of its last one. */
static uint32_t sectors_of(const struct ferry_flash *f, uint32_t n_bytes)
{
    return (n_bytes + f->sector_bytes - 1) / f->sector_bytes * f->sector_bytes;
}

static ferry_err erase(struct apply *a, const struct ferry_partition *p, uint32_t from_bytes)
{
    const uint32_t from = sectors_of(a->dst, from_bytes), to = sectors_of(a->dst, p->size_bytes);
    const struct ferry_region all = {a->dst, 0, a->dst->size_bytes};
    if (from >= to)
        return FERRY_OK;
    return ferry_region_erase(&all, p->off_bytes + from, to - from, true);
}

/** Old contents to their new place. They are read from the original, so that nothing that moves can
 * run over what has yet to move. */
static ferry_err move(struct apply *a, const struct ferry_partition *was,
                      const struct ferry_partition *is, uint32_t n_bytes)
{
    uint8_t chunk[CHUNK_BYTES];
    const struct ferry_flash *from = &a->c->src->file.flash;
    const struct ferry_region src = {from, 0, from->size_bytes};
    const struct ferry_region dst = {a->dst, 0, a->dst->size_bytes};
    ferry_err err = erase(a, is, 0);
    n_bytes = n_bytes < is->size_bytes ? n_bytes : is->size_bytes;
    for (uint32_t at = 0; !err && at < n_bytes;) {
        const uint32_t n = n_bytes - at < CHUNK_BYTES ? n_bytes - at : CHUNK_BYTES;
        err = ferry_region_read(&src, was->off_bytes + at, chunk, n);
        if (!err)
            err = ferry_region_prog(&dst, is->off_bytes + at, chunk, n);
        at += n;
        note(a, n);
    }
    return err;
}

static ferry_err rewrite_otadata(struct apply *a, const struct ferry_partition *p)
{
    const struct ferry_region r = {a->dst, p->off_bytes, p->size_bytes};
    ferry_err err = erase(a, p, 0);
    for (uint32_t i = 0; !err && i < 2; i++) {
        uint8_t bytes[FERRY_OTADATA_BYTES];
        ferry_otadata_encode(&a->c->entries[i], bytes);
        err = ferry_region_prog(&r, i * FERRY_OTADATA_STRIDE, bytes, sizeof(bytes));
    }
    return err;
}

static ferry_err apply_row(struct apply *a, size_t i)
{
    const struct ferry_edit *e = a->c->edit;
    const struct ferry_partition *is = &e->rows[i].p;
    const struct ferry_fate_row *f = &a->c->fates[i];
    if (e->rows[i].from < 0) // a partition that is new has no contents to keep
        return f->fate == FERRY_FATE_REWRITTEN ? rewrite_otadata(a, is) : erase(a, is, 0);
    const struct ferry_partition *was = &e->before[e->rows[i].from];
    switch (f->fate) {
    case FERRY_FATE_KEPT:
        return was->size_bytes < is->size_bytes ? erase(a, is, was->size_bytes) : FERRY_OK;
    case FERRY_FATE_MOVED:
        return move(a, was, is, f->used_bytes);
    case FERRY_FATE_REWRITTEN:
        return rewrite_otadata(a, is);
    case FERRY_FATE_ERASED:
        break;
    }
    return erase(a, is, 0);
}

static ferry_err write_table(struct apply *a)
{
    uint8_t table[FERRY_TABLE_BYTES];
    const uint32_t off = a->c->edit->table_off_bytes;
    const struct ferry_region all = {a->dst, 0, a->dst->size_bytes};
    ferry_err err = ferry_edit_encode(a->c->edit, table);
    if (!err)
        err = ferry_region_erase(&all, off, a->dst->sector_bytes, false);
    return err ? err : ferry_region_prog(&all, off, table, sizeof(table));
}

static ferry_err set_size(struct apply *a)
{
    struct ferry_copy *c = a->c;
    struct ferry_fault fault = {0};
    if (!c->chip)
        return ferry_edit_refuse(c->edit, FERRY_ERR_CHIP_UNKNOWN,
                                 "the chip is not known, so not where its bootloader lies: --chip");
    const uint32_t off = c->chip->bootloader_off_bytes;
    const struct ferry_region room = {a->dst, off, c->edit->table_off_bytes - off};
    const ferry_err err = ferry_flash_header_set(&room, c->edit->flash_bytes, &fault);
    if (err == FERRY_ERR_SIGNATURE_BAD)
        return ferry_edit_refuse(c->edit, err,
                                 "the bootloader is signed; with another flash size in its header "
                                 "the signature would be worth nothing");
    if (err)
        return ferry_edit_refuse(c->edit, err,
                                 "the flash size cannot be set in the bootloader at 0x%x: %s",
                                 (unsigned)off, ferry_strerror(err));
    return FERRY_OK;
}

/** True if the bootloader's place is blank: a dump without one has no header to set. */
static bool has_bootloader(const struct apply *a)
{
    uint8_t first = 0xff;
    const struct ferry_region all = {a->dst, 0, a->dst->size_bytes};
    return !a->c->chip || ferry_region_read(&all, a->c->chip->bootloader_off_bytes, &first, 1) ||
           first != 0xff;
}

ferry_err ferry_copy_apply(struct ferry_copy *c, const struct ferry_flash *dst,
                           const struct ferry_copy_progress *progress)
{
    struct apply a = {.c = c, .dst = dst, .progress = progress};
    for (size_t i = 0; i < c->edit->n; i++)
        a.total_bytes += c->fates[i].fate == FERRY_FATE_MOVED ? c->fates[i].used_bytes : 0;
    c->edit->detail[0] = '\0';
    ferry_err err = c->sets_size && has_bootloader(&a) ? set_size(&a) : FERRY_OK;
    for (size_t i = 0; !err && i < c->edit->n; i++)
        err = apply_row(&a, i);
    if (!err)
        err = write_table(&a);
    if (!err)
        err = dst->ops->sync(dst);
    if (err && !c->edit->detail[0])
        return ferry_edit_refuse(c->edit, err, "the copy cannot be written: %s",
                                 ferry_strerror(err));
    return err;
}

ferry_err ferry_copy_check(struct ferry_copy *c, const struct ferry_flash *dst)
{
    struct ferry_edit *e = c->edit;
    const ferry_err err =
        ferry_device_open(&c->dev, dst, &c->src->policy, e->table_off_bytes, &c->work);
    if (err)
        return ferry_edit_refuse(e, err, "the new table cannot be read back: %s",
                                 ferry_strerror(err));
    ferry_boot_preview(&c->dev, &c->next);
    if (!c->boots || c->next.booted == c->slot)
        return FERRY_OK;
    return ferry_edit_refuse(e, FERRY_ERR_NO_BOOT,
                             "after this edit %s would not boot, which boots now",
                             e->rows[c->boots_row].p.label);
}
