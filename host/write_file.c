/* host/write_file.c - through a temporary file beside the real one, which rename puts in its place.
 */
#include "write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, const uint8_t *bytes, size_t n_bytes)
{
    while (n_bytes) {
        const ssize_t n = write(fd, bytes, n_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

static ferry_err write_each(int fd, struct ferry_pieces *pieces)
{
    for (;;) {
        const uint8_t *bytes;
        size_t n_bytes;
        errno = 0; // what a piece fails with need not be the system's
        const ferry_err err = pieces->next(pieces, &bytes, &n_bytes);
        if (err || !n_bytes)
            return err;
        if (!write_all(fd, bytes, n_bytes))
            return FERRY_ERR_FILE_WRITE;
    }
}

ferry_err ferry_write_stream(int fd, struct ferry_pieces *pieces, int *os_errno)
{
    const ferry_err err = write_each(fd, pieces);
    *os_errno = errno;
    return err;
}

/* Takes fd over. */
static ferry_err write_and_close(int fd, struct ferry_pieces *pieces, int *os_errno)
{
    const ferry_err err = ferry_write_stream(fd, pieces, os_errno);
    if (close(fd) == 0 || err)
        return err;
    *os_errno = errno;
    return FERRY_ERR_FILE_WRITE;
}

/* What a new file of the user's would have. */
static mode_t plain_mode(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

ferry_err ferry_write_pieces(const char *path, struct ferry_pieces *pieces, int *os_errno)
{
    struct stat st;
    char temporary[PATH_MAX];
    const bool exists = lstat(path, &st) == 0;
    *os_errno = ENAMETOOLONG;
    // A device or pipe is written to, and what a link leads to: /dev/stdout is one, and a file put
    // in its place would be the end of it for everybody.
    if (exists && !S_ISREG(st.st_mode)) {
        const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        *os_errno = errno;
        return fd < 0 ? FERRY_ERR_FILE_OPEN : write_and_close(fd, pieces, os_errno);
    }
    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return FERRY_ERR_FILE_OPEN;
    const int fd = mkostemp(temporary, O_CLOEXEC);
    *os_errno = errno;
    if (fd < 0)
        return FERRY_ERR_FILE_OPEN;
    const bool moded = fchmod(fd, exists ? st.st_mode & 07777 : plain_mode()) == 0;
    ferry_err err = write_and_close(fd, pieces, os_errno);
    if (!err && (!moded || rename(temporary, path) != 0)) {
        *os_errno = errno;
        err = FERRY_ERR_FILE_WRITE;
    }
    if (err)
        unlink(temporary);
    return err;
}

static ferry_err next_whole(struct ferry_pieces *p, const uint8_t **bytes, size_t *n_bytes)
{
    struct ferry_whole *w = (struct ferry_whole *)(void *)p;
    *bytes = w->bytes;
    *n_bytes = w->n_bytes;
    w->n_bytes = 0;
    return FERRY_OK;
}

struct ferry_pieces *ferry_pieces_of(struct ferry_whole *whole, const void *bytes, size_t n_bytes)
{
    *whole = (struct ferry_whole){{next_whole}, bytes, n_bytes};
    return &whole->pieces;
}

ferry_err ferry_write_file(const char *path, const uint8_t *bytes, size_t n_bytes, int *os_errno)
{
    struct ferry_whole whole;
    return ferry_write_pieces(path, ferry_pieces_of(&whole, bytes, n_bytes), os_errno);
}
