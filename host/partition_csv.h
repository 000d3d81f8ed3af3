/* host/partition_csv.h - partition tables as Espressif's gen_esp32part.py takes and gives them:
 * CSV to rows, binary to rows, the tool's rules, rows to either form, byte for byte.
 * Whatever the tool refuses, or dies of, is refused here with a sentence. The rows' codec is
 * core's; facts: docs/formats.md "Partition table". */
#ifndef FERRY_PARTITION_CSV_H
#define FERRY_PARTITION_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/partition.h"
#include "sentence.h"
#include "strbuf.h"
#include "subtypes.h"

/** How app images are signed; it decides what an app partition's size must be a multiple of. */
enum ferry_secure_boot { FERRY_SECURE_NONE, FERRY_SECURE_V1, FERRY_SECURE_V2 };

/** The tool's options; table_off_bytes has no default here, the others are off when zero. */
struct ferry_rows_options {
    uint32_t table_off_bytes; // FERRY_TABLE_OFF_DEFAULT as a rule
    enum ferry_secure_boot secure;
    uint32_t flash_bytes; // 0: whether the table fits is not asked
    bool without_md5;
    bool without_rules;
    bool has_primary_bootloader, has_recovery_bootloader;
    uint32_t primary_bootloader_off_bytes, recovery_bootloader_off_bytes;
    const struct ferry_subtypes *subtypes; // may be NULL; kept
};

/** A row and what its 32 bytes do not keep. */
struct ferry_named_row {
    struct ferry_partition p;
    char *name;    // owned, UTF-8; the label is its first 16 bytes
    unsigned line; // of the CSV, from 1; 0 if the table came as binary
};

#define FERRY_ROWS_DETAIL_BYTES 512u

/** A table in memory. {0} is an empty one; any that was read is given back to ferry_rows_free,
 * also after a failure. */
struct ferry_rows {
    struct ferry_named_row *rows;
    size_t n_rows, room;
    bool was_binary;
    struct ferry_strbuf warnings; // what the tool warns of, a line each; text may be NULL
    struct ferry_strbuf problems; // every rule that ferry_rows_check found broken, a line each
    struct ferry_fault fault;     // of the last failure
    char detail[FERRY_ROWS_DETAIL_BYTES]; // the same in words: line, field, value, limit
};

/** Reads a table in either form: binary is what begins with a row's magic. Offsets left open are
 * laid out. What the tool checks afterwards is not checked: ferry_rows_check.
 * FERRY_ERR_CSV         the CSV cannot be read
 * FERRY_ERR_SYNTAX      the file is no text
 * FERRY_ERR_ARG         the options contradict each other
 * FERRY_ERR_TABLE_ROW, FERRY_ERR_TABLE_MD5, FERRY_ERR_TABLE_END, FERRY_ERR_TRUNC, binary
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_rows_read(struct ferry_rows *t, const uint8_t *bytes,
                                           size_t n_bytes, const struct ferry_rows_options *o);

/** The tool's checks: the rules (unless o->without_rules), then the flash size (if given). All that
 * is wrong goes into problems, the first of it is the failure.
 * FERRY_ERR_TABLE_RULE, FERRY_ERR_TABLE_SIZE, FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_rows_check(struct ferry_rows *t,
                                            const struct ferry_rows_options *o);

/** The binary form. FERRY_ERR_TABLE_FULL more rows than fit; FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_rows_encode(struct ferry_rows *t,
                                             const struct ferry_rows_options *o,
                                             uint8_t out[FERRY_TABLE_BYTES]);

/** The CSV form, as the tool writes it. FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_rows_csv(struct ferry_rows *t, const struct ferry_rows_options *o,
                                          struct ferry_strbuf *out);

void ferry_rows_free(struct ferry_rows *t);

/* For the files that make up this module. */

/** Notes a failure in words and returns its error; control characters become '?'. */
__attribute__((format(printf, 3, 4))) ferry_err
ferry_rows_refuse(struct ferry_rows *t, ferry_err err, const char *fmt, ...);

/** Notes that memory ran out. */
ferry_err ferry_rows_no_memory(struct ferry_rows *t);

/** Adds a row; name is n_name bytes, copied. FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_rows_add(struct ferry_rows *t, const struct ferry_partition *p,
                                          const char *name, size_t n_name, unsigned line);

/** What an offset of a type must be a multiple of. */
uint32_t ferry_offset_align(uint8_t type);

/** Bootloader and table rows that stand for what lies before the partitions. */
bool ferry_row_is_primary(const struct ferry_partition *p);

/** CSV text, decoded, to rows; binary table to rows. Parts of ferry_rows_read. */
FERRY_MUST_CHECK ferry_err ferry_rows_from_csv(struct ferry_rows *t, const char *text, size_t n,
                                               const struct ferry_rows_options *o);
FERRY_MUST_CHECK ferry_err ferry_rows_from_binary(struct ferry_rows *t, const uint8_t *bytes,
                                                  size_t n_bytes,
                                                  const struct ferry_rows_options *o);

#endif
