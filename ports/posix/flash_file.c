/* ports/posix/flash_file.c - flash in a file. */
#include "flash_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ferry/bytes.h"

/** A disk that is full shows in several ways. */
static ferry_err write_error(int e)
{
    return e == ENOSPC || e == EDQUOT || e == EFBIG ? FERRY_ERR_FLASH_FULL : FERRY_ERR_FLASH_IO;
}

static ferry_err fail_errno(struct ferry_flash_file *ff, ferry_err err)
{
    ff->os_errno = errno;
    return err;
}

static ferry_err read_all(struct ferry_flash_file *ff, uint32_t off_bytes, uint8_t *dst,
                          uint32_t len_bytes)
{
    while (len_bytes) {
        const ssize_t n = pread(ff->fd, dst, len_bytes, (off_t)off_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(ff, FERRY_ERR_FLASH_IO);
        if (n == 0) { // somebody has cut the file short meanwhile
            ff->os_errno = 0;
            return FERRY_ERR_FLASH_IO;
        }
        dst += n;
        off_bytes += (uint32_t)n;
        len_bytes -= (uint32_t)n;
    }
    return FERRY_OK;
}

/* Small reads come out of larger ones. The lock keeps the bytes true as long as the file is open
 * for reading. */
static ferry_err read_ahead(struct ferry_flash_file *ff, uint32_t off_bytes, uint8_t *dst,
                            uint32_t len_bytes)
{
    if (ff->writable || len_bytes >= sizeof(ff->ahead))
        return read_all(ff, off_bytes, dst, len_bytes);
    if (off_bytes < ff->ahead_off ||
        !ferry_range_fits(off_bytes - ff->ahead_off, len_bytes, ff->n_ahead)) {
        const uint32_t left = ff->held_bytes - off_bytes;
        const uint32_t n = left < sizeof(ff->ahead) ? left : (uint32_t)sizeof(ff->ahead);
        ff->n_ahead = 0;
        const ferry_err err = read_all(ff, off_bytes, ff->ahead, n);
        if (err)
            return err;
        ff->ahead_off = off_bytes;
        ff->n_ahead = n;
    }
    memcpy(dst, ff->ahead + (off_bytes - ff->ahead_off), len_bytes);
    return FERRY_OK;
}

static ferry_err write_all(struct ferry_flash_file *ff, uint32_t off_bytes, const uint8_t *src,
                           uint32_t len_bytes)
{
    while (len_bytes) {
        const ssize_t n = pwrite(ff->fd, src, len_bytes, (off_t)off_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(ff, write_error(errno));
        src += n;
        off_bytes += (uint32_t)n;
        len_bytes -= (uint32_t)n;
    }
    return FERRY_OK;
}

static bool is_erased(const uint8_t *bytes, uint32_t n_bytes)
{
    for (uint32_t i = 0; i < n_bytes; i++)
        if (bytes[i] != 0xff)
            return false;
    return true;
}

static ferry_err file_read(const struct ferry_flash *f, uint32_t off_bytes, void *dst,
                           uint32_t len_bytes)
{
    struct ferry_flash_file *ff = f->ctx;
    uint8_t *to = dst;
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (off_bytes < ff->start_bytes) {
        const uint32_t before = ff->start_bytes - off_bytes;
        const uint32_t n = before < len_bytes ? before : len_bytes;
        memset(to, 0xff, n);
        to += n;
        off_bytes += n;
        len_bytes -= n;
    }
    if (!len_bytes)
        return FERRY_OK;
    const uint32_t at = off_bytes - ff->start_bytes;
    const uint32_t left = at < ff->held_bytes ? ff->held_bytes - at : 0;
    const uint32_t held = left < len_bytes ? left : len_bytes;
    memset(to + held, 0xff, len_bytes - held);
    return held ? read_ahead(ff, at, to, held) : FERRY_OK;
}

/** Makes the file longer, with erased bytes. Each step leaves a file that means the same. */
static ferry_err grow(struct ferry_flash_file *ff, uint32_t to_bytes)
{
    uint8_t blank[FERRY_FLASH_SECTOR_BYTES];
    memset(blank, 0xff, sizeof(blank));
    while (ff->held_bytes < to_bytes) {
        const uint32_t left = to_bytes - ff->held_bytes;
        const uint32_t n = left < sizeof(blank) ? left : (uint32_t)sizeof(blank);
        const ferry_err err = write_all(ff, ff->held_bytes, blank, n);
        if (err)
            return err;
        ff->held_bytes += n;
    }
    return FERRY_OK;
}

/** Sets bytes to what they shall be; erased ones that the file does not hold stay out of it. */
static ferry_err put(struct ferry_flash_file *ff, uint32_t off_bytes, const uint8_t *src,
                     uint32_t len_bytes)
{
    if (off_bytes < ff->start_bytes) {
        const uint32_t before = ff->start_bytes - off_bytes;
        const uint32_t n = before < len_bytes ? before : len_bytes;
        if (!is_erased(src, n))
            return FERRY_ERR_FLASH_RANGE;
        src += n;
        off_bytes += n;
        len_bytes -= n;
    }
    const uint32_t at = off_bytes - ff->start_bytes;
    while (len_bytes && at + len_bytes > ff->held_bytes && src[len_bytes - 1] == 0xff)
        len_bytes--;
    if (!len_bytes)
        return FERRY_OK;
    ferry_err err = grow(ff, at);
    if (!err)
        err = write_all(ff, at, src, len_bytes);
    if (!err && at + len_bytes > ff->held_bytes)
        ff->held_bytes = at + len_bytes;
    return err;
}

static ferry_err file_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                           uint32_t len_bytes)
{
    const uint8_t *from = src;
    uint8_t chunk[FERRY_FLASH_SECTOR_BYTES];
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    while (len_bytes) {
        const uint32_t n = len_bytes < sizeof(chunk) ? len_bytes : (uint32_t)sizeof(chunk);
        ferry_err err = file_read(f, off_bytes, chunk, n);
        for (uint32_t i = 0; !err && i < n; i++)
            chunk[i] &= from[i];
        if (!err)
            err = put(f->ctx, off_bytes, chunk, n);
        if (err)
            return err;
        from += n;
        off_bytes += n;
        len_bytes -= n;
    }
    return FERRY_OK;
}

static ferry_err file_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    uint8_t blank[FERRY_FLASH_SECTOR_BYTES];
    if (!ferry_range_fits(off_bytes, len_bytes, f->size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if ((len_bytes != f->sector_bytes && len_bytes != f->block_bytes) || off_bytes % len_bytes)
        return FERRY_ERR_FLASH_ALIGN;
    memset(blank, 0xff, sizeof(blank));
    for (uint32_t at = 0; at < len_bytes; at += (uint32_t)sizeof(blank)) {
        const ferry_err err = put(f->ctx, off_bytes + at, blank, sizeof(blank));
        if (err)
            return err;
    }
    return FERRY_OK;
}

static ferry_err file_sync(const struct ferry_flash *f)
{
    struct ferry_flash_file *ff = f->ctx;
    // Some file systems find out about a full disk only now.
    return fdatasync(ff->fd) ? fail_errno(ff, write_error(errno)) : FERRY_OK;
}

static ferry_err refuse_prog(const struct ferry_flash *f, uint32_t off_bytes, const void *src,
                             uint32_t len_bytes)
{
    struct ferry_flash_file *ff = f->ctx;
    (void)off_bytes, (void)src, (void)len_bytes;
    ff->os_errno = EROFS;
    return FERRY_ERR_FLASH_IO;
}

static ferry_err refuse_erase(const struct ferry_flash *f, uint32_t off_bytes, uint32_t len_bytes)
{
    return refuse_prog(f, off_bytes, NULL, len_bytes);
}

static ferry_err nothing_to_sync(const struct ferry_flash *f)
{
    (void)f;
    return FERRY_OK;
}

static const struct ferry_flash_ops write_ops = {file_read, file_prog, file_erase, file_sync};
static const struct ferry_flash_ops read_ops = {file_read, refuse_prog, refuse_erase,
                                                nothing_to_sync};

/** An open-file-description lock: unlike a record lock it belongs to this opening, so that two
 * openings in one process exclude each other too. */
static ferry_err lock(struct ferry_flash_file *ff)
{
    struct flock range = {.l_type = ff->writable ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
    while (fcntl(ff->fd, F_OFD_SETLK, &range)) {
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN || errno == EACCES)
            return FERRY_ERR_FLASH_LOCKED;
        return fail_errno(ff, FERRY_ERR_FILE_OPEN);
    }
    return FERRY_OK;
}

/** Locked, of a regular file, of a length that a flash may have. */
static ferry_err check(struct ferry_flash_file *ff, bool any_length, struct ferry_fault *fault)
{
    struct stat st;
    if (fstat(ff->fd, &st))
        return ferry_fail(fault, fail_errno(ff, FERRY_ERR_FILE_OPEN), 0, 0, 0);
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : 0;
        return ferry_fail(fault, fail_errno(ff, FERRY_ERR_FILE_OPEN), 0, 0, 0);
    }
    const ferry_err err = lock(ff);
    if (err)
        return ferry_fail(fault, err, 0, 0, 0);
    // The size counts only now: before the lock another process could still be making the file.
    if (fstat(ff->fd, &st))
        return ferry_fail(fault, fail_errno(ff, FERRY_ERR_FILE_OPEN), 0, 0, 0);
    const bool is_whole = st.st_size % FERRY_FLASH_SECTOR_BYTES == 0;
    // The largest multiple of the sector that 32 bits can count.
    if (st.st_size <= 0 || st.st_size > UINT32_MAX - FERRY_FLASH_SECTOR_BYTES + 1 ||
        (!is_whole && !any_length))
        return ferry_fail(fault, FERRY_ERR_FLASH_SIZE,
                          st.st_size > UINT32_MAX ? UINT32_MAX : (uint32_t)st.st_size,
                          FERRY_FLASH_SECTOR_BYTES, 0);
    ff->held_bytes = (uint32_t)st.st_size;
    const uint32_t n_sectors = (ff->held_bytes - 1) / FERRY_FLASH_SECTOR_BYTES + 1;
    ff->flash = (struct ferry_flash){
        .ops = ff->writable ? &write_ops : &read_ops,
        .ctx = ff,
        .size_bytes = n_sectors * FERRY_FLASH_SECTOR_BYTES,
        .sector_bytes = FERRY_FLASH_SECTOR_BYTES,
        .block_bytes = FERRY_FLASH_BLOCK_BYTES,
        .prog_bytes = 1,
    };
    return FERRY_OK;
}

static ferry_err open_file(struct ferry_flash_file *ff, const char *path, bool writable,
                           bool any_length, struct ferry_fault *fault)
{
    *ff = (struct ferry_flash_file){.writable = writable};
    // O_NONBLOCK: a pipe named by mistake must not hang the tool.
    ff->fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK);
    if (ff->fd < 0)
        return ferry_fail(fault, fail_errno(ff, FERRY_ERR_FILE_OPEN), 0, 0, 0);
    const ferry_err err = check(ff, any_length, fault);
    if (err)
        ferry_flash_file_close(ff);
    return err;
}

