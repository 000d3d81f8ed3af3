/* ports/posix/source_file.c - files, pipes and standard input as a source. */
#include "source_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct ferry_source_file *as_file(struct ferry_source *s)
{
    return (struct ferry_source_file *)(void *)s;
}

static ferry_err fail_errno(struct ferry_source *s, ferry_err err, int number)
{
    return ferry_source_fail(s, err, (uint32_t)number, 0, strerror(number));
}

static void forget(struct ferry_source_file *f)
{
    free(f->kept);
    f->kept = NULL;
    f->n_kept = 0;
    f->is_rewound = false;
}

static void close_file(struct ferry_source *s)
{
    struct ferry_source_file *f = as_file(s);
    forget(f);
    if (f->fd > STDIN_FILENO)
        close(f->fd);
    f->fd = -1;
}

/* Opening a named pipe waits for its writer; a signal ends that, and may mean: stop. */
static ferry_err open_path(struct ferry_source_file *f)
{
    if (strcmp(f->path, "-") == 0) {
        f->fd = STDIN_FILENO;
        return FERRY_OK;
    }
    do {
        f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
    } while (f->fd < 0 && errno == EINTR && !ferry_cancel_asked(f->source.cancel));
    if (f->fd >= 0)
        return FERRY_OK;
    if (errno == EINTR)
        return ferry_source_fail(&f->source, FERRY_ERR_CANCELLED, 0, 0, NULL);
    return fail_errno(&f->source, FERRY_ERR_FILE_OPEN, errno);
}

static ferry_err learn(struct ferry_source_file *f, uint32_t off_bytes)
{
    struct ferry_source *s = &f->source;
    struct stat st;
    if (fstat(f->fd, &st) != 0)
        return fail_errno(s, FERRY_ERR_FILE_OPEN, errno);
    if (S_ISDIR(st.st_mode))
        return fail_errno(s, FERRY_ERR_FILE_OPEN, EISDIR);
    if (S_ISREG(st.st_mode)) {
        if (st.st_size > UINT32_MAX)
            return ferry_source_fail(s, FERRY_ERR_RANGE, UINT32_MAX, UINT32_MAX,
                                     "the file is 4 GiB or larger");
        s->facts.length_bytes = (uint32_t)st.st_size;
        s->facts.accepts_offset = true;
        if (off_bytes > s->facts.length_bytes)
            return ferry_source_fail(s, FERRY_ERR_RANGE, off_bytes, s->facts.length_bytes, NULL);
    }
    // Standard input that is a file may stand anywhere; a pipe has no middle to start from.
    if ((off_bytes || S_ISREG(st.st_mode)) && lseek(f->fd, (off_t)off_bytes, SEEK_SET) < 0)
        return fail_errno(s, FERRY_ERR_FILE_READ, errno);
    s->is_authenticated = true;
    return FERRY_OK;
}

static ferry_err open_file(struct ferry_source *s, uint32_t off_bytes)
{
    struct ferry_source_file *f = as_file(s);
    ferry_err err = open_path(f);
    if (err)
        return err;
    err = learn(f, off_bytes);
    if (!err && !s->facts.accepts_offset && s->keep_bytes) {
        f->kept = malloc(s->keep_bytes);
        if (!f->kept)
            err = ferry_source_fail(s, FERRY_ERR_NO_MEMORY, s->keep_bytes, 0, NULL);
    }
    if (err)
        close_file(s);
    return err;
}

static ferry_err rewind_file(struct ferry_source *s)
{
    struct ferry_source_file *f = as_file(s);
    if (s->facts.accepts_offset)
        return lseek(f->fd, 0, SEEK_SET) < 0 ? fail_errno(s, FERRY_ERR_FILE_READ, errno) : FERRY_OK;
    if (s->at_bytes > f->n_kept)
        return ferry_source_fail(s, FERRY_ERR_STATE, s->at_bytes, f->n_kept, NULL);
    f->is_rewound = true;
    return FERRY_OK;
}

/* What was kept of a pipe, once more. */
static size_t read_kept(struct ferry_source_file *f, void *dst, size_t n)
{
    const size_t left = f->n_kept - f->source.at_bytes;
    const size_t take = n < left ? n : left;
    memcpy(dst, f->kept + f->source.at_bytes, take);
    return take;
}

/* Keeps what was read of a pipe, as far as that was asked for. */
static void keep(struct ferry_source_file *f, const void *data, size_t n)
{
    const uint32_t room = f->source.keep_bytes - f->n_kept;
    const uint32_t take = n < room ? (uint32_t)n : room;
    memcpy(f->kept + f->n_kept, data, take);
    f->n_kept += take;
}

/* Waits until a read would not block; a regular file is always ready. */
static ferry_err wait_readable(struct ferry_source *s, int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        const int n = poll(&p, 1, (int)FERRY_CANCEL_POLL_MS);
        if (n < 0 && errno != EINTR)
            return fail_errno(s, FERRY_ERR_FILE_READ, errno);
        if (ferry_cancel_asked(s->cancel))
            return ferry_source_fail(s, FERRY_ERR_CANCELLED, 0, 0, NULL);
        if (n > 0)
            return FERRY_OK; // ready, or closed, or broken: read() tells which
    }
}

static ferry_err read_file(struct ferry_source *s, void *dst, size_t n, size_t *got)
{
    struct ferry_source_file *f = as_file(s);
    const int fd = f->fd;
    if (f->is_rewound && s->at_bytes < f->n_kept) {
        *got = read_kept(f, dst, n);
        return FERRY_OK;
    }
    if (f->kept && (f->is_rewound || s->at_bytes >= s->keep_bytes))
        forget(f);
    for (;;) {
        const ferry_err err = wait_readable(s, fd);
        if (err)
            return err;
        const ssize_t n_read = read(fd, dst, n);
        if (n_read >= 0) {
            if (f->kept)
                keep(f, dst, (size_t)n_read);
            *got = (size_t)n_read;
            return FERRY_OK;
        }
        if (errno != EINTR && errno != EAGAIN)
            return fail_errno(s, FERRY_ERR_FILE_READ, errno);
    }
}

void ferry_source_file_init(struct ferry_source_file *f, const char *path,
                            const struct ferry_cancel *cancel)
{
    static const struct ferry_source_ops ops = {open_file, read_file, close_file, rewind_file};
    memset(f, 0, sizeof *f);
    f->source.ops = &ops;
    f->source.cancel = cancel;
    f->source.is_local = true;
    f->path = path;
    f->fd = -1;
}
