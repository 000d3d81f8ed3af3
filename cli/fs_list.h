/* cli/fs_list.h - what a walk through a file system has found. */
#ifndef CLI_FS_LIST_H
#define CLI_FS_LIST_H

#include <stddef.h>

#include "littlefs_fs.h"

struct fs_found {
    char *path; // whole
    bool is_folder;
    uint32_t size_bytes;
    uint64_t changed_ns; // 0: unknown
};

/** {0} is empty. */
struct fs_list {
    struct fs_found *found; // owned
    size_t n, n_room;
};

/** Adds one; FERRY_ERR_NO_MEMORY. Also what ferry_littlefs_walk calls: ctx is the list. */
FERRY_MUST_CHECK ferry_err fs_list_add(void *ctx, const char *path,
                                       const struct ferry_littlefs_entry *entry);

void fs_list_free(struct fs_list *list);

#endif
