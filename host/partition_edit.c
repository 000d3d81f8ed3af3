/* host/partition_edit.c - the operations on the rows. */
#include "partition_edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR_BYTES 0x1000u
#define NAME_FORMAT  "%.16s"

ferry_err ferry_edit_refuse(struct ferry_edit *e, ferry_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
    va_end(ap);
    return err;
}

static uint64_t end_of(const struct ferry_partition *p)
{
    return (uint64_t)p->off_bytes + p->size_bytes;
}

static uint64_t align_up(uint64_t n, uint32_t align)
{
    return (n + align - 1) / align * align;
}

static void swap_down(struct ferry_edit_row *rows, size_t at)
{
    for (; at > 0 && rows[at - 1].p.off_bytes > rows[at].p.off_bytes; at--) {
        const struct ferry_edit_row row = rows[at];
        rows[at] = rows[at - 1];
        rows[at - 1] = row;
    }
}

static void set_rows(struct ferry_edit *e, const struct ferry_partition *rows, size_t n)
{
    e->n = 0;
    for (size_t i = 0; i < n; i++) {
        e->rows[i] = (struct ferry_edit_row){.p = rows[i], .from = -1};
        swap_down(e->rows, e->n++);
    }
}

void ferry_edit_begin(struct ferry_edit *e, const struct ferry_partition *rows, size_t n,
                      uint32_t flash_bytes, uint32_t table_off_bytes, bool has_md5)
{
    *e = (struct ferry_edit){.flash_bytes = flash_bytes,
                             .table_off_bytes = table_off_bytes,
                             .has_md5 = has_md5,
                             .n_before = n};
    set_rows(e, rows, n);
    for (size_t i = 0; i < n; i++) {
        e->rows[i].from = (int)i;
        e->before[i] = e->rows[i].p;
    }
}

int ferry_edit_find(const struct ferry_edit *e, const char *name)
{
    for (size_t i = 0; i < e->n; i++)
        if (!strcmp(e->rows[i].p.label, name))
            return (int)i;
    return -1;
}

static ferry_err need(struct ferry_edit *e, const char *name, size_t *i)
{
    const int at = ferry_edit_find(e, name);
    if (at < 0)
        return ferry_edit_refuse(e, FERRY_ERR_NOT_FOUND,
                                 "the table has no partition '" NAME_FORMAT "'", name);
    *i = (size_t)at;
    return FERRY_OK;
}

/* How surely a row of the new table is what one of the old table was; the first kind counts most.
 * An app stays where it lies, whatever its partition is called afterwards. */
static bool is_same(int how, const struct ferry_partition *was, const struct ferry_partition *is)
{
    const bool same_kind = was->type == is->type && was->subtype == is->subtype;
    switch (how) {
    case 0:
        return was->type == FERRY_TYPE_APP && is->type == FERRY_TYPE_APP &&
               was->off_bytes == is->off_bytes;
    case 1:
        return same_kind && !strcmp(was->label, is->label);
    case 2:
        return same_kind && was->off_bytes == is->off_bytes;
    default:
        return same_kind;
    }
}

static void find_origins(struct ferry_edit *e)
{
    bool taken[FERRY_TABLE_PARTITIONS] = {false};
    for (int how = 0; how < 4; how++)
        for (size_t i = 0; i < e->n; i++)
            for (size_t k = 0; e->rows[i].from < 0 && k < e->n_before; k++)
                if (!taken[k] && is_same(how, &e->before[k], &e->rows[i].p)) {
                    taken[k] = true;
                    e->rows[i].from = (int)k;
                }
}

ferry_err ferry_edit_layout(struct ferry_edit *e, const struct ferry_layout *l)
{
    e->n = 0;
    for (size_t i = 0; i < l->n; i++) {
        const ferry_err err = ferry_edit_add(e, &l->parts[i]);
        if (err)
            return err;
    }
    find_origins(e);
    return FERRY_OK;
}

void ferry_edit_replace(struct ferry_edit *e, const struct ferry_partition *rows, size_t n)
{
    set_rows(e, rows, n);
    find_origins(e);
}

ferry_err ferry_edit_delete(struct ferry_edit *e, const char *name)
{
    size_t i = 0;
    const ferry_err err = need(e, name, &i);
    if (err)
        return err;
    memmove(&e->rows[i], &e->rows[i + 1], (e->n - i - 1) * sizeof(e->rows[0]));
    e->n--;
    return FERRY_OK;
}

