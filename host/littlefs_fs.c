/* host/littlefs_fs.c - the library's block device over a region, mounting, making and growing. */
#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"
#include "littlefs_kind.h"
#include "littlefs_private.h"

/* What MicroPython mounts with. Its caches have 128 bytes, and a file that lies in its folder's
 * metadata must fit into one: a longer one would be cut off on the chip. */
#define UNIT_BYTES   32u
#define INLINE_BYTES 128u
#define BLOCK_CYCLES 100

#define SECTOR_BYTES 4096u
#define CACHE_BYTES  4096u
#define NAME_MAX_NEW 255u
#define READS_MAX    8000000u // of one call; a folder of thousands of files needs far fewer

/** The file system that is at work; an assertion knows no other way to it. */
static struct ferry_littlefs *at_work;

void ferry_littlefs_broken(void)
{
    longjmp(at_work->damaged, 1);
}

static int device_result(struct ferry_littlefs *fs, ferry_err err)
{
    if (!err)
        return 0;
    fs->flash_err = err;
    return LFS_ERR_IO;
}

static int device_read(const struct lfs_config *c, lfs_block_t block, lfs_off_t off, void *dst,
                       lfs_size_t n_bytes)
{
    struct ferry_littlefs *fs = c->context;
    const uint64_t at = (uint64_t)block * c->block_size + off;
    // A block outside is damage like any other; the library has no error of its own for it.
    if (at > UINT32_MAX || !ferry_range_fits((uint32_t)at, n_bytes, fs->region.size_bytes) ||
        !fs->n_reads_left)
        return LFS_ERR_CORRUPT;
    fs->n_reads_left--;
    return device_result(fs, ferry_region_read(&fs->region, (uint32_t)at, dst, n_bytes));
}

static int device_prog(const struct lfs_config *c, lfs_block_t block, lfs_off_t off,
                       const void *src, lfs_size_t n_bytes)
{
    struct ferry_littlefs *fs = c->context;
    const uint64_t at = (uint64_t)block * c->block_size + off;
    if (at > UINT32_MAX)
        return device_result(fs, FERRY_ERR_FLASH_RANGE);
    return device_result(fs, ferry_region_prog(&fs->region, (uint32_t)at, src, n_bytes));
}

static int device_erase(const struct lfs_config *c, lfs_block_t block)
{
    struct ferry_littlefs *fs = c->context;
    const uint64_t at = (uint64_t)block * c->block_size;
    if (at > UINT32_MAX)
        return device_result(fs, FERRY_ERR_FLASH_RANGE);
    return device_result(fs, ferry_region_erase(&fs->region, (uint32_t)at, c->block_size, false));
}

static int device_sync(const struct lfs_config *c)
{
    struct ferry_littlefs *fs = c->context;
    return device_result(fs, ferry_region_sync(&fs->region));
}

void littlefs_begin(struct ferry_littlefs *fs)
{
    // The library looks for lost folders by comparing each with each, and a walk for each file once
    // more from the root.
    const uint64_t n = fs->region.size_bytes / SECTOR_BYTES;
    fs->n_reads_left = 4096 + 256 * n * n;
    if (fs->n_reads_left > READS_MAX)
        fs->n_reads_left = READS_MAX;
    fs->flash_err = FERRY_OK;
}

ferry_err littlefs_fail(struct ferry_littlefs *fs, ferry_err err, uint32_t value, uint32_t limit,
                        const char *path)
{
    const size_t n = path ? strnlen(path, sizeof(fs->why->path) - 1) : 0;
    fs->why->fault = (struct ferry_fault){.err = err, .value = value, .limit = limit};
    if (n)
        memcpy(fs->why->path, path, n);
    fs->why->path[n] = '\0';
    return err;
}

ferry_err littlefs_result(struct ferry_littlefs *fs, int result, const char *path)
{
    static const struct {
        int result;
        ferry_err err;
    } known[] = {
        {LFS_ERR_CORRUPT, FERRY_ERR_FS_DAMAGED}, {LFS_ERR_NOENT, FERRY_ERR_FS_PATH},
        {LFS_ERR_EXIST, FERRY_ERR_FS_EXISTS},    {LFS_ERR_NOTDIR, FERRY_ERR_FS_NOT_FOLDER},
        {LFS_ERR_ISDIR, FERRY_ERR_FS_IS_FOLDER}, {LFS_ERR_NOTEMPTY, FERRY_ERR_FS_NOT_EMPTY},
        {LFS_ERR_FBIG, FERRY_ERR_FS_FILE_SIZE},  {LFS_ERR_NOSPC, FERRY_ERR_FS_FULL},
        {LFS_ERR_NOMEM, FERRY_ERR_NO_MEMORY},    {LFS_ERR_NAMETOOLONG, FERRY_ERR_FS_NAME},
        {LFS_ERR_INVAL, FERRY_ERR_FS_NAME},
    };
    ferry_err err = fs->flash_err ? fs->flash_err : FERRY_ERR_FS_DAMAGED;
    if (result >= 0)
        return FERRY_OK;
    for (size_t i = 0; !fs->flash_err && i < sizeof(known) / sizeof(known[0]); i++)
        if (known[i].result == result)
            err = known[i].err;
    return littlefs_fail(fs, err, 0, 0, path);
}

