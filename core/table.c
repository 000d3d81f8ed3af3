/* core/table.c - a partition table on flash, read a row at a time. */
#include "ferry/table.h"

#include "core/mem.h"
#include "ferry/bytes.h"

static ferry_err read_row(const struct ferry_table *t, uint32_t i, uint8_t row[FERRY_ROW_BYTES])
{
    return t->flash->ops->read(t->flash, t->off_bytes + i * FERRY_ROW_BYTES, row, FERRY_ROW_BYTES);
}

/* One row of the walk: what it is, and that it stands where a row may stand. */
static ferry_err walk_one(const struct ferry_table *t, struct ferry_table_walk *walk, uint32_t i,
                          struct ferry_partition *p, struct ferry_fault *fault)
{
    uint8_t row[FERRY_ROW_BYTES];
    const ferry_err err = read_row(t, i, row);
    if (err)
        return ferry_fail(fault, err, 0, 0, t->off_bytes + i * FERRY_ROW_BYTES);
    // Rows behind the MD5 row would be counted, but not found by anyone who stops there.
    if (walk->md5_seen && ferry_row_kind(row) == FERRY_ROW_PARTITION)
        return ferry_fail(fault, FERRY_ERR_TABLE_ROW, 0, 0, i);
    return ferry_table_walk_row(walk, row, t->flash->size_bytes, p, fault);
}

ferry_err ferry_table_read(struct ferry_table *t, const struct ferry_flash *flash,
                           uint32_t off_bytes, struct ferry_fault *fault,
                           void (*each)(void *ctx, const struct ferry_partition *p), void *ctx)
{
    const uint32_t sector = flash->sector_bytes;
    if (off_bytes % sector)
        return ferry_fail(fault, FERRY_ERR_FLASH_ALIGN, off_bytes, sector, 0);
    if (!ferry_range_fits(off_bytes, sector, flash->size_bytes))
        return ferry_fail(fault, FERRY_ERR_FLASH_RANGE, off_bytes, flash->size_bytes, 0);
    struct ferry_table_walk walk;
    ferry_table_walk_begin(&walk);
    t->flash = flash;
    t->off_bytes = off_bytes;
    t->n_partitions = 0;
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS; i++) {
        struct ferry_partition p;
        const ferry_err err = walk_one(t, &walk, i, &p, fault);
        if (err)
            return err;
        if (walk.done)
            return FERRY_OK;
        t->has_md5 = walk.md5_seen;
        if (t->n_partitions == walk.n_partitions)
            continue;
        t->n_partitions = walk.n_partitions;
        if (each)
            each(ctx, &p);
    }
    return ferry_fail(fault, FERRY_ERR_TABLE_END, FERRY_TABLE_ROWS, FERRY_TABLE_ROWS, 0);
}

ferry_err ferry_table_open(struct ferry_table *t, const struct ferry_flash *flash,
                           uint32_t off_bytes, struct ferry_fault *fault)
{
    return ferry_table_read(t, flash, off_bytes, fault, NULL, NULL);
}

ferry_err ferry_table_get(const struct ferry_table *t, uint32_t i, struct ferry_partition *out)
{
    if (i >= t->n_partitions)
        return FERRY_ERR_NOT_FOUND;
    uint8_t row[FERRY_ROW_BYTES];
    const ferry_err err = read_row(t, i, row);
    if (err)
        return err;
    // The table was checked when it was opened; what reads differently now is not trusted.
    if (ferry_row_kind(row) != FERRY_ROW_PARTITION)
        return FERRY_ERR_TABLE_ROW;
    ferry_partition_decode(row, out);
    if (!ferry_range_fits(out->off_bytes, out->size_bytes, t->flash->size_bytes))
        return FERRY_ERR_TABLE_SIZE;
    return FERRY_OK;
}

static bool same_label(const char *a, const char *b)
{
    for (unsigned i = 0; i < FERRY_LABEL_BYTES; i++) {
        if (a[i] != b[i])
            return false;
        if (!a[i])
            return true;
    }
    return true;
}

ferry_err ferry_table_find(const struct ferry_table *t, uint8_t type, uint8_t subtype,
                           const char *label, uint32_t *i, struct ferry_partition *out)
{
    for (uint32_t at = *i; at < t->n_partitions; at++) {
        struct ferry_partition p;
        const ferry_err err = ferry_table_get(t, at, &p);
        if (err)
            return err;
        if ((type == FERRY_TYPE_ANY || type == p.type) &&
            (subtype == FERRY_SUBTYPE_ANY || subtype == p.subtype) &&
            (!label || same_label(label, p.label))) {
            *i = at;
            *out = p;
            return FERRY_OK;
        }
    }
    return FERRY_ERR_NOT_FOUND;
}

ferry_err ferry_table_region(const struct ferry_table *t, const struct ferry_partition *p,
                             bool allow_dangerous, struct ferry_region *out,
                             struct ferry_fault *fault)
{
    const uint32_t first_safe = t->off_bytes + t->flash->sector_bytes;
    const bool dangerous = p->type == FERRY_TYPE_BOOTLOADER || p->type == FERRY_TYPE_TABLE ||
                           p->off_bytes < first_safe;
    if (dangerous && !allow_dangerous)
        return ferry_fail(fault, FERRY_ERR_FLASH_PROTECTED, p->off_bytes, first_safe, 0);
    if (!ferry_range_fits(p->off_bytes, p->size_bytes, t->flash->size_bytes))
        return ferry_fail(fault, FERRY_ERR_TABLE_SIZE, p->off_bytes, t->flash->size_bytes, 0);
    out->flash = t->flash;
    out->off_bytes = p->off_bytes;
    out->size_bytes = p->size_bytes;
    return FERRY_OK;
}
