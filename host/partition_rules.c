/* host/partition_rules.c - what Espressif's tool checks in a finished table, and what it warns of.
 * Facts: docs/formats.md "Partition table", Checked when built. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"
#include "partition_csv.h"

#define SECTOR_BYTES    0x1000u
#define OTADATA_BYTES   0x2000u
#define NVS_LEAST_BYTES 0x3000u

static bool is_data(const struct ferry_partition *p, uint8_t subtype)
{
    return p->type == FERRY_TYPE_DATA && p->subtype == subtype;
}

static uint32_t size_align(uint8_t type, enum ferry_secure_boot secure)
{
    if (type != FERRY_TYPE_APP)
        return 1;
    // Version 1 puts its signature at the end of a 64 KB page, so an app must own whole ones.
    return secure == FERRY_SECURE_V1 ? 0x10000 : SECTOR_BYTES;
}

/** Notes a broken rule; the first one is the failure, with the numbers that broke it. */
__attribute__((format(printf, 4, 5))) static void broken(struct ferry_rows *t, uint64_t value,
                                                         uint64_t limit, const char *fmt, ...)
{
    char why[FERRY_ROWS_DETAIL_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    if (!t->problems.n) {
        t->fault.err = FERRY_ERR_TABLE_RULE;
        ferry_rows_refuse(t, FERRY_ERR_TABLE_RULE, "%s", why);
        t->fault.value = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
        t->fault.limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
    }
    ferry_strbuf_addf(&t->problems, "%s\n", why);
}

static void check_row(struct ferry_rows *t, const struct ferry_named_row *row,
                      enum ferry_secure_boot secure)
{
    const struct ferry_partition *p = &row->p;
    const uint32_t off_align = ferry_offset_align(p->type);
    const uint32_t len_align = size_align(p->type, secure);
    const bool readonly = p->flags & FERRY_FLAG_READONLY;
    if (p->off_bytes % off_align)
        broken(t, p->off_bytes, off_align, "the offset of %s, 0x%x, must be a multiple of 0x%x",
               row->name, (unsigned)p->off_bytes, (unsigned)off_align);
    if (p->size_bytes % len_align)
        broken(t, p->size_bytes, len_align, "the size of %s, 0x%x, must be a multiple of 0x%x",
               row->name, (unsigned)p->size_bytes, (unsigned)len_align);
    if (readonly && (is_data(p, FERRY_DATA_OTA) || is_data(p, FERRY_DATA_COREDUMP)))
        broken(t, 0, 0, "%s is data/%s, which is written and cannot be readonly", row->name,
               ferry_subtype_name(p->type, p->subtype));
    if (!readonly && is_data(p, FERRY_DATA_NVS) && p->size_bytes < NVS_LEAST_BYTES)
        broken(t, p->size_bytes, NVS_LEAST_BYTES,
               "%s is data/nvs of 0x%x bytes; below 0x%x it must be readonly", row->name,
               (unsigned)p->size_bytes, NVS_LEAST_BYTES);
}

/** True if any type has a subtype of this name; *fits if it is what the row is. */
static bool is_subtype_word(const struct ferry_subtypes *subtypes,
                            const struct ferry_named_row *row, bool *fits)
{
    bool known = false;
    int64_t value;
    *fits = false;
    for (uint8_t type = 0; type < FERRY_NAMED_TYPES; type++) {
        if (!ferry_subtypes_value(subtypes, type, row->name, &value))
            continue;
        known = true;
        *fits |= row->p.type == type && row->p.subtype == value;
    }
    return known;
}

static bool has_capital(const char *s)
{
    return s[strcspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] != '\0';
}

static void warn_of_name(struct ferry_rows *t, const struct ferry_named_row *row,
                         const struct ferry_subtypes *subtypes)
{
    uint8_t type;
    bool fits;
    if (has_capital(row->name))
        return; // keywords in names are looked for to the letter
    if (!ferry_type_by_name(row->name, &type) && type != row->p.type)
        ferry_strbuf_addf(&t->warnings, "partition %s is named like a type, but is of type 0x%x\n",
                          row->name, row->p.type);
    if (is_subtype_word(subtypes, row, &fits) && !fits)
        ferry_strbuf_addf(&t->warnings,
                          "partition %s is named like a subtype, but is of type 0x%x, subtype "
                          "0x%x\n",
                          row->name, row->p.type, row->p.subtype);
}

static int by_name(const void *a, const void *b)
{
    const struct ferry_named_row *const *x = a, *const *y = b;
    const int order = strcmp((*x)->name, (*y)->name);
    return order ? order : (*x > *y) - (*x < *y);
}

static int by_offset(const void *a, const void *b)
{
    const struct ferry_named_row *const *x = a, *const *y = b;
    if ((*x)->p.off_bytes != (*y)->p.off_bytes)
        return (*x)->p.off_bytes < (*y)->p.off_bytes ? -1 : 1;
    return (*x > *y) - (*x < *y); // rows at one place stay in the table's order
}

static void check_names(struct ferry_rows *t, const struct ferry_named_row **sorted)
{
    qsort(sorted, t->n_rows, sizeof(*sorted), by_name);
    for (size_t i = 1; i < t->n_rows; i++)
        if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
            broken(t, 0, 0, "two partitions have the name '%s'; names must be unique",
                   sorted[i]->name);
}

static void check_places(struct ferry_rows *t, const struct ferry_named_row **sorted,
                         uint32_t table_off)
{
    const uint64_t first = (uint64_t)table_off + SECTOR_BYTES;
    qsort(sorted, t->n_rows, sizeof(*sorted), by_offset);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_partition *p = &sorted[i]->p;
        if (p->off_bytes < first && !ferry_row_is_primary(p))
            broken(t, p->off_bytes, first,
                   "%s begins at 0x%x; the partition table reaches up to 0x%llx", sorted[i]->name,
                   (unsigned)p->off_bytes, (unsigned long long)first);
        if (!i)
            continue;
        const struct ferry_partition *last = &sorted[i - 1]->p;
        const uint64_t end = (uint64_t)last->off_bytes + last->size_bytes;
        if (p->off_bytes < end)
            broken(t, p->off_bytes, end, "%s begins at 0x%x, inside %s, which ends at 0x%llx",
                   sorted[i]->name, (unsigned)p->off_bytes, sorted[i - 1]->name,
                   (unsigned long long)end);
    }
}

