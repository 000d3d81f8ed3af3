/* ports/posix/keeper_file.c - the keeper that keeps a checkpoint in a file. */
#include "keeper_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

static struct ferry_keeper_file *as_file(struct ferry_keeper *k)
{
    return (struct ferry_keeper_file *)(void *)k;
}

static ferry_err fail(struct ferry_keeper_file *k, ferry_err err, int os_errno)
{
    k->os_errno = os_errno;
    return err;
}

static ferry_err load_file(struct ferry_keeper *keeper, uint8_t note[FERRY_NOTE_BYTES])
{
    struct ferry_keeper_file *k = as_file(keeper);
    uint8_t more;
    // A pipe that stands where the note should must not hang the update.
    const int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? FERRY_ERR_NOT_FOUND : fail(k, FERRY_ERR_FILE_READ, errno);
    const ssize_t n = read(fd, note, FERRY_NOTE_BYTES);
    const int reason = errno;
    const ssize_t n_more = n == (ssize_t)FERRY_NOTE_BYTES ? read(fd, &more, 1) : 0;
    close(fd);
    if (n < 0)
        return fail(k, FERRY_ERR_FILE_READ, reason);
    return n == (ssize_t)FERRY_NOTE_BYTES && n_more == 0 ? FERRY_OK : FERRY_ERR_NOT_FOUND;
}

/* The note on the disk, under a name that nobody reads. */
static int write_beside(const char *path, const uint8_t *note)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return errno;
    const ssize_t n = write(fd, note, FERRY_NOTE_BYTES);
    int reason = n < 0 ? errno : n != (ssize_t)FERRY_NOTE_BYTES ? ENOSPC : 0;
    if (!reason && fsync(fd))
        reason = errno;
    if (close(fd) && !reason)
        reason = errno;
    return reason;
}

static ferry_err save_file(struct ferry_keeper *keeper, const uint8_t note[FERRY_NOTE_BYTES])
{
    struct ferry_keeper_file *k = as_file(keeper);
    char beside[PATH_MAX];
    const int n = snprintf(beside, sizeof beside, "%s.tmp", k->path);
    if (n < 0 || (size_t)n >= sizeof beside)
        return fail(k, FERRY_ERR_FILE_WRITE, ENAMETOOLONG);
    int reason = write_beside(beside, note);
    // The folder is not synced: a rename that a power loss takes back leaves an older note, and
    // what that says of the flash is still true.
    if (!reason && rename(beside, k->path))
        reason = errno;
    if (!reason)
        return FERRY_OK;
    unlink(beside);
    return fail(k, FERRY_ERR_FILE_WRITE, reason);
}

static ferry_err drop_file(struct ferry_keeper *keeper)
{
    struct ferry_keeper_file *k = as_file(keeper);
    return unlink(k->path) && errno != ENOENT ? fail(k, FERRY_ERR_FILE_WRITE, errno) : FERRY_OK;
}

void ferry_keeper_file_init(struct ferry_keeper_file *k, const char *path)
{
    static const struct ferry_keeper_ops ops = {load_file, save_file, drop_file, &ferry_keeping};
    *k = (struct ferry_keeper_file){.keeper = {&ops}, .path = path};
}
