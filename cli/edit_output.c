/* cli/edit_output.c - copying a flash file, and publishing the copy. */
#include "edit_output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device_json.h"

#define CHUNK_BYTES 65536u

static int fail_errno(const struct cli_call *call, const char *path, int os_errno)
{
    return cli_fail_err(call->out, FERRY_ERR_FILE_WRITE,
                        &(struct ferry_about){.file = path, .detail = strerror(os_errno)});
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/** A new file to copy into: beside its place, or for a dry run where temporary files go. */
static int make_file(const struct cli_call *call, struct edit_output *o,
                     const struct ferry_vdevice *src)
{
    const char *tmp = getenv("TMPDIR");
    int n;
    if (!o->path) {
        n = snprintf(o->flash, sizeof(o->flash), "%s/ferry-edit.XXXXXX",
                     tmp && *tmp ? tmp : "/tmp");
    } else if (src->is_dir) {
        if (mkdir(o->path, 0777))
            return errno == EEXIST ? cli_fail_err(call->out, FERRY_ERR_FILE_EXISTS,
                                                  &(struct ferry_about){.file = o->path})
                                   : fail_errno(call, o->path, errno);
        o->is_dir = true;
        n = snprintf(o->flash, sizeof(o->flash), "%s/flash.bin.XXXXXX", o->path);
    } else {
        n = snprintf(o->flash, sizeof(o->flash), "%s.XXXXXX", o->path);
    }
    const int fd = n < (int)sizeof(o->flash) ? mkstemp(o->flash) : -1;
    if (fd < 0) {
        const int reason = n < (int)sizeof(o->flash) ? errno : ENAMETOOLONG;
        o->flash[0] = '\0';
        return fail_errno(call, o->path ? o->path : "the temporary file", reason);
    }
    const mode_t mask = umask(0);
    umask(mask);
    (void)!fchmod(fd, 0666 & ~mask); // what a new file of the user's would have
    return fd;
}

static ferry_err write_at(int fd, const uint8_t *bytes, size_t n, uint32_t at)
{
    while (n) {
        const ssize_t put = pwrite(fd, bytes, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return FERRY_ERR_FILE_WRITE;
        bytes += put;
        n -= (size_t)put;
        at += (uint32_t)put;
    }
    return FERRY_OK;
}

/** The flash from the file's begin on, n_bytes of it; behind the original's end it is erased. */
static ferry_err copy_bytes(int fd, const struct ferry_vdevice *src, uint32_t n_bytes)
{
    static uint8_t chunk[CHUNK_BYTES];
    const struct ferry_flash *f = &src->file.flash;
    for (uint32_t at = 0; at < n_bytes;) {
        const uint32_t n = n_bytes - at < CHUNK_BYTES ? n_bytes - at : CHUNK_BYTES;
        const uint32_t off = src->file.start_bytes + at;
        const uint32_t left = off < f->size_bytes ? f->size_bytes - off : 0;
        const uint32_t held = left < n ? left : n;
        ferry_err err = held ? f->ops->read(f, off, chunk, held) : FERRY_OK;
        memset(chunk + held, 0xff, n - held);
        if (!err)
            err = write_at(fd, chunk, n, at);
        if (err)
            return err;
        at += n;
    }
    return FERRY_OK;
}

/** Up to where the original is not erased, from `from` on; 0 if it is. */
static uint32_t used_behind(const struct ferry_vdevice *src, uint32_t from)
{
    static uint8_t chunk[CHUNK_BYTES];
    const struct ferry_flash *f = &src->file.flash;
    uint32_t used = 0;
    for (uint32_t at = from; at < f->size_bytes;) {
        const uint32_t n = f->size_bytes - at < CHUNK_BYTES ? f->size_bytes - at : CHUNK_BYTES;
        if (f->ops->read(f, at, chunk, n))
            return f->size_bytes;
        for (uint32_t i = 0; i < n; i++)
            if (chunk[i] != 0xff)
                used = at + i + 1;
        at += n;
    }
    return used;
}

static int copy_flash(const struct cli_call *call, struct edit_output *o,
                      const struct ferry_vdevice *src, uint32_t flash_bytes)
{
    const uint32_t used = used_behind(src, flash_bytes);
    if (used)
        return cli_fail_text(call->out, FERRY_ERR_FLASH_SIZE,
                             "%s is in use up to 0x%x; a flash of 0x%x bytes would lose that",
                             src->flash_path, (unsigned)used, (unsigned)flash_bytes);
    const int fd = make_file(call, o, src);
    if (!o->flash[0])
        return fd;
    // A merged image stays as long as it is; a dump is all of its flash.
    const uint32_t held = src->merged.chip ? src->file.held_bytes : flash_bytes;
    const ferry_err err = copy_bytes(fd, src, held);
    const int os_errno = errno;
    if (close(fd) || err)
        return fail_errno(call, o->flash, os_errno);
    return CLI_EXIT_OK;
}

int edit_output_begin(const struct cli_call *call, struct edit_output *o,
                      const struct ferry_vdevice *src, const char *path, uint32_t flash_bytes)
{
    struct ferry_fault fault = {0};
    *o = (struct edit_output){.path = path};
    if (path && (same_file(path, src->path) || same_file(path, src->flash_path)))
        return cli_usage(call, "-o %s is the original; an edit makes a copy", path);
    const int exit_code = copy_flash(call, o, src, flash_bytes);
    if (exit_code)
        return exit_code;
    ferry_err err = ferry_flash_file_open_part(&o->file, o->flash, true, &fault);
    o->is_open = !err;
    if (!err)
        err = ferry_flash_file_place(&o->file, src->file.start_bytes, flash_bytes);
    return err ? cli_fail_err(call->out, err, &(struct ferry_about){.file = o->flash})
               : CLI_EXIT_OK;
}

/** DIR/FILE; false if that is longer than any path. */
static bool join(char buf[PATH_MAX], const char *dir, const char *file)
{
    return snprintf(buf, PATH_MAX, "%s/%s", dir, file) < PATH_MAX;
}

static int write_json(const struct cli_call *call, const struct edit_output *o,
                      const struct ferry_vdevice *src, const char *running)
{
    struct ferry_device_json json;
    char path[PATH_MAX], detail[FERRY_VDEVICE_DETAIL_BYTES];
    if (!join(path, src->path, "device.json"))
        return fail_errno(call, src->path, ENAMETOOLONG);
    ferry_err err = ferry_device_json_read(path, &json, detail, sizeof(detail));
    if (!err) {
        json.flash_bytes = o->file.flash.size_bytes;
        snprintf(json.running, sizeof(json.running), "%s", running);
        if (!join(path, o->path, "device.json"))
            return fail_errno(call, o->path, ENAMETOOLONG);
        err = ferry_device_json_write(path, &json, detail, sizeof(detail));
    }
    return err ? cli_fail_err(call->out, err, &(struct ferry_about){.file = path, .detail = detail})
               : CLI_EXIT_OK;
}

int edit_output_keep(const struct cli_call *call, struct edit_output *o,
                     const struct ferry_vdevice *src, const char *running)
{
    char place[PATH_MAX];
    const char *to = o->is_dir ? place : o->path;
    if (o->is_dir && !join(place, o->path, "flash.bin"))
        return fail_errno(call, o->path, ENAMETOOLONG);
    const int exit_code = o->is_dir ? write_json(call, o, src, running) : CLI_EXIT_OK;
    if (exit_code)
        return exit_code;
    if (rename(o->flash, to))
        return fail_errno(call, to, errno);
    ferry_flash_file_close(&o->file);
    o->is_open = false;
    o->flash[0] = '\0';
    o->is_dir = false;
    return CLI_EXIT_OK;
}

void edit_output_drop(struct edit_output *o)
{
    char path[PATH_MAX];
    if (o->is_open)
        ferry_flash_file_close(&o->file);
    if (o->flash[0])
        unlink(o->flash);
    if (o->is_dir && join(path, o->path, "device.json")) {
        unlink(path);
        rmdir(o->path);
    }
}
