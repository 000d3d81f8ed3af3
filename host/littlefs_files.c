/* host/littlefs_files.c - what ferry does with files and folders, by the library's calls. */
#include <stdio.h>
#include <string.h>

#include "littlefs_private.h"

#define CHANGED_ATTR  1 // where MicroPython keeps a file's time: 8 bytes, nanoseconds since 1970
#define CHANGED_BYTES 8u

/** A new file is written under this name in its folder and then renamed: it comes to be with its
 * whole content, and a rename in one folder is one commit. */
#define PART_NAME ".ferry-part"

static bool is_root(const char *path)
{
    return !strcmp(path, "/");
}

/** MicroPython's time of a file; 0 if there is none. */
static int read_changed(struct ferry_littlefs *fs, const char *path, uint64_t *changed_ns)
{
    uint8_t bytes[CHANGED_BYTES];
    const lfs_ssize_t n = lfs_getattr(&fs->lfs, path, CHANGED_ATTR, bytes, sizeof(bytes));
    *changed_ns = 0;
    for (size_t i = 0; n == (lfs_ssize_t)sizeof(bytes) && i < sizeof(bytes); i++)
        *changed_ns |= (uint64_t)bytes[i] << 8 * i;
    return n == LFS_ERR_NOATTR || n >= 0 ? 0 : (int)n;
}

/** Fills in all but the time. */
static void describe(const struct lfs_info *info, struct ferry_littlefs_entry *entry)
{
    snprintf(entry->name, sizeof(entry->name), "%s", info->name);
    entry->is_folder = info->type == LFS_TYPE_DIR;
    entry->size_bytes = entry->is_folder ? 0 : info->size;
    entry->changed_ns = 0;
}

ferry_err ferry_littlefs_stat(struct ferry_littlefs *fs, const char *path,
                              struct ferry_littlefs_entry *entry)
{
    struct lfs_info info;
    *entry = (struct ferry_littlefs_entry){0};
    littlefs_begin(fs);
    int result = lfs_stat(&fs->lfs, path, &info);
    if (result)
        return littlefs_result(fs, result, path);
    describe(&info, entry);
    if (!entry->is_folder)
        result = read_changed(fs, path, &entry->changed_ns);
    return littlefs_result(fs, result, path);
}

