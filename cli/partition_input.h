/* cli/partition_input.h - the partition table that a command is asked about, wherever it stands:
 * a CSV, a binary table, a flash dump or the directory of a virtual device. */
#ifndef CLI_PARTITION_INPUT_H
#define CLI_PARTITION_INPUT_H

#include "command.h"
#include "partition_csv.h"

enum partition_source { PARTITION_CSV, PARTITION_BINARY, PARTITION_DEVICE };

/** A table as it stands, good or not. */
struct partition_input {
    const char *path;
    enum partition_source source;
    struct ferry_rows_options options; // flash_bytes: given, or the device's; 0 not known
    struct ferry_subtypes subtypes;
    uint8_t *bytes; // of the file, or of the table's sector on a device; owned
    size_t n_bytes;

    /* What partition_input_decode finds, read as a bootloader reads it, damaged or not. */
    struct ferry_partition partitions[FERRY_TABLE_ROWS];
    uint32_t n_partitions;
    bool has_md5;
    struct ferry_fault fault; // err FERRY_OK: the bootloader takes it
};

/** The options named as gen_esp32part.py names them, for struct cli_command.shared. */
extern const struct argp_option partition_options[];
/** Of these, the ones that say how to read a table. */
extern const struct argp_option partition_read_options[];

#define PARTITION_INPUT_ABOUT                                                                      \
    "The table is read from a CSV, from a binary table, from a flash dump, or from the directory " \
    "of a virtual device; which of them it is shows in the file itself. - is standard input. "     \
    "With --port it is read from a chip."

/** Reads options and argument 0. Returns CLI_EXIT_OK, or the exit code after complaining; *in is
 * given back to partition_input_close in any case. */
int partition_input_open(const struct cli_call *call, struct partition_input *in);

/** Fills in->partitions, has_md5 and fault. A CSV is built first, without checking the tool's
 * rules. Returns CLI_EXIT_OK, or the exit code after complaining: a CSV that cannot be read. */
int partition_input_decode(const struct cli_call *call, struct partition_input *in);

/** CLI_EXIT_OK unless a device has no table at all; else the exit code after complaining. */
int partition_need_table(const struct cli_call *call, const struct partition_input *in);

void partition_input_close(struct partition_input *in);

/** Reports the failure of a call on rows that were read from in. Returns an exit code. */
int partition_fail(const struct cli_call *call, const struct partition_input *in,
                   const struct ferry_rows *rows, ferry_err err);

/** The indices of n partitions in order of offset; those at one place stay in table order. */
void partition_order(const struct ferry_partition *p, uint32_t n, uint32_t *order);

/** "1.5 MB", "24 KB", "100 bytes": exact. */
const char *partition_size_words(char buf[24], uint64_t n_bytes);

/** Calls each() for every line of a text. */
void partition_each_line(const char *text, void (*each)(void *ctx, const char *line), void *ctx);

#endif
