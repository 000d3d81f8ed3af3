/* cli/partition_target.h - a part of the flash by the name its user has for it: a partition's
 * label, "bootloader", "table", a slot by name or number, or type/subtype; and pairs of such with
 * files. Shared by `ferry partitions read|write|erase` and `ferry slots read|write|erase`. */
#ifndef CLI_PARTITION_TARGET_H
#define CLI_PARTITION_TARGET_H

#include "command.h"
#include "vdevice.h"

enum partition_target_kind { TARGET_PARTITION, TARGET_BOOTLOADER, TARGET_TABLE };

/** A named part of the flash. */
struct partition_target {
    enum partition_target_kind kind;
    struct ferry_partition p; // offset, size, and the name to show
    struct ferry_region region;
    int slot; // if it is one; else FERRY_SLOT_NONE
    bool
        is_protected; // without it the device does not boot: bootloader, table, and what lies there
    bool runs;        // the running app is in it
};

/** What a NAME may be, for struct cli_command.about. */
#define PARTITION_NAME_ABOUT                                                                       \
    "NAME is a partition's label, bootloader, table, a slot (ota_1 or 1, factory), or the first "  \
    "partition of a kind, as data/nvs."

/** Finds what `word` names; slots_only: only slots, for which bare numbers count first. Returns
 * CLI_EXIT_OK, or the exit code after complaining. */
int partition_target_find(const struct cli_call *call, const struct ferry_vdevice *v,
                          const char *word, bool slots_only, struct partition_target *t);

/** Refuses what must not be changed lightly: what boots the device, and the running app. Returns
 * CLI_EXIT_OK if it may be, or `force` says so. */
int partition_target_check(const struct cli_call *call, const struct ferry_vdevice *v,
                           const struct partition_target *t, bool force);

/** One NAME and its file. */
struct partition_pair {
    char name[64];
    const char *file; // "-": standard input or output; NULL: none was given
};

#define PARTITION_PAIRS 32u

/** Reads the arguments behind DEVICE: NAME=FILE..., or NAME and perhaps FILE. Returns CLI_EXIT_OK
 * or the exit code after complaining. */
int partition_pairs_read(const struct cli_call *call, struct partition_pair *pairs, size_t *n);

#endif
