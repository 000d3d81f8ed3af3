/* host/doctor_undo.c - the undo file: one record behind the other, the last repair at the end.
 * A record: magic, its length, flags, sizes, time, title, sectors, and the SHA-256 of all that. */
#include "doctor_undo.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ferry/bytes.h"
#include "read_file.h"
#include "write_file.h"

static const uint8_t magic[8] = {'f', 'e', 'r', 'r', 'y', 'U', 'N', '1'};

/* Where things stand in a record; a sector is its offset, the SHA-256 it gets, what it was. */
enum {
    AT_LENGTH = 8,
    AT_FLAGS = 12,
    AT_FLASH = 16,
    AT_HELD = 20,
    AT_TIME = 24,
    AT_COUNT = 32,
    AT_TITLE = 36,
    HEAD_BYTES = AT_TITLE + FERRY_UNDO_TITLE_BYTES,
    SECTOR_AT_SHA = 4,
    SECTOR_AT_BYTES = SECTOR_AT_SHA + FERRY_SHA256_BYTES,
    SECTOR_RECORD = SECTOR_AT_BYTES + FERRY_FLASH_SECTOR_BYTES,
};
#define FLAG_OPEN    1u
#define RECORD_BYTES (HEAD_BYTES + FERRY_CURE_SECTORS * SECTOR_RECORD + FERRY_SHA256_BYTES)
#define FILE_BYTES   (FERRY_UNDO_DEPTH * RECORD_BYTES)

/** A file's bytes with the places of its records. */
struct records {
    uint8_t *bytes;
    size_t n_bytes;
    size_t at[FERRY_UNDO_DEPTH];
    unsigned n;
};

const char *ferry_undo_path(char *buf, size_t n, const struct ferry_vdevice *v)
{
    if (v->real) // a port is no place for files, and the next chip on it is another one
        snprintf(buf, n, "%s.undo", v->real->name);
    else
        snprintf(buf, n, v->is_dir ? "%s/doctor.undo" : "%s.undo", v->path);
    return buf;
}

static void hash(const uint8_t *bytes, size_t n, uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, bytes, n);
    ferry_sha256_finish(&h, out);
}

/** The length of a whole, undamaged record at bytes; 0 if it is none. */
static size_t record_at(const uint8_t *bytes, size_t n)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    if (n < HEAD_BYTES + FERRY_SHA256_BYTES || memcmp(bytes, magic, sizeof(magic)) != 0)
        return 0;
    const uint32_t length = ferry_le32(bytes + AT_LENGTH);
    const uint32_t count = ferry_le32(bytes + AT_COUNT);
    if (length > n || count > FERRY_CURE_SECTORS ||
        length != HEAD_BYTES + count * SECTOR_RECORD + FERRY_SHA256_BYTES)
        return 0;
    hash(bytes, length - FERRY_SHA256_BYTES, digest);
    return memcmp(digest, bytes + length - FERRY_SHA256_BYTES, sizeof(digest)) ? 0 : length;
}

static ferry_err split(struct records *r)
{
    r->n = 0;
    for (size_t at = 0; at < r->n_bytes;) {
        const size_t length = record_at(r->bytes + at, r->n_bytes - at);
        if (!length || r->n == FERRY_UNDO_DEPTH)
            return FERRY_ERR_SYNTAX;
        r->at[r->n++] = at;
        at += length;
    }
    return FERRY_OK;
}

/** Reads the file with room for one more record; no file is an empty one. */
static ferry_err load(const char *path, struct records *r, int *os_errno)
{
    uint8_t *bytes = NULL;
    size_t n = 0;
    *r = (struct records){0};
    ferry_err err = ferry_read_file(path, FILE_BYTES, &bytes, &n, os_errno);
    if (err == FERRY_ERR_FILE_OPEN && *os_errno == ENOENT)
        err = FERRY_OK;
    if (err)
        return err == FERRY_ERR_RANGE ? FERRY_ERR_SYNTAX : err;
    r->bytes = realloc(bytes, n + RECORD_BYTES);
    if (!r->bytes) {
        free(bytes);
        return FERRY_ERR_NO_MEMORY;
    }
    r->n_bytes = n;
    err = split(r);
    if (err)
        free(r->bytes);
    return err;
}

/** The name in the folder is on disk too. */
static void sync_folder(const char *path)
{
    char copy[FERRY_VDEVICE_PATH_BYTES + 16];
    snprintf(copy, sizeof(copy), "%s", path);
    const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); // some file systems cannot; the file itself is safe
    close(fd);
}

