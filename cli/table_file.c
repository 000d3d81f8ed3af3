/* cli/table_file.c - partition tables from files. */
#include "table_file.h"

#include <stdlib.h>
#include <string.h>

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

int cli_read_table_file(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                        uint32_t table_off_bytes, uint8_t table[FERRY_TABLE_BYTES])
{
    uint8_t *bytes;
    size_t n_bytes;
    int os_errno;
    const ferry_err err = ferry_read_file(path, LONGEST_CSV_BYTES, &bytes, &n_bytes, &os_errno);
    if (err)
        return cli_fail_err(
            call->out, err,
            &(struct ferry_about){path, NULL, os_errno ? strerror(os_errno) : NULL});
    (void)table_off_bytes;
    const bool is_binary = n_bytes >= 2 && bytes[0] == 0xaa && bytes[1] == 0x50;
    const int exit_code =
        is_binary ? take_binary(call, path, flash_bytes, bytes, n_bytes, table)
                  : cli_fail_err(call->out, FERRY_ERR_CSV, &(struct ferry_about){.file = path});
    free(bytes);
    return exit_code;
}
