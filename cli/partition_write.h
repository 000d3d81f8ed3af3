/* cli/partition_write.h - bytes into a part of the flash: checked before, read back after, an app's
 * first bytes last, so that a half-written one never boots. */
#ifndef CLI_PARTITION_WRITE_H
#define CLI_PARTITION_WRITE_H

#include "partition_target.h"

/** What goes where. */
struct partition_write {
    const char *file; // for messages
    struct partition_target target;
    uint8_t *bytes; // owned
    uint32_t n_bytes;
    uint32_t image_bytes; // of the app image at its start; 0: none was looked for
};

/** Reads the file ("-": standard input; a CSV for the table too) and checks that it fits and, but
 * with no_check, that it is what belongs there: an app that this slot would boot, a bootloader for
 * this chip, a sound table. Returns CLI_EXIT_OK, or the exit code after complaining;
 * partition_write_free in any case. */
int partition_write_read(const struct cli_call *call, const struct ferry_vdevice *v,
                         const char *file, bool no_check, struct partition_write *w);

/** Erases all of the target and writes. Where the device has trusted keys, an app must be signed
 * with one. Returns CLI_EXIT_OK, or the exit code after complaining. */
int partition_write_do(const struct cli_call *call, struct ferry_vdevice *v,
                       const struct partition_write *w);

/** Erases all of the target. */
int partition_erase_do(const struct cli_call *call, const struct ferry_vdevice *v,
                       const struct partition_target *t);

/** Ends a command that changed the flash: looks at the table again if that is what changed, says
 * what boots next, and returns the exit code. */
int partition_changed(const struct cli_call *call, struct ferry_vdevice *v, bool table_too);

void partition_write_free(struct partition_write *w);

#endif