/** Writes all records and waits for the disk; none: the file goes. */
static ferry_err store(const char *path, const struct records *r, int *os_errno)
{
    if (!r->n_bytes) {
        const int failed = unlink(path);
        *os_errno = errno;
        sync_folder(path);
        return failed ? FERRY_ERR_FILE_WRITE : FERRY_OK;
    }
    const ferry_err err = ferry_write_file(path, r->bytes, r->n_bytes, os_errno);
    if (err)
        return err;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const bool synced = fd >= 0 && fsync(fd) == 0;
    *os_errno = errno;
    if (fd >= 0)
        close(fd);
    sync_folder(path);
    return synced ? FERRY_OK : FERRY_ERR_FILE_WRITE;
}

static void sign(uint8_t *record)
{
    const uint32_t signed_bytes = ferry_le32(record + AT_LENGTH) - FERRY_SHA256_BYTES;
    hash(record, signed_bytes, record + signed_bytes);
}

static void drop_oldest(struct records *r)
{
    const size_t from = r->at[1];
    memmove(r->bytes, r->bytes + from, r->n_bytes - from);
    r->n_bytes -= from;
}

static void append(struct records *r, const struct ferry_cure *plan, const struct ferry_vdevice *v,
                   const char *title)
{
    uint8_t *to = r->bytes + r->n_bytes;
    const uint32_t length = HEAD_BYTES + plan->n * SECTOR_RECORD + FERRY_SHA256_BYTES;
    const uint64_t now = (uint64_t)time(NULL);
    memset(to, 0, HEAD_BYTES);
    memcpy(to, magic, sizeof(magic));
    ferry_put_le32(to + AT_LENGTH, length);
    ferry_put_le32(to + AT_FLAGS, FLAG_OPEN);
    ferry_put_le32(to + AT_FLASH, v->file.flash.size_bytes);
    ferry_put_le32(to + AT_HELD, v->file.held_bytes);
    ferry_put_le32(to + AT_TIME, (uint32_t)now);
    ferry_put_le32(to + AT_TIME + 4, (uint32_t)(now >> 32));
    ferry_put_le32(to + AT_COUNT, plan->n);
    snprintf((char *)to + AT_TITLE, FERRY_UNDO_TITLE_BYTES, "%s", title);
    for (unsigned i = 0; i < plan->n; i++) {
        uint8_t *s = to + HEAD_BYTES + i * SECTOR_RECORD;
        ferry_put_le32(s, plan->sectors[i].off_bytes);
        hash(plan->sectors[i].after, FERRY_FLASH_SECTOR_BYTES, s + SECTOR_AT_SHA);
        memcpy(s + SECTOR_AT_BYTES, plan->sectors[i].before, FERRY_FLASH_SECTOR_BYTES);
    }
    sign(to);
    r->n_bytes += length;
}

ferry_err ferry_undo_keep(const char *path, const struct ferry_cure *plan,
                          const struct ferry_vdevice *v, const char *title, int *os_errno)
{
    struct records r;
    ferry_err err = load(path, &r, os_errno);
    if (err)
        return err;
    if (r.n == FERRY_UNDO_DEPTH)
        drop_oldest(&r);
    append(&r, plan, v, title);
    err = store(path, &r, os_errno);
    free(r.bytes);
    return err;
}

static ferry_err set_open(const char *path, bool is_open, int *os_errno)
{
    struct records r;
    ferry_err err = load(path, &r, os_errno);
    if (err)
        return err;
    if (r.n) {
        uint8_t *last = r.bytes + r.at[r.n - 1];
        ferry_put_le32(last + AT_FLAGS, is_open ? FLAG_OPEN : 0);
        sign(last);
        err = store(path, &r, os_errno);
    } else {
        err = FERRY_ERR_NOT_FOUND;
    }
    free(r.bytes);
    return err;
}

ferry_err ferry_undo_close(const char *path, int *os_errno)
{
    return set_open(path, false, os_errno);
}

static void decode(const uint8_t *from, struct ferry_undo *out)
{
    out->is_open = ferry_le32(from + AT_FLAGS) & FLAG_OPEN;
    out->flash_bytes = ferry_le32(from + AT_FLASH);
    out->held_bytes = ferry_le32(from + AT_HELD);
    out->made_s = ferry_le32(from + AT_TIME) | (uint64_t)ferry_le32(from + AT_TIME + 4) << 32;
    out->n = ferry_le32(from + AT_COUNT);
    memcpy(out->title, from + AT_TITLE, sizeof(out->title));
    out->title[sizeof(out->title) - 1] = '\0';
    for (unsigned i = 0; i < out->n; i++) {
        const uint8_t *s = from + HEAD_BYTES + i * SECTOR_RECORD;
        out->sectors[i].off_bytes = ferry_le32(s);
        memcpy(out->sectors[i].after_sha256, s + SECTOR_AT_SHA, FERRY_SHA256_BYTES);
        memcpy(out->sectors[i].before, s + SECTOR_AT_BYTES, FERRY_FLASH_SECTOR_BYTES);
    }
}

