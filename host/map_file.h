/* host/map_file.h - a file as memory, without reading it: pages come in as they are looked at.
 * For who needs a file as one piece of memory. Like every mapping it shows what others write
 * meanwhile, and ends the program if they cut the file short. */
#ifndef FERRY_MAP_FILE_H
#define FERRY_MAP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

struct ferry_mapped_file {
    const uint8_t *bytes; // never NULL once open
    size_t n_bytes;
    bool is_read; // a pipe or its like: memory of our own
    int fd;       // of a file that is mapped
};

/** Opens a file of at most max_bytes. os_errno gets the system's reason, 0 if there is none.
 * FERRY_ERR_FILE_OPEN, FERRY_ERR_FILE_READ, FERRY_ERR_NO_MEMORY
 * FERRY_ERR_RANGE  longer than max_bytes */
FERRY_MUST_CHECK ferry_err ferry_map_file(const char *path, size_t max_bytes,
                                          struct ferry_mapped_file *file, int *os_errno);

/** Copies n bytes from off on, which lie in the file. To look at a mapped byte may bring a megabyte
 * around it into the process's memory; this brings none, for who walks through a file or only looks
 * at its head. FERRY_ERR_FILE_READ also if somebody has cut the file short. */
FERRY_MUST_CHECK ferry_err ferry_map_read(const struct ferry_mapped_file *file, size_t off,
                                          void *dst, size_t n);

/** Gives it back; does nothing to a struct of zeros. */
void ferry_unmap_file(struct ferry_mapped_file *file);

#endif
