/* server/archive_out.c - libarchive writes the tar; see archive_out.h. */
#include "archive_out.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ferry/crypto.h"
#include "hex.h"

#define PIECE_BYTES (256u * 1024)

static bool say(struct archive_out *a, const char *name, const char *reason)
{
    snprintf(a->why, sizeof(a->why), "%.300s: %.180s", name, reason);
    return false;
}

static bool say_tar(struct archive_out *a)
{
    const char *reason = archive_error_string(a->tar);
    return say(a, a->path, reason ? reason : "cannot be written");
}

static void let_go(struct archive_out *a)
{
    if (a->tar)
        archive_write_free(a->tar);
    if (a->fd >= 0)
        close(a->fd);
    free(a->path);
    free(a->part);
    ferry_strbuf_free(&a->sums);
    a->tar = NULL;
    a->path = a->part = NULL;
    a->fd = -1;
}

static bool begin_tar(struct archive_out *a)
{
    a->tar = archive_write_new();
    if (!a->tar)
        return say(a, a->path, "out of memory");
    if (archive_write_set_format_pax_restricted(a->tar) != ARCHIVE_OK ||
        archive_write_open_fd(a->tar, a->fd) != ARCHIVE_OK)
        return say_tar(a);
    return true;
}

bool archive_out_open(struct archive_out *a, const char *path)
{
    *a = (struct archive_out){.fd = -1, .path = strdup(path)};
    if (!a->path || asprintf(&a->part, "%s.part", path) < 0) {
        a->part = NULL;
        let_go(a);
        return say(a, path, "out of memory");
    }
    bool is_good = access(path, F_OK) != 0;
    if (!is_good)
        say(a, path, "is there already; a backup replaces nothing");
    if (is_good) {
        // A .part is what an earlier attempt left; nobody else makes one.
        unlink(a->part);
        a->fd = open(a->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        is_good = a->fd >= 0 || say(a, a->part, strerror(errno));
        is_good = is_good && begin_tar(a);
        if (!is_good && a->fd >= 0)
            unlink(a->part);
    }
    if (!is_good)
        let_go(a);
    return is_good;
}

static bool begin_entry(struct archive_out *a, const char *name, unsigned type, unsigned mode,
                        int64_t n)
{
    struct archive_entry *e = archive_entry_new();
    if (!e)
        return say(a, name, "out of memory");
    archive_entry_set_pathname(e, name);
    archive_entry_set_filetype(e, type);
    archive_entry_set_perm(e, mode & 0777u);
    archive_entry_set_size(e, n);
    archive_entry_set_mtime(e, time(NULL), 0);
    const int code = archive_write_header(a->tar, e);
    archive_entry_free(e);
    return code == ARCHIVE_OK || say_tar(a);
}

static bool add_data(struct archive_out *a, const void *bytes, size_t n)
{
    return archive_write_data(a->tar, bytes, n) == (la_ssize_t)n || say_tar(a);
}

static void add_sum(struct archive_out *a, const char *name, struct ferry_sha256 *h,
                    char sha256[65])
{
    uint8_t digest[FERRY_SHA256_BYTES];
    char digits[65];
    ferry_sha256_finish(h, digest);
    hex_write(digest, sizeof(digest), digits);
    ferry_strbuf_addf(&a->sums, "%s  %s\n", digits, name);
    if (sha256)
        memcpy(sha256, digits, sizeof(digits));
}

bool archive_out_bytes(struct archive_out *a, const char *name, const void *bytes, size_t n)
{
    struct ferry_sha256 h;
    if (!begin_entry(a, name, AE_IFREG, 0600, (int64_t)n) || !add_data(a, bytes, n))
        return false;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    add_sum(a, name, &h, NULL);
    return true;
}

bool archive_out_file(struct archive_out *a, const char *name, int fd, char sha256[65])
{
    static uint8_t piece[PIECE_BYTES];
    struct ferry_sha256 h;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return say(a, name, strerror(errno));
    if (!begin_entry(a, name, AE_IFREG, st.st_mode, st.st_size))
        return false;
    ferry_sha256_init(&h);
    for (int64_t left = st.st_size; left > 0;) {
        const size_t want = left < (int64_t)sizeof(piece) ? (size_t)left : sizeof(piece);
        const ssize_t n = read(fd, piece, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return say(a, name, n < 0 ? strerror(errno) : "became shorter while it was read");
        if (!add_data(a, piece, (size_t)n))
            return false;
        ferry_sha256_update(&h, piece, (size_t)n);
        left -= n;
    }
    add_sum(a, name, &h, sha256);
    return true;
}

bool archive_out_folder(struct archive_out *a, const char *name, unsigned mode)
{
    return begin_entry(a, name, AE_IFDIR, mode, 0);
}

/** A new name is on disk once its folder is. */
static bool sync_folder_of(struct archive_out *a)
{
    char *copy = strdup(a->path);
    const int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    free(copy);
    const bool is_good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return is_good || say(a, a->path, "its folder cannot be synced");
}

static bool finish(struct archive_out *a)
{
    if (a->sums.failed)
        return say(a, a->path, "out of memory");
    if (!begin_entry(a, "SHA256SUMS", AE_IFREG, 0600, (int64_t)a->sums.n) ||
        !add_data(a, a->sums.text, a->sums.n))
        return false;
    if (archive_write_close(a->tar) != ARCHIVE_OK)
        return say_tar(a);
    if (fsync(a->fd) != 0)
        return say(a, a->path, strerror(errno));
    // Not every file system can refuse to replace.
    if (renameat2(AT_FDCWD, a->part, AT_FDCWD, a->path, RENAME_NOREPLACE) != 0 &&
        (errno != EINVAL || rename(a->part, a->path) != 0))
        return say(a, a->path, strerror(errno));
    return sync_folder_of(a);
}

bool archive_out_close(struct archive_out *a)
{
    const bool is_good = finish(a);
    if (!is_good)
        unlink(a->part);
    let_go(a);
    return is_good;
}

void archive_out_drop(struct archive_out *a)
{
    unlink(a->part);
    let_go(a);
}