/** Allocates the buffers and fills in all of the configuration that does not depend on what is on
 * flash. */
static ferry_err set_up(struct ferry_littlefs *fs, const struct ferry_region *region,
                        struct ferry_littlefs_fault *why)
{
    const uint32_t n_blocks = region->size_bytes / SECTOR_BYTES;
    const uint32_t n_lookahead =
        (n_blocks / 64 + 1) * 8; // a bit for each block: one scan is enough
    *fs = (struct ferry_littlefs){.region = *region, .why = why};
    fs->lookahead = malloc(n_lookahead + 3 * CACHE_BYTES);
    if (!fs->lookahead)
        return littlefs_fail(fs, FERRY_ERR_NO_MEMORY, 0, 0, NULL);
    uint8_t *caches = fs->lookahead + n_lookahead;
    fs->file_cache = caches + 2 * (size_t)CACHE_BYTES;
    fs->config = (struct lfs_config){
        .context = fs,
        .read = device_read,
        .prog = device_prog,
        .erase = device_erase,
        .sync = device_sync,
        .read_size = UNIT_BYTES,
        .prog_size = UNIT_BYTES,
        .block_size = SECTOR_BYTES,
        .block_cycles = BLOCK_CYCLES,
        .cache_size = CACHE_BYTES,
        .lookahead_size = n_lookahead,
        .read_buffer = caches,
        .prog_buffer = caches + CACHE_BYTES,
        .lookahead_buffer = fs->lookahead,
        .inline_max = INLINE_BYTES,
    };
    littlefs_begin(fs);
    return FERRY_OK;
}

static void tear_down(struct ferry_littlefs *fs)
{
    free(fs->lookahead);
    fs->lookahead = NULL;
}

/** FERRY_ERR_FS_NONE, or what is wrong with the littlefs that is there. */
static ferry_err why_no_mount(struct ferry_littlefs *fs, int result)
{
    enum ferry_fs_kind kind;
    uint32_t claimed_bytes;
    ferry_err err = fs->flash_err;
    if (!err)
        err = ferry_fs_kind(&fs->region, &kind, &claimed_bytes);
    if (err)
        return littlefs_fail(fs, err, 0, 0, NULL);
    if (kind != FERRY_FS_LITTLEFS)
        return littlefs_fail(fs, FERRY_ERR_FS_NONE, 0, 0, NULL);
    if (result == LFS_ERR_INVAL && claimed_bytes > fs->region.size_bytes)
        return littlefs_fail(fs, FERRY_ERR_FS_SIZE, claimed_bytes, fs->region.size_bytes, NULL);
    return littlefs_fail(fs, result == LFS_ERR_INVAL ? FERRY_ERR_FS_VERSION : FERRY_ERR_FS_DAMAGED,
                         0, 0, NULL);
}

/** Mounts with whatever number of blocks it was made with. The library would take that number from
 * flash if it were not given, but divides by it unseen; so it is guessed, the likeliest first. */
static int mount_count(struct ferry_littlefs *fs)
{
    int result = LFS_ERR_INVAL;
    const uint32_t n_most = fs->region.size_bytes / fs->config.block_size;
    for (uint32_t n = n_most; result == LFS_ERR_INVAL && n >= 2; n--) {
        fs->config.block_count = n;
        littlefs_begin(fs);
        result = lfs_mount(&fs->lfs, &fs->config);
    }
    return result;
}

/** The same with whatever size of block. */
static int mount_any(struct ferry_littlefs *fs)
{
    int result = mount_count(fs);
    const int first = result;
    for (uint32_t block = 2 * SECTOR_BYTES;
         (result == LFS_ERR_INVAL || result == LFS_ERR_CORRUPT) && block <= LITTLEFS_BLOCK_MAX;
         block *= 2) {
        fs->config.block_size = block;
        result = mount_count(fs);
    }
    return result ? first : 0;
}

