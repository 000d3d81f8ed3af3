/* host/partition_edit.h - a partition table being changed: rows in order of offset, each of which
 * knows which row of the old table it comes from.
 * The operations are those of the MicroPython tool and give the tables it gives; where that one
 * leaves a table that breaks a rule, ferry_edit_check refuses. What becomes of the contents:
 * host/partition_copy.h. Rests on host/layouts.h and the rules of host/partition_csv.h. */
#ifndef FERRY_PARTITION_EDIT_H
#define FERRY_PARTITION_EDIT_H

#include "layouts.h"
#include "partition_csv.h"

#define FERRY_EDIT_DETAIL_BYTES 400u

/** A row of the table to be. */
struct ferry_edit_row {
    struct ferry_partition p;
    int from; // index in `before` of what it was; -1: it is new
};

/** A table being changed; plain data, large. detail says why the last operation was refused. */
struct ferry_edit {
    struct ferry_partition before[FERRY_TABLE_PARTITIONS]; // in order of offset
    size_t n_before;
    struct ferry_edit_row rows[FERRY_TABLE_PARTITIONS]; // in order of offset
    size_t n;
    uint32_t flash_bytes; // what the table is for; the caller may change it
    uint32_t table_off_bytes;
    bool has_md5;
    char detail[FERRY_EDIT_DETAIL_BYTES];
};

/** Begins with a table's rows, at most FERRY_TABLE_PARTITIONS. */
void ferry_edit_begin(struct ferry_edit *e, const struct ferry_partition *rows, size_t n,
                      uint32_t flash_bytes, uint32_t table_off_bytes, bool has_md5);

/** Replaces all rows by those of a layout. What a row comes from: an app partition from the app
 * partition at its offset; else the row of its name and kind; else the one of its kind.
 * FERRY_ERR_TABLE_SIZE, FERRY_ERR_TABLE_RULE as ferry_edit_add. */
FERRY_MUST_CHECK ferry_err ferry_edit_layout(struct ferry_edit *e, const struct ferry_layout *l);

/** Replaces all rows by these; what they come from is found in the same way. */
void ferry_edit_replace(struct ferry_edit *e, const struct ferry_partition *rows, size_t n);

/** Removes the partition of this name. FERRY_ERR_NOT_FOUND. */
FERRY_MUST_CHECK ferry_err ferry_edit_delete(struct ferry_edit *e, const char *name);

/** Gives a partition another size; 0: up to the next one, or the flash's end. What it runs into
 * moves up by as much as is needed, apps to the next place that suits them, and what then leaves
 * the flash gets shorter.
 * FERRY_ERR_NOT_FOUND; FERRY_ERR_TABLE_SIZE a later partition would have no room at all. */
FERRY_MUST_CHECK ferry_err ferry_edit_resize(struct ferry_edit *e, const char *name,
                                             uint32_t size_bytes);

/** The same for every app partition in turn. */
FERRY_MUST_CHECK ferry_err ferry_edit_app_size(struct ferry_edit *e, uint32_t size_bytes);

/** FERRY_ERR_NOT_FOUND; FERRY_ERR_TABLE_RULE the new name is taken, empty or too long. */
FERRY_MUST_CHECK ferry_err ferry_edit_rename(struct ferry_edit *e, const char *name,
                                             const char *new_name);

/** Adds a partition; where its offset is 0 behind the last one, where its size is 0 up to the
 * flash's end. FERRY_ERR_TABLE_RULE the name is taken; FERRY_ERR_TABLE_SIZE no room;
 * FERRY_ERR_TABLE_FULL. */
FERRY_MUST_CHECK ferry_err ferry_edit_add(struct ferry_edit *e,
                                          const struct ferry_layout_part *part);

/** All rules of a table, with the flash's size: alignment, overlap, names, otadata, the end. There
 * must be an app partition. FERRY_ERR_TABLE_RULE, FERRY_ERR_TABLE_SIZE, FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_edit_check(struct ferry_edit *e);

/** The table's bytes. FERRY_ERR_TABLE_FULL. */
FERRY_MUST_CHECK ferry_err ferry_edit_encode(struct ferry_edit *e, uint8_t out[FERRY_TABLE_BYTES]);

/** The same as a CSV. FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_edit_csv(struct ferry_edit *e, struct ferry_strbuf *out);

/** The row of this name, or -1. */
int ferry_edit_find(const struct ferry_edit *e, const char *name);

/** Notes why something was refused; returns err. */
__attribute__((format(printf, 3, 4))) ferry_err
ferry_edit_refuse(struct ferry_edit *e, ferry_err err, const char *fmt, ...);

#endif