ferry_err ferry_flash_file_open(struct ferry_flash_file *ff, const char *path, bool writable,
                                struct ferry_fault *fault)
{
    return open_file(ff, path, writable, false, fault);
}

ferry_err ferry_flash_file_open_part(struct ferry_flash_file *ff, const char *path, bool writable,
                                     struct ferry_fault *fault)
{
    return open_file(ff, path, writable, true, fault);
}

ferry_err ferry_flash_file_place(struct ferry_flash_file *ff, uint32_t start_bytes,
                                 uint32_t flash_bytes)
{
    if (start_bytes % FERRY_FLASH_SECTOR_BYTES || flash_bytes % FERRY_FLASH_SECTOR_BYTES ||
        !ferry_range_fits(start_bytes, ff->held_bytes, flash_bytes))
        return FERRY_ERR_FLASH_SIZE;
    ff->start_bytes = start_bytes;
    ff->flash.size_bytes = flash_bytes;
    return FERRY_OK;
}

ferry_err ferry_flash_file_set(struct ferry_flash_file *ff, uint32_t off_bytes, const uint8_t *src,
                               uint32_t len_bytes)
{
    if (!ferry_range_fits(off_bytes, len_bytes, ff->flash.size_bytes))
        return FERRY_ERR_FLASH_RANGE;
    if (!ff->writable) {
        ff->os_errno = EROFS;
        return FERRY_ERR_FLASH_IO;
    }
    return put(ff, off_bytes, src, len_bytes);
}

