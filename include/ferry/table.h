/* ferry/table.h - a partition table on flash: open it, count, get, find.
 * Rows are read when asked for, so a table of 95 partitions costs no memory.
 * Rests on partition (the codec) and flash; the device and every tool look partitions up here. */
#ifndef FERRY_TABLE_H
#define FERRY_TABLE_H

#include "ferry/flash.h"
#include "ferry/partition.h"

#ifdef __cplusplus
extern "C" {
#endif

/** An opened table; plain data, 16 bytes on a 32-bit chip. `flash` is kept. */
struct ferry_table {
    const struct ferry_flash *flash;
    uint32_t off_bytes;
    uint8_t n_partitions;
    bool has_md5;
};

/** Reads and checks the whole table at off_bytes (a multiple of the sector): every row, the MD5 if
 * there is one, and that each partition lies inside the flash. On failure *t is not usable.
 * Errors: those of ferry_table_walk_row, FERRY_ERR_FLASH_ALIGN, FERRY_ERR_FLASH_RANGE, flash. */
FERRY_MUST_CHECK ferry_err ferry_table_open(struct ferry_table *t, const struct ferry_flash *flash,
                                            uint32_t off_bytes, struct ferry_fault *fault);

/** The same, and each(ctx, partition) for every partition in table order while it is read. What was
 * seen counts only if this returns FERRY_OK. */
FERRY_MUST_CHECK ferry_err ferry_table_read(
    struct ferry_table *t, const struct ferry_flash *flash, uint32_t off_bytes,
    struct ferry_fault *fault, void (*each)(void *ctx, const struct ferry_partition *p), void *ctx);

/** Row i in table order, i < n_partitions. FERRY_ERR_NOT_FOUND past the end; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_table_get(const struct ferry_table *t, uint32_t i,
                                           struct ferry_partition *out);

/** The first partition at or after *i that matches; *i becomes its index. type and subtype may be
 * FERRY_TYPE_ANY and FERRY_SUBTYPE_ANY, label NULL for any. To go on, add 1 to *i.
 * FERRY_ERR_NOT_FOUND none is left; flash errors. */
FERRY_MUST_CHECK ferry_err ferry_table_find(const struct ferry_table *t, uint8_t type,
                                            uint8_t subtype, const char *label, uint32_t *i,
                                            struct ferry_partition *out);

/** The region of a partition. Refused without allow_dangerous: bootloader and partition-table
 * rows, and any row that begins below the end of the table's sector, whatever its type.
 * FERRY_ERR_FLASH_PROTECTED fault: the offset, the first safe offset. */
FERRY_MUST_CHECK ferry_err ferry_table_region(const struct ferry_table *t,
                                              const struct ferry_partition *p, bool allow_dangerous,
                                              struct ferry_region *out, struct ferry_fault *fault);

#ifdef __cplusplus
}
#endif
#endif