/** Adds a name to the folder's path of n bytes. */
static ferry_err join(struct ferry_littlefs *fs, char *path, size_t n, const char *name)
{
    const size_t at = n == 1 ? 0 : n; // the root ends with its slash
    const int n_all = snprintf(path + at, FERRY_LITTLEFS_PATH_BYTES - at, "/%s", name);
    if (n_all < 0 || (size_t)n_all >= FERRY_LITTLEFS_PATH_BYTES - at) {
        path[n] = '\0';
        return littlefs_fail(fs, FERRY_ERR_FS_NAME, (uint32_t)n + (uint32_t)strlen(name),
                             FERRY_LITTLEFS_PATH_BYTES - 2, path);
    }
    return FERRY_OK;
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/** Where a walk is. path is that of the folder, n its length. */
struct walk {
    struct ferry_littlefs *fs;
    char path[FERRY_LITTLEFS_PATH_BYTES];
    struct lfs_info info;
    struct ferry_littlefs_entry entry;
    bool deep;
    ferry_littlefs_visit *visit;
    void *ctx;
};

/** Visits one folder. It calls itself for those in it; a path's length bounds how deep, and what
 * is left of the walk's reads how often: damaged folders may hold each other. */
static ferry_err walk_folder(struct walk *w)
{
    struct ferry_littlefs *fs = w->fs;
    const size_t n = strlen(w->path);
    lfs_dir_t dir;
    int result = lfs_dir_open(&fs->lfs, &dir, w->path);
    if (result)
        return littlefs_result(fs, result, w->path);
    ferry_err err = FERRY_OK;
    while (!err && (result = lfs_dir_read(&fs->lfs, &dir, &w->info)) > 0) {
        if (is_dots(w->info.name))
            continue;
        const bool goes_on = fs->n_reads_left && fs->n_reads_left--;
        if (!goes_on || !*w->info.name || strchr(w->info.name, '/')) // it would name another place
            err = littlefs_fail(fs, FERRY_ERR_FS_DAMAGED, 0, 0, w->path);
        describe(&w->info, &w->entry);
        if (!err)
            err = join(fs, w->path, n, w->info.name);
        if (!err && !w->entry.is_folder)
            err = littlefs_result(fs, read_changed(fs, w->path, &w->entry.changed_ns), w->path);
        const bool is_folder = w->entry.is_folder;
        if (!err)
            err = w->visit(w->ctx, w->path, &w->entry);
        if (!err && is_folder && w->deep)
            err = walk_folder(w);
        w->path[n] = '\0';
    }
    if (!err)
        err = littlefs_result(fs, result, w->path);
    lfs_dir_close(&fs->lfs, &dir);
    return err;
}

ferry_err ferry_littlefs_walk(struct ferry_littlefs *fs, const char *path, bool deep,
                              ferry_littlefs_visit *visit, void *ctx)
{
    struct walk w = {.fs = fs, .deep = deep, .visit = visit, .ctx = ctx};
    snprintf(w.path, sizeof(w.path), "%s", path);
    littlefs_begin(fs);
    return walk_folder(&w);
}

static int open_file(struct ferry_littlefs *fs, lfs_file_t *file, const char *path, int flags,
                     struct lfs_file_config *config)
{
    config->buffer = fs->file_cache;
    littlefs_begin(fs);
    return lfs_file_opencfg(&fs->lfs, file, path, flags, config);
}

ferry_err ferry_littlefs_read(struct ferry_littlefs *fs, const char *path, uint8_t *dst,
                              uint32_t n_bytes)
{
    lfs_file_t file;
    struct lfs_file_config config = {0};
    int result = open_file(fs, &file, path, LFS_O_RDONLY, &config);
    if (result)
        return littlefs_result(fs, result, path);
    const lfs_ssize_t n = lfs_file_read(&fs->lfs, &file, dst, n_bytes);
    lfs_file_close(&fs->lfs, &file);
    result = n < 0 ? (int)n : (uint32_t)n == n_bytes ? 0 : LFS_ERR_CORRUPT;
    return littlefs_result(fs, result, path);
}

/** True if the file holds these bytes. */
static bool holds(struct ferry_littlefs *fs, const char *path, const uint8_t *src, uint32_t n_bytes)
{
    uint8_t piece[512];
    lfs_file_t file;
    struct lfs_file_config config = {0};
    if (open_file(fs, &file, path, LFS_O_RDONLY, &config))
        return false;
    bool same = lfs_file_size(&fs->lfs, &file) == (lfs_soff_t)n_bytes;
    for (uint32_t at = 0; same && at < n_bytes;) {
        const lfs_ssize_t n = lfs_file_read(&fs->lfs, &file, piece, sizeof(piece));
        same = n > 0 && (uint32_t)n <= n_bytes - at && !memcmp(piece, src + at, (size_t)n);
        at += n > 0 ? (uint32_t)n : 0;
    }
    lfs_file_close(&fs->lfs, &file);
    return same;
}

/** Writes all of a file; what was in it stays until the library's one commit at the end. */
static int write_over(struct ferry_littlefs *fs, const char *path, int flags, const uint8_t *src,
                      uint32_t n_bytes, uint64_t changed_ns)
{
    uint8_t changed[CHANGED_BYTES];
    lfs_file_t file;
    struct lfs_attr attr = {CHANGED_ATTR, changed, sizeof(changed)};
    struct lfs_file_config config = {.attrs = &attr, .attr_count = 1};
    int result = open_file(fs, &file, path, LFS_O_WRONLY | LFS_O_TRUNC | flags, &config);
    if (result)
        return result;
    for (size_t i = 0; i < sizeof(changed); i++)
        changed[i] = (uint8_t)(changed_ns >> 8 * i);
    const lfs_ssize_t n = lfs_file_write(&fs->lfs, &file, src, n_bytes);
    littlefs_begin(fs);
    // After a failed write this commits nothing.
    result = lfs_file_close(&fs->lfs, &file);
    return n < 0 ? (int)n : result;
}

/** The numbers of a file that does not fit. */
static ferry_err fail_write(struct ferry_littlefs *fs, int result, const char *path,
                            uint32_t n_bytes)
{
    struct ferry_littlefs_space space;
    const ferry_err err = littlefs_result(fs, result, path);
    if (err == FERRY_ERR_FS_NAME)
        return littlefs_fail(fs, err, (uint32_t)strlen(strrchr(path, '/') + 1), fs->lfs.name_max,
                             path);
    if (err != FERRY_ERR_FS_FULL || ferry_littlefs_space(fs, &space))
        return err;
    const uint32_t n_free = (space.n_blocks - space.n_used) * space.block_bytes;
    return littlefs_fail(fs, err, n_bytes, n_free, path);
}

/** Writes a file that is not there yet. */
static int write_new(struct ferry_littlefs *fs, const char *path, const uint8_t *src,
                     uint32_t n_bytes, uint64_t changed_ns)
{
    char part[FERRY_LITTLEFS_PATH_BYTES + sizeof(PART_NAME)];
    const size_t n_folder = (size_t)(strrchr(path, '/') + 1 - path);
    snprintf(part, sizeof(part), "%.*s" PART_NAME, (int)n_folder, path);
    const int result = write_over(fs, part, LFS_O_CREAT, src, n_bytes, changed_ns);
    littlefs_begin(fs);
    return result ? result : lfs_rename(&fs->lfs, part, path);
}

ferry_err ferry_littlefs_write(struct ferry_littlefs *fs, const char *path, const uint8_t *src,
                               uint32_t n_bytes, uint64_t changed_ns, bool *changed)
{
    struct ferry_littlefs_entry entry;
    if (n_bytes > fs->lfs.file_max)
        return littlefs_fail(fs, FERRY_ERR_FS_FILE_SIZE, n_bytes, fs->lfs.file_max, path);
    ferry_err err = ferry_littlefs_stat(fs, path, &entry);
    if (err && err != FERRY_ERR_FS_PATH)
        return err == FERRY_ERR_FS_NAME ? fail_write(fs, LFS_ERR_NAMETOOLONG, path, n_bytes) : err;
    if (!err && entry.is_folder)
        return littlefs_fail(fs, FERRY_ERR_FS_IS_FOLDER, 0, 0, path);
    *changed = err || !holds(fs, path, src, n_bytes);
    if (!*changed)
        return FERRY_OK;
    const int result = err ? write_new(fs, path, src, n_bytes, changed_ns)
                           : write_over(fs, path, 0, src, n_bytes, changed_ns);
    return result ? fail_write(fs, result, path, n_bytes) : FERRY_OK;
}

/** Keeps the first path with the name of a file half written. */
static ferry_err find_part(void *ctx, const char *path, const struct ferry_littlefs_entry *entry)
{
    if (entry->is_folder || strcmp(entry->name, PART_NAME) != 0)
        return FERRY_OK;
    memcpy(ctx, path, strlen(path) + 1);
    return FERRY_ERR_CANCELLED;
}

ferry_err littlefs_tidy(struct ferry_littlefs *fs)
{
    char path[FERRY_LITTLEFS_PATH_BYTES], last[FERRY_LITTLEFS_PATH_BYTES] = "";
    ferry_err err;
    while ((err = ferry_littlefs_walk(fs, "/", true, find_part, path)) == FERRY_ERR_CANCELLED) {
        if (!strcmp(path, last)) // damage: removed, and still there
            return littlefs_fail(fs, FERRY_ERR_FS_DAMAGED, 0, 0, path);
        memcpy(last, path, strlen(path) + 1);
        littlefs_begin(fs);
        const int result = lfs_remove(&fs->lfs, path);
        if (result)
            return littlefs_result(fs, result, path);
    }
    return err;
}

ferry_err ferry_littlefs_make_folder(struct ferry_littlefs *fs, const char *path, uint32_t *made)
{
    char part[FERRY_LITTLEFS_PATH_BYTES];
    struct ferry_littlefs_entry entry;
    *made = 0;
    for (size_t n = 1; !is_root(path) && path[n - 1]; n++) {
        n += strcspn(path + n, "/");
        snprintf(part, sizeof(part), "%.*s", (int)n, path);
        littlefs_begin(fs);
        const int result = lfs_mkdir(&fs->lfs, part);
        *made += !result;
        if (result && result != LFS_ERR_EXIST)
            return fail_write(fs, result, part, 0);
        if (result) {
            const ferry_err err = ferry_littlefs_stat(fs, part, &entry);
            if (err)
                return err;
            if (!entry.is_folder)
                return littlefs_fail(fs, FERRY_ERR_FS_EXISTS, 0, 0, part);
        }
        if (!path[n])
            break;
    }
    return FERRY_OK;
}

/** The path of the first thing in a folder; "" if there is nothing. */
static ferry_err first_in(struct ferry_littlefs *fs, const char *folder, char *path,
                          bool *is_folder)
{
    struct lfs_info info = {0};
    lfs_dir_t dir;
    *path = '\0';
    littlefs_begin(fs);
    int result = lfs_dir_open(&fs->lfs, &dir, folder);
    if (result)
        return littlefs_result(fs, result, folder);
    do
        result = lfs_dir_read(&fs->lfs, &dir, &info);
    while (result > 0 && is_dots(info.name));
    lfs_dir_close(&fs->lfs, &dir);
    if (result <= 0)
        return littlefs_result(fs, result, folder);
    *is_folder = info.type == LFS_TYPE_DIR;
    const size_t n = strlen(folder);
    memcpy(path, folder, n + 1);
    return join(fs, path, n, info.name);
}

/** The path of something in the folder, or below, that has nothing in it; "" if there is none. */
static ferry_err leaf_in(struct ferry_littlefs *fs, const char *folder, char *leaf)
{
    char next[FERRY_LITTLEFS_PATH_BYTES];
    bool is_folder = true;
    snprintf(leaf, sizeof(next), "%s", folder);
    while (is_folder) {
        const ferry_err err = first_in(fs, leaf, next, &is_folder);
        if (err)
            return err;
        if (!*next)
            break;
        memcpy(leaf, next, strlen(next) + 1);
    }
    if (!strcmp(leaf, folder))
        *leaf = '\0';
    return FERRY_OK;
}

static ferry_err remove_inside(struct ferry_littlefs *fs, const char *path, uint32_t *removed)
{
    char leaf[FERRY_LITTLEFS_PATH_BYTES], last[FERRY_LITTLEFS_PATH_BYTES] = "";
    // More entries than this there cannot be.
    for (uint32_t n_left = fs->region.size_bytes / 8; n_left; n_left--) {
        const ferry_err err = leaf_in(fs, path, leaf);
        if (err || !*leaf)
            return err;
        if (!strcmp(leaf, last)) // damage: removed, and still there
            break;
        memcpy(last, leaf, strlen(leaf) + 1);
        littlefs_begin(fs);
        const int result = lfs_remove(&fs->lfs, leaf);
        if (result)
            return littlefs_result(fs, result, leaf);
        ++*removed;
    }
    return littlefs_fail(fs, FERRY_ERR_FS_DAMAGED, 0, 0, path);
}

ferry_err ferry_littlefs_remove(struct ferry_littlefs *fs, const char *path, bool deep,
                                uint32_t *removed)
{
    struct ferry_littlefs_entry entry;
    *removed = 0;
    ferry_err err = ferry_littlefs_stat(fs, path, &entry);
    if (!err && is_root(path))
        err = littlefs_fail(fs, FERRY_ERR_FS_NAME, 0, 0, path);
    if (!err && deep && entry.is_folder)
        err = remove_inside(fs, path, removed);
    if (err)
        return err;
    littlefs_begin(fs);
    const int result = lfs_remove(&fs->lfs, path);
    *removed += !result;
    return littlefs_result(fs, result, path);
}

ferry_err ferry_littlefs_rename(struct ferry_littlefs *fs, const char *from, const char *to)
{
    struct ferry_littlefs_entry entry;
    const size_t n = strlen(from);
    ferry_err err = ferry_littlefs_stat(fs, from, &entry);
    if (err)
        return err;
    if (is_root(from) || (!strncmp(from, to, n) && (to[n] == '/' || !to[n])))
        return littlefs_fail(fs, FERRY_ERR_FS_NAME, 0, 0, to);
    err = ferry_littlefs_stat(fs, to, &entry);
    if (!err)
        return littlefs_fail(fs, FERRY_ERR_FS_EXISTS, 0, 0, to);
    if (err != FERRY_ERR_FS_PATH)
        return err;
    littlefs_begin(fs);
    const int result = lfs_rename(&fs->lfs, from, to);
    return result ? fail_write(fs, result, to, 0) : FERRY_OK;
}
