/* cli/edit_output.h - the file or directory that an edited copy goes to: made beside its place, and
 * put there only when everything is right. Never the original. */
#ifndef CLI_EDIT_OUTPUT_H
#define CLI_EDIT_OUTPUT_H

#include <limits.h>

#include "command.h"
#include "vdevice.h"

/** A copy in the making. */
struct edit_output {
    const char *path;             // NULL: a dry run
    bool is_dir;                  // made by edit_output_begin
    char flash[PATH_MAX];         // the file with the copy of the flash, for now
    struct ferry_flash_file file; // that, open for writing
    bool is_open;
};

/** Copies src's flash for editing and opens the copy, as a flash of flash_bytes. A whole flash gets
 * longer or, where the rest is erased, shorter. Returns CLI_EXIT_OK, or the exit code after
 * complaining; edit_output_drop in any case but after edit_output_keep. */
int edit_output_begin(const struct cli_call *call, struct edit_output *o,
                      const struct ferry_vdevice *src, const char *path, uint32_t flash_bytes);

/** Puts the copy in its place; a directory gets its device.json, whose running slot is `running`
 * ("" for none). Returns an exit code. */
int edit_output_keep(const struct cli_call *call, struct edit_output *o,
                     const struct ferry_vdevice *src, const char *running);

/** Removes what was made. */
void edit_output_drop(struct edit_output *o);

#endif
