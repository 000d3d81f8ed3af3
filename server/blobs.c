/* server/blobs.c - written by state_file.c, which knows how; see blobs.h. */
#include "blobs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hex.h"
#include "state_file.h"

#define NAME_CHARS 64u

bool blobs_has(int blobs_fd, const char *sha256)
{
    struct stat st;
    return hex_is(sha256, NAME_CHARS) && fstatat(blobs_fd, sha256, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(st.st_mode);
}

int blobs_open(int blobs_fd, const char *sha256, uint64_t *n_bytes)
{
    struct stat st;
    if (!hex_is(sha256, NAME_CHARS)) {
        errno = ENOENT;
        return -1;
    }
    const int fd = openat(blobs_fd, sha256, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        *n_bytes = (uint64_t)st.st_size;
        return fd;
    }
    close(fd);
    errno = ENOENT;
    return -1;
}

bool blobs_put(int blobs_fd, const char *sha256, const void *bytes, size_t n)
{
    uint64_t there;
    const int fd = blobs_open(blobs_fd, sha256, &there);
    if (fd >= 0)
        close(fd);
    if (fd >= 0 && there == n)
        return true;
    if (!hex_is(sha256, NAME_CHARS)) {
        errno = EINVAL;
        return false;
    }
    return state_file_write(blobs_fd, sha256, bytes, n);
}

bool blobs_adopt(int blobs_fd, const char *upload, const char *sha256)
{
    if (!hex_is(sha256, NAME_CHARS)) {
        errno = EINVAL;
        return false;
    }
    const int fd = openat(blobs_fd, upload, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    const bool is_on_disk = fsync(fd) == 0;
    const int before = errno;
    close(fd);
    errno = before;
    return is_on_disk && renameat(blobs_fd, upload, blobs_fd, sha256) == 0 && fsync(blobs_fd) == 0;
}
