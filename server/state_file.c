/* server/state_file.c - openat and renameat under the folder's descriptor. */
#include "state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool close_keeping_errno(int fd)
{
    const int before = errno;
    close(fd);
    errno = before;
    return false;
}

bool state_file_read(int dir_fd, const char *name, struct ferry_strbuf *out)
{
    char piece[4096];
    const int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t total = 0;
    for (;;) {
        const ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return close_keeping_errno(fd);
        if (n == 0)
            break;
        total += (size_t)n;
        ferry_strbuf_add(out, piece, (size_t)n);
        errno = total > STATE_FILE_MOST ? EFBIG : ENOMEM;
        if (total > STATE_FILE_MOST || out->failed)
            return close_keeping_errno(fd);
    }
    explicit_bzero(piece, sizeof(piece)); // it may have been a key
    close(fd);
    return true;
}

bool state_file_append(int fd, const void *bytes, size_t n)
{
    for (const char *at = bytes; n;) {
        const ssize_t done = write(fd, at, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        at += done;
        n -= (size_t)done;
    }
    return true;
}

bool state_file_give(int fd, int dir_fd)
{
    struct stat dir;
    if (geteuid() != 0)
        return true;
    return fstat(dir_fd, &dir) == 0 && (dir.st_uid == 0 || fchown(fd, dir.st_uid, dir.st_gid) == 0);
}

bool state_file_write(int dir_fd, const char *name, const void *bytes, size_t n)
{
    char beside[NAME_MAX];
    if (snprintf(beside, sizeof(beside), "%s.new", name) >= (int)sizeof(beside)) {
        errno = ENAMETOOLONG;
        return false;
    }
    // What an earlier cut left there is of no use to anybody.
    if (unlinkat(dir_fd, beside, 0) != 0 && errno != ENOENT)
        return false;
    const int fd =
        openat(dir_fd, beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    if (!state_file_give(fd, dir_fd) || !state_file_append(fd, bytes, n) || fsync(fd) != 0) {
        const int before = errno;
        close(fd);
        unlinkat(dir_fd, beside, 0); // room for others, if the disk is full
        errno = before;
        return false;
    }
    return close(fd) == 0 && renameat(dir_fd, beside, dir_fd, name) == 0 && fsync(dir_fd) == 0;
}

static bool remove_entries(int fd)
{
    DIR *dir = fdopendir(fd);
    bool ok = dir != NULL;
    for (struct dirent *e; ok && (e = readdir(dir));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            ok = unlinkat(dirfd(dir), e->d_name, 0) == 0;
    const int before = errno;
    if (dir)
        closedir(dir);
    else
        close(fd);
    errno = before;
    return ok;
}

bool state_folder_remove(int dir_fd, const char *name)
{
    const int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT;
    return remove_entries(fd) && unlinkat(dir_fd, name, AT_REMOVEDIR) == 0;
}
