/* host/littlefs_left_out.c - host/littlefs_fs.h where the library's sources were not there. The two
 * ways in say so; what is behind them stands here for the linker and is never reached. */
#include "littlefs_fs.h"

static ferry_err left_out(struct ferry_littlefs_fault *why)
{
    *why = (struct ferry_littlefs_fault){.fault = {.err = FERRY_ERR_FS_LEFT_OUT}};
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_run(const struct ferry_region *region, bool changes,
                             ferry_littlefs_job *job, void *ctx, struct ferry_littlefs_fault *why)
{
    (void)region, (void)changes, (void)job, (void)ctx;
    return left_out(why);
}

ferry_err ferry_littlefs_format(const struct ferry_region *region, uint32_t version,
                                struct ferry_littlefs_fault *why)
{
    (void)region, (void)version;
    return left_out(why);
}

ferry_err ferry_littlefs_stat(struct ferry_littlefs *fs, const char *path,
                              struct ferry_littlefs_entry *entry)
{
    (void)fs, (void)path, (void)entry;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_walk(struct ferry_littlefs *fs, const char *path, bool deep,
                              ferry_littlefs_visit *visit, void *ctx)
{
    (void)fs, (void)path, (void)deep, (void)visit, (void)ctx;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_read(struct ferry_littlefs *fs, const char *path, uint8_t *dst,
                              uint32_t n_bytes)
{
    (void)fs, (void)path, (void)dst, (void)n_bytes;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_write(struct ferry_littlefs *fs, const char *path, const uint8_t *src,
                               uint32_t n_bytes, uint64_t changed_ns, bool *changed)
{
    (void)fs, (void)path, (void)src, (void)n_bytes, (void)changed_ns, (void)changed;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_make_folder(struct ferry_littlefs *fs, const char *path, uint32_t *made)
{
    (void)fs, (void)path, (void)made;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_remove(struct ferry_littlefs *fs, const char *path, bool deep,
                                uint32_t *removed)
{
    (void)fs, (void)path, (void)deep, (void)removed;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_rename(struct ferry_littlefs *fs, const char *from, const char *to)
{
    (void)fs, (void)from, (void)to;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_space(struct ferry_littlefs *fs, struct ferry_littlefs_space *space)
{
    (void)fs, (void)space;
    return FERRY_ERR_FS_LEFT_OUT;
}

ferry_err ferry_littlefs_grow(struct ferry_littlefs *fs, uint32_t n_blocks)
{
    (void)fs, (void)n_blocks;
    return FERRY_ERR_FS_LEFT_OUT;
}
