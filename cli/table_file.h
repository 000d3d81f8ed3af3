/* cli/table_file.h - a partition table that the user names as a file, CSV or binary. */
#ifndef CLI_TABLE_FILE_H
#define CLI_TABLE_FILE_H

#include "command.h"
#include "ferry/partition.h"

/** Reads a file into the form that goes on flash, checked as the bootloader checks it. Binary is
 * what begins with a partition row's magic. Returns CLI_EXIT_OK, or the exit code after
 * complaining. */
int cli_read_table_file(const struct cli_call *call, const char *path, uint32_t flash_bytes,
                        uint32_t table_off_bytes, uint8_t table[FERRY_TABLE_BYTES]);

/** The same for bytes that came from elsewhere; name is what they are called in a complaint. */
int cli_table_of_bytes(const struct cli_call *call, const char *name, const uint8_t *bytes,
                       size_t n_bytes, uint32_t flash_bytes, uint32_t table_off_bytes,
                       uint8_t table[FERRY_TABLE_BYTES]);

#endif
