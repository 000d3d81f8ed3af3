/* tests/server/full_disk.c - preloaded into a program, a disk that is full as long as the file
 * named by FULL_DISK is there: every write to a regular file, but for stderr, is ENOSPC. */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t write(int fd, const void *bytes, size_t n);
ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at);

/** Looks without changing errno, but when it says yes. */
static bool is_full(int fd)
{
    const int before = errno;
    const char *name = getenv("FULL_DISK");
    struct stat st;
    const bool full = fd != STDERR_FILENO && name && access(name, F_OK) == 0 &&
                      fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    errno = full ? ENOSPC : before;
    return full;
}

ssize_t write(int fd, const void *bytes, size_t n)
{
    static ssize_t (*real)(int, const void *, size_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "write");
    return is_full(fd) ? -1 : real(fd, bytes, n);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pwrite64");
    return is_full(fd) ? -1 : real(fd, bytes, n, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t n, off_t at)
{
    return pwrite64(fd, bytes, n, at);
}