/** At most one partition of this subtype of data, and of one size. */
static void check_single(struct ferry_rows *t, uint8_t subtype)
{
    const struct ferry_named_row *seen = NULL;
    const char *word = ferry_subtype_name(FERRY_TYPE_DATA, subtype);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_named_row *row = &t->rows[i];
        if (!is_data(&row->p, subtype))
            continue;
        if (seen)
            broken(t, 2, 1, "%s and %s are both data/%s; there can be only one", seen->name,
                   row->name, word);
        else if (row->p.size_bytes != OTADATA_BYTES)
            broken(t, row->p.size_bytes, OTADATA_BYTES,
                   "%s is data/%s of 0x%x bytes; it must be 0x%x", row->name, word,
                   (unsigned)row->p.size_bytes, OTADATA_BYTES);
        seen = row;
    }
}

static ferry_err check_rules(struct ferry_rows *t, const struct ferry_rows_options *o)
{
    const struct ferry_named_row **sorted = calloc(t->n_rows + 1, sizeof(*sorted));
    for (size_t i = 0; sorted && i < t->n_rows; i++) {
        sorted[i] = &t->rows[i];
        check_row(t, &t->rows[i], o->secure);
        warn_of_name(t, &t->rows[i], o->subtypes);
    }
    if (sorted) {
        check_names(t, sorted);
        check_places(t, sorted, o->table_off_bytes);
        check_single(t, FERRY_DATA_OTA);
        check_single(t, FERRY_DATA_TEE_OTA);
    }
    if (!sorted)
        return ferry_rows_no_memory(t);
    free(sorted);
    return t->problems.n ? FERRY_ERR_TABLE_RULE : FERRY_OK;
}

static void list_outside(const struct ferry_rows *t, uint32_t flash_bytes, struct ferry_strbuf *out)
{
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_partition *p = &t->rows[i].p;
        if (!ferry_range_fits(p->off_bytes, p->size_bytes, flash_bytes))
            ferry_strbuf_addf(out, "%s ends at 0x%llx; the flash ends at 0x%x\n", t->rows[i].name,
                              (unsigned long long)p->off_bytes + p->size_bytes,
                              (unsigned)flash_bytes);
    }
}

/** As the tool measures it: the row with the highest offset, of several the first, must fit. Where
 * that lets a partition pass that does not, it is warned of. */
static ferry_err check_fits(struct ferry_rows *t, uint32_t flash_bytes)
{
    const struct ferry_named_row *last = NULL;
    for (size_t i = 0; i < t->n_rows; i++)
        if (!last || t->rows[i].p.off_bytes > last->p.off_bytes)
            last = &t->rows[i];
    if (!last)
        return FERRY_OK;
    const uint64_t end = (uint64_t)last->p.off_bytes + last->p.size_bytes;
    if (end > flash_bytes) {
        t->fault = (struct ferry_fault){
            FERRY_ERR_TABLE_SIZE, end > UINT32_MAX ? UINT32_MAX : (uint32_t)end, flash_bytes, 0};
        list_outside(t, flash_bytes, &t->problems);
        return ferry_rows_refuse(t, FERRY_ERR_TABLE_SIZE, "%s", last->name);
    }
    list_outside(t, flash_bytes, &t->warnings);
    return FERRY_OK;
}

ferry_err ferry_rows_check(struct ferry_rows *t, const struct ferry_rows_options *o)
{
    ferry_strbuf_clear(&t->problems);
    ferry_err err = o->without_rules ? FERRY_OK : check_rules(t, o);
    if (!err && o->flash_bytes)
        err = check_fits(t, o->flash_bytes);
    return t->warnings.failed || t->problems.failed ? ferry_rows_no_memory(t) : err;
}
