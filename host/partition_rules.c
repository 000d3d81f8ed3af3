/* host/partition_rules.c - what Espressif's tool checks in a finished table, and what it warns of.
 * Facts: docs/formats.md "Partition table", Checked when built. */
#include <stdlib.h>
#include <string.h>

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

/** A failure with the numbers that broke the rule. */
#define BREAKS(t, value, limit, ...)                                                               \
    ((t)->fault = (struct ferry_fault){FERRY_ERR_TABLE_RULE, (value), (limit), 0},                 \
     ferry_rows_refuse((t), FERRY_ERR_TABLE_RULE, __VA_ARGS__))

static ferry_err check_row(struct ferry_rows *t, const struct ferry_named_row *row,
                           enum ferry_secure_boot secure)
{
    const struct ferry_partition *p = &row->p;
    const uint32_t off_align = ferry_offset_align(p->type);
    const uint32_t len_align = size_align(p->type, secure);
    const bool readonly = p->flags & FERRY_FLAG_READONLY;
    if (p->off_bytes % off_align)
        return BREAKS(t, p->off_bytes, off_align,
                      "the offset of %s, 0x%x, must be a multiple of 0x%x", row->name,
                      (unsigned)p->off_bytes, (unsigned)off_align);
    if (p->size_bytes % len_align)
        return BREAKS(t, p->size_bytes, len_align,
                      "the size of %s, 0x%x, must be a multiple of 0x%x", row->name,
                      (unsigned)p->size_bytes, (unsigned)len_align);
    if (readonly && (is_data(p, FERRY_DATA_OTA) || is_data(p, FERRY_DATA_COREDUMP)))
        return BREAKS(t, 0, 0, "%s is data/%s, which is written and cannot be readonly", row->name,
                      ferry_subtype_name(p->type, p->subtype));
    if (!readonly && is_data(p, FERRY_DATA_NVS) && p->size_bytes < NVS_LEAST_BYTES)
        return BREAKS(t, p->size_bytes, NVS_LEAST_BYTES,
                      "%s is data/nvs of 0x%x bytes; below 0x%x it must be readonly", row->name,
                      (unsigned)p->size_bytes, NVS_LEAST_BYTES);
    return FERRY_OK;
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

static ferry_err check_names(struct ferry_rows *t, const struct ferry_named_row **sorted)
{
    qsort(sorted, t->n_rows, sizeof(*sorted), by_name);
    for (size_t i = 1; i < t->n_rows; i++)
        if (!strcmp(sorted[i - 1]->name, sorted[i]->name))
            return BREAKS(t, 0, 0, "two partitions are named %s; names must be unique",
                          *sorted[i]->name ? sorted[i]->name : "with nothing");
    return FERRY_OK;
}

static ferry_err check_places(struct ferry_rows *t, const struct ferry_named_row **sorted,
                              uint32_t table_off)
{
    const uint64_t first = (uint64_t)table_off + SECTOR_BYTES;
    qsort(sorted, t->n_rows, sizeof(*sorted), by_offset);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_partition *p = &sorted[i]->p;
        if (p->off_bytes < first && !ferry_row_is_primary(p))
            return BREAKS(t, p->off_bytes, (uint32_t)first,
                          "%s begins at 0x%x; the partition table reaches up to 0x%llx",
                          sorted[i]->name, (unsigned)p->off_bytes, (unsigned long long)first);
        if (!i)
            continue;
        const struct ferry_partition *last = &sorted[i - 1]->p;
        const uint64_t end = (uint64_t)last->off_bytes + last->size_bytes;
        if (p->off_bytes < end)
            return BREAKS(t, p->off_bytes, end > UINT32_MAX ? UINT32_MAX : (uint32_t)end,
                          "%s begins at 0x%x, inside %s, which ends at 0x%llx", sorted[i]->name,
                          (unsigned)p->off_bytes, sorted[i - 1]->name, (unsigned long long)end);
    }
    return FERRY_OK;
}

/** At most one partition of this subtype of data, and of one size. */
static ferry_err check_single(struct ferry_rows *t, uint8_t subtype)
{
    const struct ferry_named_row *seen = NULL;
    const char *word = ferry_subtype_name(FERRY_TYPE_DATA, subtype);
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_named_row *row = &t->rows[i];
        if (!is_data(&row->p, subtype))
            continue;
        if (seen)
            return BREAKS(t, 2, 1, "%s and %s are both data/%s; there can be only one", seen->name,
                          row->name, word);
        seen = row;
    }
    if (seen && seen->p.size_bytes != OTADATA_BYTES)
        return BREAKS(t, seen->p.size_bytes, OTADATA_BYTES,
                      "%s is data/%s of 0x%x bytes; it must be 0x%x", seen->name, word,
                      (unsigned)seen->p.size_bytes, OTADATA_BYTES);
    return FERRY_OK;
}

static ferry_err check_rules(struct ferry_rows *t, const struct ferry_rows_options *o)
{
    ferry_err err = FERRY_OK;
    for (size_t i = 0; !err && i < t->n_rows; i++) {
        err = check_row(t, &t->rows[i], o->secure);
        if (!err)
            warn_of_name(t, &t->rows[i], o->subtypes);
    }
    const struct ferry_named_row **sorted = calloc(t->n_rows + 1, sizeof(*sorted));
    if (!sorted || t->warnings.failed) {
        free(sorted);
        t->detail[0] = '\0';
        return ferry_fail(&t->fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
    }
    for (size_t i = 0; i < t->n_rows; i++)
        sorted[i] = &t->rows[i];
    if (!err)
        err = check_names(t, sorted);
    if (!err)
        err = check_places(t, sorted, o->table_off_bytes);
    free(sorted);
    if (!err)
        err = check_single(t, FERRY_DATA_OTA);
    if (!err)
        err = check_single(t, FERRY_DATA_TEE_OTA);
    return err;
}

/** As the tool measures it: the row with the highest offset, of several the first, must fit. */
static ferry_err check_fits(struct ferry_rows *t, uint32_t flash_bytes)
{
    const struct ferry_named_row *last = NULL;
    for (size_t i = 0; i < t->n_rows; i++)
        if (!last || t->rows[i].p.off_bytes > last->p.off_bytes)
            last = &t->rows[i];
    const uint64_t end = last ? (uint64_t)last->p.off_bytes + last->p.size_bytes : 0;
    if (end <= flash_bytes)
        return FERRY_OK;
    t->fault = (struct ferry_fault){FERRY_ERR_TABLE_SIZE,
                                    end > UINT32_MAX ? UINT32_MAX : (uint32_t)end, flash_bytes, 0};
    return ferry_rows_refuse(t, FERRY_ERR_TABLE_SIZE, "%s", last->name);
}

ferry_err ferry_rows_check(struct ferry_rows *t, const struct ferry_rows_options *o)
{
    ferry_err err = FERRY_OK;
    if (!o->without_rules)
        err = check_rules(t, o);
    if (!err && o->flash_bytes)
        err = check_fits(t, o->flash_bytes);
    return err;
}