static ferry_err mount(struct ferry_littlefs *fs)
{
    struct lfs_fsinfo info;
    int result = mount_any(fs);
    if (result)
        return why_no_mount(fs, result);
    littlefs_begin(fs);
    result = lfs_fs_stat(&fs->lfs, &info);
    // Written by a later version, it would be of that version, and lost to the firmware it is for.
    if (!result && info.disk_version != LFS_DISK_VERSION) {
        fs->config.disk_version = info.disk_version;
        lfs_unmount(&fs->lfs);
        result = lfs_mount(&fs->lfs, &fs->config);
    }
    return littlefs_result(fs, result, NULL);
}

static ferry_err work(struct ferry_littlefs *fs, bool changes, ferry_littlefs_job *job, void *ctx)
{
    if (setjmp(fs->damaged))
        return littlefs_fail(fs, FERRY_ERR_FS_DAMAGED, 0, 0, NULL);
    ferry_err err = mount(fs);
    littlefs_begin(fs);
    // A move between folders that was cut hides its neighbour from who reads before it is undone.
    if (!err)
        err = littlefs_result(fs, lfs_fs_mkconsistent(&fs->lfs), NULL);
    if (!err && changes)
        err = littlefs_tidy(fs);
    if (!err)
        err = job(fs, ctx);
    if (!err && changes) {
        err = ferry_region_sync(&fs->region);
        if (err)
            littlefs_fail(fs, err, 0, 0, NULL);
    }
    return err;
}

ferry_err ferry_littlefs_run(const struct ferry_region *region, bool changes,
                             ferry_littlefs_job *job, void *ctx, struct ferry_littlefs_fault *why)
{
    static struct ferry_littlefs fs; // static: setjmp may come back to it
    ferry_err err = set_up(&fs, region, why);
    if (err)
        return err;
    at_work = &fs;
    err = work(&fs, changes, job, ctx);
    at_work = NULL;
    tear_down(&fs);
    return err;
}

static ferry_err format(struct ferry_littlefs *fs, uint32_t version)
{
    const uint32_t n_bytes = fs->region.size_bytes / SECTOR_BYTES * SECTOR_BYTES;
    if (setjmp(fs->damaged))
        return littlefs_fail(fs, FERRY_ERR_FS_DAMAGED, 0, 0, NULL);
    const ferry_err err = ferry_region_erase(&fs->region, 0, n_bytes, true);
    if (err)
        return littlefs_fail(fs, err, 0, 0, NULL);
    fs->config.block_count = n_bytes / SECTOR_BYTES;
    fs->config.disk_version = version;
    fs->config.name_max = NAME_MAX_NEW;
    return littlefs_result(fs, lfs_format(&fs->lfs, &fs->config), NULL);
}

ferry_err ferry_littlefs_format(const struct ferry_region *region, uint32_t version,
                                struct ferry_littlefs_fault *why)
{
    static struct ferry_littlefs fs;
    ferry_err err = set_up(&fs, region, why);
    if (!err && region->size_bytes < 2 * SECTOR_BYTES)
        err = littlefs_fail(&fs, FERRY_ERR_FS_SIZE, 2 * SECTOR_BYTES, region->size_bytes, NULL);
    at_work = &fs;
    if (!err)
        err = format(&fs, version);
    if (!err)
        err = ferry_region_sync(region);
    at_work = NULL;
    tear_down(&fs);
    return err;
}

ferry_err ferry_littlefs_space(struct ferry_littlefs *fs, struct ferry_littlefs_space *space)
{
    struct lfs_fsinfo info;
    littlefs_begin(fs);
    const lfs_ssize_t n_used = lfs_fs_size(&fs->lfs);
    const int result = n_used < 0 ? (int)n_used : lfs_fs_stat(&fs->lfs, &info);
    if (result < 0)
        return littlefs_result(fs, result, NULL);
    *space = (struct ferry_littlefs_space){
        .version = info.disk_version,
        .block_bytes = info.block_size,
        .n_blocks = info.block_count,
        // Blocks of a damaged one may be counted more than once.
        .n_used = (uint32_t)n_used < info.block_count ? (uint32_t)n_used : info.block_count,
        .name_max_bytes = info.name_max,
        .file_max_bytes = info.file_max,
    };
    return FERRY_OK;
}

ferry_err ferry_littlefs_grow(struct ferry_littlefs *fs, uint32_t n_blocks)
{
    const uint32_t block = fs->config.block_size;
    const uint32_t n_most = fs->region.size_bytes / block;
    if (n_blocks < fs->lfs.block_count || n_blocks > n_most)
        return littlefs_fail(fs, FERRY_ERR_FS_SIZE, fs->lfs.block_count * block, n_blocks * block,
                             NULL);
    littlefs_begin(fs);
    return littlefs_result(fs, lfs_fs_grow(&fs->lfs, n_blocks), NULL);
}
