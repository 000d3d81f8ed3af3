/* host/nvs_csv.h - the CSV of Espressif's NVS generator, read row by row as Python's csv module
 * reads it: quotes, line breaks inside quotes, columns in any order. What the cells mean is
 * host/nvs_rows.h's business. Facts: docs/nvs.md "The CSV". */
#ifndef FERRY_NVS_CSV_H
#define FERRY_NVS_CSV_H

#include <stdbool.h>

#include "ferry/err.h"
#include "strbuf.h"

#define FERRY_NVS_CSV_COLUMNS_MAX  64u
#define FERRY_NVS_CSV_DETAIL_BYTES 256u

/** A cell as it stands between the commas, quotes resolved. text is NULL if the row ends before
 * it; else NUL-terminated, borrowed until the next row is read. */
struct ferry_nvs_cell {
    const char *text;
    size_t n_bytes;
    uint32_t line, column; // of its first character, both from 1
};

struct ferry_nvs_row {
    struct ferry_nvs_cell key, type, encoding, value;
};

/** The reader's own. */
struct ferry_nvs_span {
    size_t off, n;
    uint32_t line, column;
};

/** A CSV being read. Plain memory but for the two texts: give them back with close. */
struct ferry_nvs_csv {
    struct ferry_strbuf text;  // of the file, UTF-8
    struct ferry_strbuf cells; // of the current record, one after the other
    struct ferry_nvs_span spans[FERRY_NVS_CSV_COLUMNS_MAX];
    size_t at;             // of text, what comes next
    uint32_t line, column; // of the same place
    uint32_t n_cells;      // of the current record; those past the limit are not kept
    int32_t places[4];     // column of key, type, encoding, value
    char detail[FERRY_NVS_CSV_DETAIL_BYTES];
};

/** Takes the bytes of a file (copied) and reads the heading row.
 * FERRY_ERR_CSV        no text, or no usable heading: c->detail says it, with line and column
 * FERRY_ERR_NO_MEMORY
 * On failure nothing needs to be closed. */
FERRY_MUST_CHECK ferry_err ferry_nvs_csv_open(struct ferry_nvs_csv *c, const uint8_t *bytes,
                                              size_t n_bytes);

/** Reads the next row that holds anything but blanks. FERRY_ERR_NOT_FOUND after the last;
 * FERRY_ERR_CSV a quote is never closed (c->detail); FERRY_ERR_NO_MEMORY. */
FERRY_MUST_CHECK ferry_err ferry_nvs_csv_next(struct ferry_nvs_csv *c, struct ferry_nvs_row *row);

void ferry_nvs_csv_close(struct ferry_nvs_csv *c);

#endif
