/* ferry/partition.h - the partition table's rows: bytes to structs and back.
 * A pure codec: no flash, no allocation. ferry/table.h reads a table from flash with it, the host
 * tools build tables with it. Facts: docs/formats.md "Partition table". */
#ifndef FERRY_PARTITION_H
#define FERRY_PARTITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/crypto.h"
#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_ROW_BYTES         32u
#define FERRY_TABLE_BYTES       0xc00u // the part of the table's sector that is table
#define FERRY_TABLE_ROWS        96u    // rows in it, the MD5 row and the end marker included
#define FERRY_TABLE_PARTITIONS  95u    // most partitions: one row is left for the end marker
#define FERRY_LABEL_BYTES       16u    // on flash; need not end in NUL
#define FERRY_TABLE_OFF_DEFAULT 0x8000u

enum ferry_type {
    FERRY_TYPE_APP = 0x00,
    FERRY_TYPE_DATA = 0x01,
    FERRY_TYPE_BOOTLOADER = 0x02,
    FERRY_TYPE_TABLE = 0x03,
    FERRY_TYPE_ANY = 0xff,
};

enum ferry_subtype {
    FERRY_APP_FACTORY = 0x00,
    FERRY_APP_OTA_0 = 0x10, // ota_n is 0x10 + n, n < 16
    FERRY_APP_TEST = 0x20,
    FERRY_DATA_OTA = 0x00,
    FERRY_DATA_PHY = 0x01,
    FERRY_DATA_NVS = 0x02,
    FERRY_DATA_COREDUMP = 0x03,
    FERRY_DATA_NVS_KEYS = 0x04,
    FERRY_DATA_UNDEFINED = 0x06,
    FERRY_DATA_TEE_OTA = 0x90,
    FERRY_SUBTYPE_ANY = 0xff,
};

#define FERRY_SLOTS_MAX      16u
#define FERRY_FLAG_ENCRYPTED 1u
#define FERRY_FLAG_READONLY  2u

/** One row. type and subtype stay numbers: a table may hold any. */
struct ferry_partition {
    uint32_t off_bytes; // absolute
    uint32_t size_bytes;
    uint32_t flags;
    uint8_t type;
    uint8_t subtype;
    char label[FERRY_LABEL_BYTES + 1]; // always NUL-terminated here
};

/** What a 32-byte row is, by its first bytes (formats: 1.2). */
enum ferry_row { FERRY_ROW_PARTITION, FERRY_ROW_MD5, FERRY_ROW_END, FERRY_ROW_OTHER };

enum ferry_row ferry_row_kind(const uint8_t row[FERRY_ROW_BYTES]);

/** Decodes a partition row; the kind must be FERRY_ROW_PARTITION. Cannot fail: every bit pattern
 * is some partition, and whether it makes sense is the reader's question. */
void ferry_partition_decode(const uint8_t row[FERRY_ROW_BYTES], struct ferry_partition *out);

/** Encodes one row; the label is cut at 16 bytes and padded with zeros. */
void ferry_partition_encode(const struct ferry_partition *p, uint8_t row[FERRY_ROW_BYTES]);

/** Walks a table row by row as the bootloader's own check does, with a running MD5.
 * Zero it, then feed rows from the first; 136 bytes. */
struct ferry_table_walk {
    struct ferry_md5 md5;
    uint8_t n_rows;       // rows seen before the end
    uint8_t n_partitions; // partition rows seen
    bool md5_seen;
    bool done;
};

void ferry_table_walk_begin(struct ferry_table_walk *w);

/** Takes the next row. flash_bytes bounds the partitions; 0 checks no bound.
 * On FERRY_OK, *out is the partition (untouched for an MD5 row: compare n_partitions), or w->done
 * is set at the end marker.
 * FERRY_ERR_TABLE_MAGIC  the first row is no partition: there is no table here
 * FERRY_ERR_TABLE_ROW    a later row is neither partition, MD5 nor end; fault: row number
 * FERRY_ERR_TABLE_SIZE   a partition leaves the flash; fault: its end (saturated), the flash size
 * FERRY_ERR_TABLE_MD5, FERRY_ERR_TABLE_MD5_TWICE
 * FERRY_ERR_TABLE_END    row 96 came without an end marker */
FERRY_MUST_CHECK ferry_err ferry_table_walk_row(struct ferry_table_walk *w,
                                                const uint8_t row[FERRY_ROW_BYTES],
                                                uint32_t flash_bytes, struct ferry_partition *out,
                                                struct ferry_fault *fault);

/** Writes a whole table of FERRY_TABLE_BYTES: rows, the MD5 row if asked, 0xff to the end.
 * FERRY_ERR_TABLE_FULL  more rows than fit (94 with MD5, 95 without); fault: count, limit */
FERRY_MUST_CHECK ferry_err ferry_table_encode(const struct ferry_partition *rows, size_t n_rows,
                                              bool with_md5, uint8_t out[FERRY_TABLE_BYTES],
                                              struct ferry_fault *fault);

/** The keyword of a type ("app", "data", ...), or NULL for one without a name. */
const char *ferry_type_name(uint8_t type);

/** The keyword of a subtype within its type ("ota_3", "nvs", ...), or NULL. */
const char *ferry_subtype_name(uint8_t type, uint8_t subtype);

/** Finds a keyword, case-insensitive. FERRY_ERR_NOT_FOUND leaves *out as it was. */
FERRY_MUST_CHECK ferry_err ferry_type_by_name(const char *name, uint8_t *out);
FERRY_MUST_CHECK ferry_err ferry_subtype_by_name(uint8_t type, const char *name, uint8_t *out);

#ifdef __cplusplus
}
#endif
#endif
