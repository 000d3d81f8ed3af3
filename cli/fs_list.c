/* cli/fs_list.c - a list that grows. */
#include "fs_list.h"

#include <stdlib.h>
#include <string.h>

ferry_err fs_list_add(void *ctx, const char *path, const struct ferry_littlefs_entry *entry)
{
    struct fs_list *list = ctx;
    if (list->n == list->n_room) {
        const size_t n_room = list->n_room ? 2 * list->n_room : 64;
        struct fs_found *found = realloc(list->found, n_room * sizeof(*found));
        if (!found)
            return FERRY_ERR_NO_MEMORY;
        list->found = found;
        list->n_room = n_room;
    }
    struct fs_found *f = &list->found[list->n];
    *f = (struct fs_found){strdup(path), entry->is_folder, entry->size_bytes, entry->changed_ns};
    if (!f->path)
        return FERRY_ERR_NO_MEMORY;
    list->n++;
    return FERRY_OK;
}

void fs_list_free(struct fs_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->found[i].path);
    free(list->found);
    *list = (struct fs_list){0};
}
