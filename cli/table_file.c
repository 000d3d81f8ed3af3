/* cli/table_file.c - partition tables from files. */
#include "table_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_words.h"
#include "partition_csv.h"
#include "read_file.h"

#define LONGEST_CSV_BYTES (1024u * 1024u)

static int check_binary(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                        const uint8_t table[FERRY_TABLE_BYTES])
{
    struct ferry_table_walk walk;
    struct ferry_fault fault;
    ferry_table_walk_begin(&walk);
    for (uint32_t i = 0; i < FERRY_TABLE_ROWS && !walk.done; i++) {
        struct ferry_partition p;
        if (ferry_table_walk_row(&walk, table + i * FERRY_ROW_BYTES, flash_bytes, &p, &fault))
            return cli_fail(call->out, &fault, &(struct ferry_about){.file = path});
    }
    return CLI_EXIT_OK;
}

static int take_binary(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                       const uint8_t *bytes, size_t n_bytes, uint8_t table[FERRY_TABLE_BYTES])
{
    memset(table, 0xff, FERRY_TABLE_BYTES);
    memcpy(table, bytes, n_bytes < FERRY_TABLE_BYTES ? n_bytes : FERRY_TABLE_BYTES);
    return check_binary(call, path, flash_bytes, table);
}

/** What the table's author should know of, as gen_esp32part.py would say it. */
static void pass_warnings_on(const struct cli_call *call, const char *path,
                             const struct ferry_rows *rows)
{
    char line[FERRY_ROWS_DETAIL_BYTES], shown[FERRY_ROWS_DETAIL_BYTES];
    for (const char *at = rows->warnings.text; at && *at;) {
        const size_t n = strcspn(at, "\n");
        snprintf(line, sizeof(line), "%.*s", (int)n, at);
        cli_warn(call->out, "%s: %s", path, cli_printable(shown, sizeof(shown), line));
        at += n + (at[n] == '\n');
    }
}

static int take_csv(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                    uint32_t table_off_bytes, const uint8_t *bytes, size_t n_bytes,
                    uint8_t table[FERRY_TABLE_BYTES])
{
    struct ferry_rows rows = {0};
    const struct ferry_rows_options options = {.table_off_bytes = table_off_bytes,
                                               .flash_bytes = flash_bytes};
    ferry_err err = ferry_rows_read(&rows, bytes, n_bytes, &options);
    if (!err)
        err = ferry_rows_check(&rows, &options);
    if (!err)
        err = ferry_rows_encode(&rows, &options, table);
    pass_warnings_on(call, path, &rows);
    int exit_code = CLI_EXIT_OK;
    if (err) {
        rows.fault.err = err;
        exit_code =
            cli_fail(call->out, &rows.fault,
                     &(struct ferry_about){.file = path,
                                           .slot = err == FERRY_ERR_TABLE_SIZE ? rows.detail : NULL,
                                           .detail = rows.detail});
    }
    ferry_rows_free(&rows);
    return exit_code;
}

int cli_table_of_bytes(const struct cli_call *call, const char *name, const uint8_t *bytes,
                       size_t n_bytes, uint32_t flash_bytes, uint32_t table_off_bytes,
                       uint8_t table[FERRY_TABLE_BYTES])
{
    const bool is_binary = n_bytes >= 2 && bytes[0] == 0xaa && bytes[1] == 0x50;
    return is_binary ? take_binary(call, name, flash_bytes, bytes, n_bytes, table)
                     : take_csv(call, name, flash_bytes, table_off_bytes, bytes, n_bytes, table);
}

int cli_read_table_file(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                        uint32_t table_off_bytes, uint8_t table[FERRY_TABLE_BYTES])
{
    uint8_t *bytes;
    size_t n_bytes;
    int os_errno;
    const ferry_err err = ferry_read_file(path, LONGEST_CSV_BYTES, &bytes, &n_bytes, &os_errno);
    if (err == FERRY_ERR_RANGE)
        return cli_fail_text(call->out, err,
                             "%s is larger than %s bytes, so it is no partition table; 'ferry "
                             "partitions read' takes one out of a flash file",
                             path, cli_thousands(LONGEST_CSV_BYTES));
    if (err)
        return cli_fail_err(
            call->out, err,
            &(struct ferry_about){path, NULL, os_errno ? strerror(os_errno) : NULL});
    const int exit_code =
        cli_table_of_bytes(call, path, bytes, n_bytes, flash_bytes, table_off_bytes, table);
    free(bytes);
    return exit_code;
}
