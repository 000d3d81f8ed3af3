/* host/littlefs_fs.h - files and folders of a littlefs, in a region of a flash.
 * `ferry fs` is who comes in. The file system itself is the littlefs library's
 * (docs/dependencies.md); here are its block device over a flash, the parameters that a MicroPython
 * on the chip can live with, and errors in ferry's numbers. Built without the library,
 * ferry_littlefs_run and ferry_littlefs_format say so and nothing else is ever called. What it is
 * like: docs/fs.md. */
#ifndef FERRY_LITTLEFS_FS_H
#define FERRY_LITTLEFS_FS_H

#include <stdbool.h>

#include "ferry/flash.h"

#define FERRY_LITTLEFS_NAME_BYTES 1023u // of one file or folder, its NUL included
#define FERRY_LITTLEFS_PATH_BYTES 2048u // of a whole path

#define FERRY_LITTLEFS_V2_0       0x20000u // what every littlefs 2 reads
#define FERRY_LITTLEFS_V2_1       0x20001u // not those before 2.6, as in MicroPython before 1.21

/** A mounted file system; exists during ferry_littlefs_run. Paths are absolute and plain, as
 * ferry_littlefs_path makes them. */
struct ferry_littlefs;

/** Why something failed, and at which path; path "": at none. */
struct ferry_littlefs_fault {
    struct ferry_fault fault;
    char path[FERRY_LITTLEFS_PATH_BYTES];
};

/** What to do with a file system. May be called twice for one change (see littlefs_overlay.h), and
 * may be left in the middle of any call below if the file system turns out to be damaged: what it
 * allocates belongs into ctx. */
typedef ferry_err ferry_littlefs_job(struct ferry_littlefs *fs, void *ctx);

/** Mounts what is in the region, does the job, and syncs. why is set by every failure but the
 * job's own. Mounting undoes a change that was cut, so it may write, also for a job that only
 * reads: that one gets an overlay. changes: files half written when the power went are removed too.
 * FERRY_ERR_FS_NONE, FERRY_ERR_FS_VERSION, FERRY_ERR_FS_DAMAGED, flash errors
 * FERRY_ERR_FS_SIZE  it is larger than the region; fault: both sizes
 * FERRY_ERR_FS_LEFT_OUT */
FERRY_MUST_CHECK ferry_err ferry_littlefs_run(const struct ferry_region *region, bool changes,
                                              ferry_littlefs_job *job, void *ctx,
                                              struct ferry_littlefs_fault *why);

/** Makes an empty file system as large as the region, whatever was there; version is one of
 * FERRY_LITTLEFS_V2_0 and _V2_1. FERRY_ERR_FS_SIZE the region has fewer than two sectors; flash
 * errors; FERRY_ERR_FS_LEFT_OUT. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_format(const struct ferry_region *region,
                                                 uint32_t version,
                                                 struct ferry_littlefs_fault *why);

/** Makes an absolute path of `text`: "lib/./a//b" is "/lib/a/b"; empty is "/".
 * FERRY_ERR_FS_NAME it is longer than a path can be, or leads out of the file system. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_path(const char *text,
                                               char path[FERRY_LITTLEFS_PATH_BYTES]);

struct ferry_littlefs_entry {
    char name[FERRY_LITTLEFS_NAME_BYTES]; // as it lies on flash: any bytes but NUL and '/'
    bool is_folder;
    uint32_t size_bytes; // of a file
    uint64_t changed_ns; // since 1970, as MicroPython stores it; 0: not stored
};

/** Called for each entry, with its whole path; not FERRY_OK ends the walk with that error. */
typedef ferry_err ferry_littlefs_visit(void *ctx, const char *path,
                                       const struct ferry_littlefs_entry *entry);

/** FERRY_ERR_FS_PATH there is no such thing; FERRY_ERR_FS_NOT_FOLDER on the way to it is a file. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_stat(struct ferry_littlefs *fs, const char *path,
                                               struct ferry_littlefs_entry *entry);

/** Visits what is in a folder in the order of names, with deep all that is below it, a folder
 * before its content. FERRY_ERR_FS_NOT_FOLDER and as stat. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_walk(struct ferry_littlefs *fs, const char *path,
                                               bool deep, ferry_littlefs_visit *visit, void *ctx);

/** Reads the first n_bytes of a file, all or nothing. FERRY_ERR_FS_IS_FOLDER and as stat. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_read(struct ferry_littlefs *fs, const char *path,
                                               uint8_t *dst, uint32_t n_bytes);

/** Writes a file whole: at any cut of the power it has its old content (or is not there), or the
 * new. Nothing is written if the content is there already; *changed says so. The folder must exist.
 * FERRY_ERR_FS_FULL, FERRY_ERR_FS_FILE_SIZE, FERRY_ERR_FS_NAME, FERRY_ERR_FS_IS_FOLDER, as stat. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_write(struct ferry_littlefs *fs, const char *path,
                                                const uint8_t *src, uint32_t n_bytes,
                                                uint64_t changed_ns, bool *changed);

/** Makes a folder, and those above it that are missing; *made: how many.
 * FERRY_ERR_FS_EXISTS a file is there; else as write. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_make_folder(struct ferry_littlefs *fs, const char *path,
                                                      uint32_t *made);

/** Removes a file or an empty folder; with deep all that is in it before. *removed: how many.
 * FERRY_ERR_FS_NOT_EMPTY; as stat. The root cannot be removed: FERRY_ERR_FS_NAME. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_remove(struct ferry_littlefs *fs, const char *path,
                                                 bool deep, uint32_t *removed);

/** Renames or moves in one step; never over something that is there: FERRY_ERR_FS_EXISTS.
 * FERRY_ERR_FS_NAME into itself, or the root; as stat and write. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_rename(struct ferry_littlefs *fs, const char *from,
                                                 const char *to);

struct ferry_littlefs_space {
    uint32_t version; // 0x20001 is 2.1
    uint32_t block_bytes, n_blocks, n_used;
    uint32_t name_max_bytes, file_max_bytes;
};

FERRY_MUST_CHECK ferry_err ferry_littlefs_space(struct ferry_littlefs *fs,
                                                struct ferry_littlefs_space *space);

/** Makes the file system n_blocks large; what is in it stays. FERRY_ERR_FS_SIZE fewer than now, or
 * more than the region has; fault: sizes in bytes. */
FERRY_MUST_CHECK ferry_err ferry_littlefs_grow(struct ferry_littlefs *fs, uint32_t n_blocks);

#endif
