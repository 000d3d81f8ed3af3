/* host/littlefs_private.h - a mounted file system, shared by littlefs_fs.c and littlefs_files.c. */
#ifndef FERRY_LITTLEFS_PRIVATE_H
#define FERRY_LITTLEFS_PRIVATE_H

#include <lfs.h>
#include <setjmp.h>

#include "littlefs_fs.h"

#define LITTLEFS_BLOCK_MAX 65536u

struct ferry_littlefs {
    lfs_t lfs;
    struct lfs_config config;
    struct ferry_region region;
    struct ferry_littlefs_fault *why;
    ferry_err flash_err;   // of the last access that failed
    uint64_t n_reads_left; // of the call that is under way: a damaged chain may have no end
    jmp_buf damaged;       // where an assertion of the library leads
    uint8_t *lookahead;    // the library's three buffers, and one for a file; in one piece
    uint8_t *file_cache;
};

/** Called first by everything that calls the library: gives it its reads. */
void littlefs_begin(struct ferry_littlefs *fs);

/** Turns a result of the library into ferry's error; path, which may be NULL, is noted. */
ferry_err littlefs_result(struct ferry_littlefs *fs, int result, const char *path);

/** Notes an error with its numbers and returns it. */
ferry_err littlefs_fail(struct ferry_littlefs *fs, ferry_err err, uint32_t value, uint32_t limit,
                        const char *path);

/** Removes files that a cut has left half written. */
ferry_err littlefs_tidy(struct ferry_littlefs *fs);

#endif
