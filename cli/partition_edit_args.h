/* cli/partition_edit_args.h - the options of `ferry partitions edit`, applied to a table in their
 * fixed order: flash size, whole table, app size, delete, resize, rename, add. */
#ifndef CLI_PARTITION_EDIT_ARGS_H
#define CLI_PARTITION_EDIT_ARGS_H

#include "command.h"
#include "partition_edit.h"

extern const struct argp_option partition_edit_options[];

/** What stands beside the operations. */
struct partition_edit_args {
    const char *output; // NULL: --dry-run without one
    bool moves, is_dry_run;
    bool sets_size;
    uint32_t flash_bytes; // with sets_size
};

/** Reads the options that are no operations. Returns CLI_EXIT_OK, or the exit code after
 * complaining. */
int partition_edit_args(const struct cli_call *call, struct partition_edit_args *args);

/** Applies the operations and checks the rules. Returns CLI_EXIT_OK, or the exit code after
 * complaining: an operation that cannot be read is wrong usage, one that cannot be done is refused.
 */
int partition_edit_apply(const struct cli_call *call, struct ferry_edit *e);

#endif
