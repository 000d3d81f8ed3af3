/* cli/fs_source.h - files and folders of this machine, read whole for `ferry fs put`: nothing is
 * asked of them any more once the file system is being changed. */
#ifndef CLI_FS_SOURCE_H
#define CLI_FS_SOURCE_H

#include "command.h"

/** One file or folder. */
struct fs_source_item {
    int root;     // the argument that it belongs to
    char *inside; // its path below that; "" is the argument itself
    bool is_folder;
    uint8_t *bytes; // of a file
    uint32_t n_bytes;
    uint64_t changed_ns; // since 1970
};

/** {0} is empty. In the order of a walk, a folder before what is in it. */
struct fs_source {
    struct fs_source_item *items; // owned
    size_t n, n_room;
    uint64_t n_bytes; // of all files
};

/** Adds call->args[root] and, if it is a folder, all in it, links followed; "-" is standard input.
 * limit_bytes: more than that in all is refused, there is no room for it on the device. Returns
 * CLI_EXIT_OK, or the exit code after complaining. */
int fs_source_add(const struct cli_call *call, struct fs_source *s, int root, uint32_t limit_bytes);

void fs_source_free(struct fs_source *s);

#endif
