/* host/read_file.c - a whole file into memory. */
#include "read_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define FIRST_BYTES 65536u

/* Grows as the file comes: what fstat says is nothing for pipes and may change meanwhile. */
static ferry_err read_all(int fd, size_t max_bytes, uint8_t **bytes, size_t *n_bytes)
{
    size_t room = 0;
    for (;;) {
        if (*n_bytes == room) {
            room = room ? 2 * room : FIRST_BYTES;
            room = room < max_bytes ? room : max_bytes + 1;
            uint8_t *grown = realloc(*bytes, room);
            if (!grown)
                return FERRY_ERR_NO_MEMORY;
            *bytes = grown;
        }
        const ssize_t n = read(fd, *bytes + *n_bytes, room - *n_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return FERRY_ERR_FILE_READ;
        if (n == 0)
            return FERRY_OK;
        *n_bytes += (size_t)n;
        if (*n_bytes > max_bytes)
            return FERRY_ERR_RANGE;
    }
}

ferry_err ferry_read_file(const char *path, size_t max_bytes, uint8_t **bytes, size_t *n_bytes,
                          int *os_errno)
{
    uint8_t *got = NULL;
    size_t n_got = 0;
    *os_errno = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    ferry_err err = fd < 0 ? FERRY_ERR_FILE_OPEN : read_all(fd, max_bytes, &got, &n_got);
    if (err == FERRY_ERR_FILE_OPEN || err == FERRY_ERR_FILE_READ)
        *os_errno = errno;
    if (fd >= 0)
        close(fd);
    if (err) {
        free(got);
        return err;
    }
    *bytes = got;
    *n_bytes = n_got;
    return FERRY_OK;
}
