/* host/read_file.h - a whole file into memory, with a bound. */
#ifndef FERRY_READ_FILE_H
#define FERRY_READ_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

/** Reads a file of at most max_bytes. *bytes is the caller's to free, never NULL on success.
 * os_errno gets the system's reason, 0 if there is none.
 * FERRY_ERR_FILE_OPEN, FERRY_ERR_FILE_READ, FERRY_ERR_NO_MEMORY
 * FERRY_ERR_RANGE  longer than max_bytes */
FERRY_MUST_CHECK ferry_err ferry_read_file(const char *path, size_t max_bytes, uint8_t **bytes,
                                           size_t *n_bytes, int *os_errno);

#endif
