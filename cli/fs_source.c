/* cli/fs_source.c - reading a tree. */
#include "fs_source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "littlefs_fs.h"
#include "read_file.h"

/** Where a walk is. */
struct reading {
    const struct cli_call *call;
    struct fs_source *source;
    int root;
    uint32_t limit_bytes;
    size_t n_root; // length of the argument
    char path[2 * FERRY_LITTLEFS_PATH_BYTES];
};

static int fail_path(const struct reading *r, ferry_err err, const char *reason)
{
    return cli_fail_err(r->call->out, err,
                        &(struct ferry_about){.file = r->path, .detail = reason});
}

static int too_much(const struct reading *r, uint64_t n_bytes)
{
    const struct ferry_fault fault = {
        .err = FERRY_ERR_FS_FULL,
        .value = n_bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)n_bytes,
        .limit = r->limit_bytes,
    };
    return cli_fail(r->call->out, &fault, &(struct ferry_about){.file = r->path});
}

static struct fs_source_item *add_item(struct reading *r, bool is_folder, uint64_t changed_ns)
{
    struct fs_source *s = r->source;
    if (s->n == s->n_room) {
        const size_t n_room = s->n_room ? 2 * s->n_room : 64;
        struct fs_source_item *items = realloc(s->items, n_room * sizeof(*items));
        if (!items)
            return NULL;
        s->items = items;
        s->n_room = n_room;
    }
    const char *inside = r->path + r->n_root;
    struct fs_source_item *item = &s->items[s->n];
    *item = (struct fs_source_item){.root = r->root,
                                    .inside = strdup(inside + (*inside == '/')),
                                    .is_folder = is_folder,
                                    .changed_ns = changed_ns};
    if (!item->inside)
        return NULL;
    s->n++;
    return item;
}

static int read_one(struct reading *r, struct fs_source_item *item, const char *path)
{
    size_t n_bytes = 0;
    int os_errno = 0;
    const uint64_t n_left = r->limit_bytes - r->source->n_bytes;
    const ferry_err err = ferry_read_file(path, (size_t)n_left, &item->bytes, &n_bytes, &os_errno);
    if (err == FERRY_ERR_RANGE)
        return too_much(r, (uint64_t)r->limit_bytes + 1);
    if (err)
        return fail_path(r, err, os_errno ? strerror(os_errno) : NULL);
    item->n_bytes = (uint32_t)n_bytes;
    r->source->n_bytes += n_bytes;
    return CLI_EXIT_OK;
}

static int is_listed(const struct dirent *d)
{
    return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static int read_path(struct reading *r);

/** Reads what is in the folder, by name. It is called for folders in it; the length of a path
 * bounds how often, also where links make a circle. */
static int read_folder(struct reading *r)
{
    struct dirent **names;
    const size_t n = strlen(r->path);
    int exit_code = CLI_EXIT_OK;
    const int n_names = scandir(r->path, &names, is_listed, alphasort);
    if (n_names < 0)
        return fail_path(r, FERRY_ERR_FILE_READ, strerror(errno));
    for (int i = 0; i < n_names; i++) {
        const int len = snprintf(r->path + n, sizeof(r->path) - n, "%s%s",
                                 r->path[n - 1] == '/' ? "" : "/", names[i]->d_name);
        if (!exit_code && (len < 0 || (size_t)len >= sizeof(r->path) - n ||
                           strlen(r->path + r->n_root) >= FERRY_LITTLEFS_PATH_BYTES))
            exit_code = fail_path(r, FERRY_ERR_FILE_READ, "the path is too long");
        if (!exit_code)
            exit_code = read_path(r);
        r->path[n] = '\0';
        free(names[i]);
    }
    free(names);
    return exit_code;
}

static int read_path(struct reading *r)
{
    struct stat st;
    if (stat(r->path, &st))
        return fail_path(r, FERRY_ERR_FILE_OPEN, strerror(errno));
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
        return fail_path(r, FERRY_ERR_FILE_OPEN, "it is neither a file nor a folder");
    const bool is_folder = S_ISDIR(st.st_mode);
    const uint64_t ns = st.st_mtim.tv_sec > 0 ? (uint64_t)st.st_mtim.tv_sec * 1000000000u +
                                                    (uint64_t)st.st_mtim.tv_nsec
                                              : 0;
    struct fs_source_item *item = add_item(r, is_folder, ns);
    if (!item)
        return cli_fail_err(r->call->out, FERRY_ERR_NO_MEMORY, NULL);
    if (!is_folder && (uint64_t)st.st_size > r->limit_bytes - r->source->n_bytes)
        return too_much(r, r->source->n_bytes + (uint64_t)st.st_size);
    return is_folder ? read_folder(r) : read_one(r, item, r->path);
}

int fs_source_add(const struct cli_call *call, struct fs_source *s, int root, uint32_t limit_bytes)
{
    struct reading r = {.call = call, .source = s, .root = root, .limit_bytes = limit_bytes};
    const char *path = call->args[root];
    const int n = snprintf(r.path, sizeof(r.path), "%s", path);
    if (n <= 0 || (size_t)n >= FERRY_LITTLEFS_PATH_BYTES)
        return cli_usage(call, "'%.100s' is not the path of a file", path);
    r.n_root = (size_t)n;
    if (strcmp(path, "-") != 0)
        return read_path(&r);
    struct fs_source_item *item = add_item(&r, false, 0);
    if (!item)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    return read_one(&r, item, "/dev/stdin");
}

void fs_source_free(struct fs_source *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].inside);
        free(s->items[i].bytes);
    }
    free(s->items);
    *s = (struct fs_source){0};
}
