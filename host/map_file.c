/* host/map_file.c - mmap where there is something to map, else what read_file.h does. */
#include "map_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "read_file.h"

static const uint8_t nothing[1];

/* Takes a plain file that is not empty; FERRY_AGAIN if it is anything else. */
static ferry_err map(int fd, size_t max_bytes, struct ferry_mapped_file *file, int *os_errno)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
        return FERRY_AGAIN; // what says that it is empty may yet have bytes, like files in /proc
    if ((uint64_t)st.st_size > max_bytes)
        return FERRY_ERR_RANGE;
    void *const at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) {
        *os_errno = errno;
        return FERRY_ERR_FILE_READ;
    }
    *file = (struct ferry_mapped_file){at, (size_t)st.st_size, false, fd};
    return FERRY_OK;
}

static ferry_err read_instead(const char *path, size_t max_bytes, struct ferry_mapped_file *file,
                              int *os_errno)
{
    uint8_t *bytes;
    size_t n_bytes;
    const ferry_err err = ferry_read_file(path, max_bytes, &bytes, &n_bytes, os_errno);
    if (!err)
        *file = (struct ferry_mapped_file){bytes, n_bytes, true, -1};
    return err;
}

ferry_err ferry_map_file(const char *path, size_t max_bytes, struct ferry_mapped_file *file,
                         int *os_errno)
{
    struct stat st;
    *os_errno = 0;
    *file = (struct ferry_mapped_file){nothing, 0, true, -1};
    // Not opened twice: the second reader of a pipe finds it empty.
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        return read_instead(path, max_bytes, file, os_errno);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *os_errno = errno;
        return FERRY_ERR_FILE_OPEN;
    }
    const ferry_err err = map(fd, max_bytes, file, os_errno);
    if (err)
        close(fd);
    return err == FERRY_AGAIN ? read_instead(path, max_bytes, file, os_errno) : err;
}

ferry_err ferry_map_read(const struct ferry_mapped_file *file, size_t off, void *dst, size_t n)
{
    uint8_t *to = dst;
    if (file->is_read) {
        memcpy(to, file->bytes + off, n);
        return FERRY_OK;
    }
    while (n) {
        const ssize_t got = pread(file->fd, to, n, (off_t)off);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return FERRY_ERR_FILE_READ;
        to += got;
        off += (size_t)got;
        n -= (size_t)got;
    }
    return FERRY_OK;
}

void ferry_unmap_file(struct ferry_mapped_file *file)
{
    if (file->is_read && file->bytes != nothing) {
        free((void *)(uintptr_t)file->bytes);
    } else if (!file->is_read && file->n_bytes) {
        munmap((void *)(uintptr_t)file->bytes, file->n_bytes);
        close(file->fd);
    }
    *file = (struct ferry_mapped_file){0};
}