static ferry_err last_of(const struct records *r, struct ferry_undo *out)
{
    if (!r->n)
        return FERRY_ERR_NOT_FOUND;
    decode(r->bytes + r->at[r->n - 1], out);
    out->depth = r->n;
    // What a sector is, and that it lies in that flash, is nothing a checksum can promise.
    for (unsigned i = 0; i < out->n; i++)
        if (out->sectors[i].off_bytes % FERRY_FLASH_SECTOR_BYTES ||
            !ferry_range_fits(out->sectors[i].off_bytes, FERRY_FLASH_SECTOR_BYTES,
                              out->flash_bytes))
            return FERRY_ERR_SYNTAX;
    return FERRY_OK;
}

ferry_err ferry_undo_parse(const uint8_t *bytes, size_t n, struct ferry_undo *out)
{
    struct records r = {.bytes = (uint8_t *)(uintptr_t)bytes, .n_bytes = n}; // only read
    const ferry_err err = split(&r);
    return err ? err : last_of(&r, out);
}

ferry_err ferry_undo_read(const char *path, struct ferry_undo *out, int *os_errno)
{
    struct records r;
    ferry_err err = load(path, &r, os_errno);
    if (err)
        return err;
    err = last_of(&r, out);
    free(r.bytes);
    return err;
}

bool ferry_undo_fits(const struct ferry_undo *u, const struct ferry_vdevice *v, uint32_t *off_bytes)
{
    uint8_t sector[FERRY_FLASH_SECTOR_BYTES], digest[FERRY_SHA256_BYTES];
    const struct ferry_flash *flash = &v->file.flash;
    for (unsigned i = 0; i < u->n && !u->is_open; i++) {
        *off_bytes = u->sectors[i].off_bytes;
        if (flash->ops->read(flash, *off_bytes, sector, sizeof(sector)))
            return false;
        hash(sector, sizeof(sector), digest);
        if (memcmp(digest, u->sectors[i].after_sha256, sizeof(digest)) != 0)
            return false;
    }
    return true;
}

/** A file's sector becomes in one write what it was; a chip's is erased first. */
static ferry_err put_sector(struct ferry_vdevice *v, uint32_t off_bytes, const uint8_t *bytes)
{
    const struct ferry_region all = {&v->file.flash, 0, v->file.flash.size_bytes};
    if (!v->real)
        return ferry_flash_file_set(&v->file, off_bytes, bytes, FERRY_FLASH_SECTOR_BYTES);
    ferry_err err = ferry_region_erase(&all, off_bytes, FERRY_FLASH_SECTOR_BYTES, false);
    if (!err)
        err = ferry_region_prog(&all, off_bytes, bytes, FERRY_FLASH_SECTOR_BYTES);
    return err ? err : ferry_region_sync(&all);
}

static ferry_err put_back(const struct ferry_undo *u, struct ferry_vdevice *v)
{
    ferry_err err = FERRY_OK;
    for (unsigned i = 0; !err && i < u->n; i++)
        err = put_sector(v, u->sectors[i].off_bytes, u->sectors[i].before);
    // A merged image may have grown by what was written behind its end.
    if (!err && !v->real && v->file.held_bytes > u->held_bytes) {
        if (ftruncate(v->file.fd, (off_t)u->held_bytes))
            return FERRY_ERR_FLASH_IO;
        v->file.held_bytes = u->held_bytes;
    }
    return err ? err : v->file.flash.ops->sync(&v->file.flash);
}

ferry_err ferry_undo_apply(const char *path, const struct ferry_undo *u, struct ferry_vdevice *v,
                           int *os_errno)
{
    struct records r;
    // A merged image says its own size, in a header that may be what was repaired.
    if (!v->merged.chip && u->flash_bytes != v->file.flash.size_bytes)
        return FERRY_ERR_FLASH_SIZE;
    ferry_err err = u->is_open ? FERRY_OK : set_open(path, true, os_errno);
    if (!err)
        err = put_back(u, v);
    if (!err)
        err = load(path, &r, os_errno);
    if (err)
        return err;
    if (r.n)
        r.n_bytes = r.at[r.n - 1];
    err = store(path, &r, os_errno);
    free(r.bytes);
    return err;
}