void ferry_flash_file_close(struct ferry_flash_file *ff)
{
    if (ff->fd >= 0)
        close(ff->fd);
    ff->fd = -1;
}

static ferry_err fill(struct ferry_flash_file *ff, uint32_t size_bytes)
{
    uint8_t blank[FERRY_FLASH_SECTOR_BYTES];
    memset(blank, 0xff, sizeof(blank));
    for (uint32_t at = 0; at < size_bytes; at += (uint32_t)sizeof(blank)) {
        const ferry_err err = write_all(ff, at, blank, sizeof(blank));
        if (err)
            return err;
    }
    return fsync(ff->fd) ? fail_errno(ff, write_error(errno)) : FERRY_OK;
}

ferry_err ferry_flash_file_create(const char *path, uint32_t size_bytes, int *os_errno)
{
    struct ferry_flash_file ff = {.writable = true};
    if (!size_bytes || size_bytes % FERRY_FLASH_SECTOR_BYTES)
        return FERRY_ERR_FLASH_SIZE;
    ff.fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    ferry_err err;
    if (ff.fd < 0) {
        err = fail_errno(&ff, errno == EEXIST ? FERRY_ERR_FILE_EXISTS : FERRY_ERR_FILE_OPEN);
    } else {
        err = fill(&ff, size_bytes);
        ferry_flash_file_close(&ff);
        if (err)
            unlink(path);
        if (err == FERRY_ERR_FLASH_IO)
            err = FERRY_ERR_FILE_WRITE;
    }
    if (os_errno)
        *os_errno = ff.os_errno;
    return err;
}
