/* host/write_file.h - a whole file, whole or not at all. */
#ifndef FERRY_WRITE_FILE_H
#define FERRY_WRITE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

/** Writes a file, replacing one that is there; on failure that one is as it was. What is no plain
 * file (a pipe, /dev/stdout) is written straight. os_errno gets the system's reason.
 * FERRY_ERR_FILE_OPEN, FERRY_ERR_FILE_WRITE */
FERRY_MUST_CHECK ferry_err ferry_write_file(const char *path, const uint8_t *bytes, size_t n_bytes,
                                            int *os_errno);

/** Bytes that come one piece after the other. */
struct ferry_pieces {
    /** Gives the next piece, which stays as it is until the next call; *n_bytes 0: that was all.
     * What it returns but FERRY_OK ends the writing, and is what the writer returns. */
    ferry_err (*next)(struct ferry_pieces *p, const uint8_t **bytes, size_t *n_bytes);
};

/** Bytes in memory as pieces; whole is the caller's while they are used. */
struct ferry_whole {
    struct ferry_pieces pieces; // first: a pointer to it is a pointer to the whole
    const uint8_t *bytes;
    size_t n_bytes;
};
struct ferry_pieces *ferry_pieces_of(struct ferry_whole *whole, const void *bytes, size_t n_bytes);

/** Writes to what is open already; it stays open. FERRY_ERR_FILE_WRITE, or what a piece says. */
FERRY_MUST_CHECK ferry_err ferry_write_stream(int fd, struct ferry_pieces *pieces, int *os_errno);

/** The same for a file that need not be in memory as a whole. */
FERRY_MUST_CHECK ferry_err ferry_write_pieces(const char *path, struct ferry_pieces *pieces,
                                              int *os_errno);

#endif
