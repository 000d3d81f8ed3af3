/* ports/posix/source_file.h - the source that reads a file, a pipe or standard input. */
#ifndef FERRY_SOURCE_FILE_H
#define FERRY_SOURCE_FILE_H

#include "agent/source.h"

struct ferry_source_file {
    struct ferry_source source; // first: a pointer to it is a pointer to the whole
    const char *path;
    int fd; // -1: not open
    // The first bytes of a pipe, for ferry_source_rewind; freed once they are no use any more.
    uint8_t *kept;
    uint32_t n_kept;
    bool is_rewound;
};

/** Makes a source of the file at path, which is kept; "-" is standard input. Opens nothing.
 * Opening and reading then fail with
 * FERRY_ERR_FILE_OPEN  missing, a folder, no permission ...; fault: errno
 * FERRY_ERR_FILE_READ  fault: errno; also a pipe that is to be opened in the middle
 * FERRY_ERR_NO_MEMORY  for keep_bytes of a pipe
 * FERRY_ERR_RANGE      offset behind the end; or a file of 4 GiB and more
 * each with the system's reason as detail. */
void ferry_source_file_init(struct ferry_source_file *f, const char *path,
                            const struct ferry_cancel *cancel);

#endif