ferry_err ferry_edit_resize(struct ferry_edit *e, const char *name, uint32_t size_bytes)
{
    size_t i = 0;
    const ferry_err err = need(e, name, &i);
    if (err)
        return err;
    struct ferry_partition *p = &e->rows[i].p;
    if (!size_bytes) {
        const uint32_t limit = i + 1 < e->n ? e->rows[i + 1].p.off_bytes : e->flash_bytes;
        if (limit <= p->off_bytes)
            return ferry_edit_refuse(e, FERRY_ERR_TABLE_SIZE,
                                     NAME_FORMAT " begins at 0x%x; there is nothing up to 0x%x",
                                     name, (unsigned)p->off_bytes, (unsigned)limit);
        size_bytes = limit - p->off_bytes;
    }
    p->size_bytes = size_bytes;
    for (size_t k = i + 1; k < e->n; k++) {
        struct ferry_partition *next = &e->rows[k].p;
        uint64_t off = end_of(&e->rows[k - 1].p);
        if (off > next->off_bytes)
            off = align_up(off, ferry_offset_align(next->type));
        else
            off = next->off_bytes;
        if (off >= e->flash_bytes)
            return ferry_edit_refuse(e, FERRY_ERR_TABLE_SIZE,
                                     "with " NAME_FORMAT " of 0x%x bytes, " NAME_FORMAT
                                     " would begin at 0x%llx; the flash ends at 0x%x",
                                     name, (unsigned)size_bytes, next->label,
                                     (unsigned long long)off, (unsigned)e->flash_bytes);
        next->off_bytes = (uint32_t)off;
        if (end_of(next) > e->flash_bytes)
            next->size_bytes = e->flash_bytes - next->off_bytes;
    }
    return FERRY_OK;
}

ferry_err ferry_edit_app_size(struct ferry_edit *e, uint32_t size_bytes)
{
    for (size_t i = 0; i < e->n; i++) {
        if (e->rows[i].p.type != FERRY_TYPE_APP)
            continue;
        const ferry_err err = ferry_edit_resize(e, e->rows[i].p.label, size_bytes);
        if (err)
            return err;
    }
    return FERRY_OK;
}

static ferry_err check_new_name(struct ferry_edit *e, const char *name)
{
    const size_t n = strlen(name);
    if (!n || n > FERRY_LABEL_BYTES)
        return ferry_edit_refuse(e, FERRY_ERR_TABLE_RULE,
                                 "'%.40s' is no name for a partition: 1 to %u bytes", name,
                                 FERRY_LABEL_BYTES);
    if (ferry_edit_find(e, name) >= 0)
        return ferry_edit_refuse(e, FERRY_ERR_TABLE_RULE,
                                 "there is a partition '" NAME_FORMAT "' already", name);
    return FERRY_OK;
}

ferry_err ferry_edit_rename(struct ferry_edit *e, const char *name, const char *new_name)
{
    size_t i = 0;
    ferry_err err = need(e, name, &i);
    if (!err)
        err = check_new_name(e, new_name);
    if (err)
        return err;
    struct ferry_partition *p = &e->rows[i].p;
    memset(p->label, 0, sizeof(p->label));
    snprintf(p->label, sizeof(p->label), "%s", new_name);
    return FERRY_OK;
}

ferry_err ferry_edit_add(struct ferry_edit *e, const struct ferry_layout_part *part)
{
    const ferry_err err = check_new_name(e, part->name);
    if (err)
        return err;
    if (e->n == FERRY_TABLE_PARTITIONS)
        return ferry_edit_refuse(e, FERRY_ERR_TABLE_FULL, "a table has at most %u partitions",
                                 FERRY_TABLE_PARTITIONS);
    uint64_t off = (uint64_t)e->table_off_bytes + SECTOR_BYTES;
    for (size_t i = 0; i < e->n; i++)
        off = end_of(&e->rows[i].p) > off ? end_of(&e->rows[i].p) : off;
    off = part->off_bytes ? part->off_bytes : align_up(off, ferry_offset_align(part->type));
    const uint64_t room = off < e->flash_bytes ? e->flash_bytes - off : 0;
    if (!room || part->size_bytes > room)
        return ferry_edit_refuse(e, FERRY_ERR_TABLE_SIZE,
                                 "there is no room for %s: at 0x%llx the flash of 0x%x bytes has "
                                 "0x%llx left, and it would take 0x%x",
                                 part->name, (unsigned long long)off, (unsigned)e->flash_bytes,
                                 (unsigned long long)room, (unsigned)part->size_bytes);
    struct ferry_edit_row *row = &e->rows[e->n];
    *row = (struct ferry_edit_row){
        .p = {.off_bytes = (uint32_t)off,
              .size_bytes = part->size_bytes ? part->size_bytes : (uint32_t)room,
              .type = part->type,
              .subtype = part->subtype},
        .from = -1,
    };
    memcpy(row->p.label, part->name, sizeof(row->p.label));
    swap_down(e->rows, e->n++);
    return FERRY_OK;
}

/** The rows as the rules and the CSV want them. Freed by ferry_rows_free in any case. */
static ferry_err to_rows(struct ferry_edit *e, struct ferry_rows *rows)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct ferry_partition *p = &e->rows[i].p;
        if (ferry_rows_add(rows, p, p->label, strlen(p->label), 0))
            return ferry_edit_refuse(e, FERRY_ERR_NO_MEMORY, "no memory is left");
    }
    return FERRY_OK;
}

static struct ferry_rows_options options_of(const struct ferry_edit *e)
{
    return (struct ferry_rows_options){.table_off_bytes = e->table_off_bytes,
                                       .flash_bytes = e->flash_bytes,
                                       .without_md5 = !e->has_md5};
}

/** What the tool's rules let pass: a partition outside of the flash that is not the last one, and
 * one without a byte. */
static ferry_err check_each(struct ferry_edit *e)
{
    bool has_app = false;
    for (size_t i = 0; i < e->n; i++) {
        const struct ferry_partition *p = &e->rows[i].p;
        has_app |= p->type == FERRY_TYPE_APP;
        const int from = e->rows[i].from;
        const bool was_so = from >= 0 && e->before[from].size_bytes == p->size_bytes;
        if (!was_so && (!p->size_bytes || p->size_bytes % SECTOR_BYTES))
            return ferry_edit_refuse(e, FERRY_ERR_TABLE_RULE,
                                     NAME_FORMAT
                                     " would be 0x%x bytes, no whole number of sectors of 0x%x",
                                     p->label, (unsigned)p->size_bytes, SECTOR_BYTES);
        if (end_of(p) > e->flash_bytes)
            return ferry_edit_refuse(
                e, FERRY_ERR_TABLE_SIZE, NAME_FORMAT " would end at 0x%llx; the flash ends at 0x%x",
                p->label, (unsigned long long)end_of(p), (unsigned)e->flash_bytes);
    }
    return has_app ? FERRY_OK
                   : ferry_edit_refuse(e, FERRY_ERR_TABLE_RULE,
                                       "there would be no app partition: nothing could ever boot");
}

ferry_err ferry_edit_check(struct ferry_edit *e)
{
    const struct ferry_rows_options options = options_of(e);
    struct ferry_rows rows = {0};
    ferry_err err = to_rows(e, &rows);
    if (!err) {
        err = ferry_rows_check(&rows, &options);
        if (err == FERRY_ERR_TABLE_SIZE)
            ferry_edit_refuse(e, err, "%s would end at 0x%x; the flash ends at 0x%x", rows.detail,
                              (unsigned)rows.fault.value, (unsigned)rows.fault.limit);
        else if (err)
            ferry_edit_refuse(e, err, "%s", rows.detail);
    }
    ferry_rows_free(&rows);
    return err ? err : check_each(e);
}

ferry_err ferry_edit_encode(struct ferry_edit *e, uint8_t out[FERRY_TABLE_BYTES])
{
    struct ferry_partition rows[FERRY_TABLE_PARTITIONS];
    struct ferry_fault fault;
    for (size_t i = 0; i < e->n; i++)
        rows[i] = e->rows[i].p;
    const ferry_err err = ferry_table_encode(rows, e->n, e->has_md5, out, &fault);
    if (err)
        return ferry_edit_refuse(e, err, "the table would have %u rows; it holds %u",
                                 (unsigned)fault.value, (unsigned)fault.limit);
    return FERRY_OK;
}

ferry_err ferry_edit_csv(struct ferry_edit *e, struct ferry_strbuf *out)
{
    const struct ferry_rows_options options = options_of(e);
    struct ferry_rows rows = {0};
    ferry_err err = to_rows(e, &rows);
    if (!err && ferry_rows_csv(&rows, &options, out))
        err = ferry_edit_refuse(e, FERRY_ERR_NO_MEMORY, "no memory is left");
    ferry_rows_free(&rows);
    return err;
}
