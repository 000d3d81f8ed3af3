/* server/backup.c - writing; see backup.h. The database's view is opened first and held to the
 * end: a blob is in its place before a row names it, so each that the rows name is there. */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hex.h"
#include "rows.h"
#include "schema.h"

#define CHUNK_BYTES (1u << 20)
#define DEPTH_MOST  3

struct work {
    struct archive_out *out;
    struct backup_report *report;
    const char *dir;
    struct stat skip; // the SQLite file; st_ino 0: none
    char *why;
};

static enum db_result say(struct work *w, const char *name, const char *reason)
{
    snprintf(w->why, ARCHIVE_WHY_BYTES, "%.300s: %.180s", name, reason);
    return DB_FAILED;
}

static enum db_result from_out(struct work *w, bool is_good)
{
    if (is_good)
        return DB_OK;
    memcpy(w->why, w->out->why, ARCHIVE_WHY_BYTES);
    return DB_FAILED;
}

static enum db_result add_chunk(struct work *w, const char *table, unsigned number,
                                const struct ferry_strbuf *text)
{
    char name[160];
    snprintf(name, sizeof(name), "rows/%s/%06u", table, number);
    if (text->failed)
        return say(w, name, "out of memory");
    return from_out(w, archive_out_bytes(w->out, name, text->text, text->n));
}

/** All rows of the statement that is open. */
static enum db_result add_rows(struct work *w, struct db *db, const char *table,
                               struct ferry_strbuf *text)
{
    unsigned number = 1;
    enum db_result row;
    rows_add_names(text, db);
    while ((row = db_next(db)) == DB_ROW) {
        rows_add(text, db);
        w->report->n_rows++;
        if (text->n < CHUNK_BYTES)
            continue;
        const enum db_result added = add_chunk(w, table, number++, text);
        if (added != DB_OK)
            return added;
        ferry_strbuf_clear(text);
        rows_add_names(text, db);
    }
    return row == DB_OK ? add_chunk(w, table, number, text) : row;
}

static enum db_result add_table(struct work *w, struct db *db, const char *table)
{
    char sql[160];
    struct ferry_strbuf text = {0};
    snprintf(sql, sizeof(sql), "SELECT * FROM %s", table);
    enum db_result result = db_query(db, sql, NULL, 0);
    if (result == DB_OK) {
        result = add_rows(w, db, table, &text);
        db_end(db);
    }
    ferry_strbuf_free(&text);
    return result;
}

static enum db_result add_tables(struct work *w, struct db *db)
{
    enum db_result result = DB_OK;
    for (unsigned i = 0; i < schema_n_steps; i++) {
        char tables[256];
        char *rest = NULL;
        snprintf(tables, sizeof(tables), "%s", schema_steps[i].tables);
        for (char *t = strtok_r(tables, " ", &rest); t && result == DB_OK;
             t = strtok_r(NULL, " ", &rest))
            result = add_table(w, db, t);
    }
    return result;
}

static enum db_result add_facts(struct work *w, struct db *db)
{
    char text[200];
    const int n = snprintf(
        text, sizeof(text), "format %d\nferryd %s\nschema %u\nengine %s\nmade %" PRId64 "\n",
        BACKUP_FORMAT, FERRY_VERSION, schema_n_steps, db->ops->name, (int64_t)time(NULL));
    return from_out(w, archive_out_bytes(w->out, "backup.txt", text, (size_t)n));
}

/** The database's own files, and what is being written or is a socket. */
static bool is_left_out(const struct work *w, int folder, const char *name, const struct stat *st)
{
    static const char *const beside[] = {"-wal", "-shm", "-journal"};
    const size_t n = strlen(name);
    if (name[0] == '.' || (n > 4 && strcmp(name + n - 4, ".new") == 0))
        return true;
    if (w->skip.st_ino && st->st_ino == w->skip.st_ino && st->st_dev == w->skip.st_dev)
        return true;
    for (size_t i = 0; w->skip.st_ino && i < sizeof(beside) / sizeof(beside[0]); i++) {
        const size_t n_end = strlen(beside[i]);
        char base[256];
        struct stat other;
        if (n <= n_end || strcmp(name + n - n_end, beside[i]) != 0)
            continue;
        snprintf(base, sizeof(base), "%.*s", (int)(n - n_end), name);
        if (fstatat(folder, base, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
            other.st_ino == w->skip.st_ino && other.st_dev == w->skip.st_dev)
            return true;
    }
    return false;
}

static enum db_result add_file(struct work *w, int folder, const char *name, const char *path)
{
    char sha256[65];
    struct stat st;
    const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return say(w, path, strerror(errno));
    enum db_result result = from_out(w, archive_out_file(w->out, path, fd, sha256));
    if (result == DB_OK && fstat(fd, &st) == 0) {
        w->report->n_files++;
        w->report->n_bytes += (uint64_t)st.st_size;
    }
    close(fd);
    if (strcmp(path, "files/ca/root.key") == 0)
        w->report->has_root_key = true;
    if (strncmp(path, "files/blobs/", 12) == 0 && strncmp(name, sha256, 64) != 0) {
        w->report->n_damaged++;
        snprintf(w->report->damaged, sizeof(w->report->damaged), "%.64s", name);
    }
    return result;
}

static enum db_result add_folder(struct work *w, int fd, const char *path, int depth);

static enum db_result add_entry(struct work *w, int folder, const char *name, const char *above,
                                int depth)
{
    char path[200];
    struct stat st;
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? DB_OK : say(w, name, strerror(errno));
    if (is_left_out(w, folder, name, &st))
        return DB_OK;
    if (snprintf(path, sizeof(path), "%s/%s", above, name) >= (int)sizeof(path))
        return say(w, name, "its path is too long for a backup");
    if (S_ISREG(st.st_mode))
        return add_file(w, folder, name, path);
    if (!S_ISDIR(st.st_mode))
        return DB_OK;
    if (depth == DEPTH_MOST)
        return say(w, path, "lies too deep for a state folder");
    const int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return say(w, path, strerror(errno));
    const enum db_result result = from_out(w, archive_out_folder(w->out, path, st.st_mode));
    if (result == DB_OK)
        return add_folder(w, fd, path, depth + 1);
    close(fd);
    return result;
}

/** Adds what is in the folder; closes fd. */
static enum db_result add_folder(struct work *w, int fd, const char *path, int depth)
{
    DIR *folder = fdopendir(fd);
    if (!folder) {
        close(fd);
        return say(w, path, strerror(errno));
    }
    enum db_result result = DB_OK;
    for (const struct dirent *e = readdir(folder); e && result == DB_OK; e = readdir(folder))
        result = add_entry(w, dirfd(folder), e->d_name, path, depth);
    closedir(folder);
    return result;
}

static enum db_result add_all(struct db *db, void *ctx)
{
    struct work *w = ctx;
    enum db_result result = add_facts(w, db);
    if (result == DB_OK)
        result = add_tables(w, db);
    if (result != DB_OK)
        return result;
    const int fd = open(w->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? say(w, w->dir, strerror(errno)) : add_folder(w, fd, "files", 1);
}

static enum db_result is_current(struct db *db, char why[ARCHIVE_WHY_BYTES])
{
    int64_t version = 0;
    const enum db_result result = schema_version(db, &version);
    if (result == DB_OK && version == schema_n_steps)
        return DB_OK;
    if (result == DB_OK)
        snprintf(why, ARCHIVE_WHY_BYTES,
                 "the database has schema version %" PRId64
                 ", this ferryd writes %u: back up with the ferryd that serves",
                 version, schema_n_steps);
    else
        snprintf(why, ARCHIVE_WHY_BYTES, "%.400s", db->detail);
    return DB_FAILED;
}

bool backup_write(struct db *db, const char *dir, const char *skip, const char *file,
                  struct backup_report *report, char why[ARCHIVE_WHY_BYTES])
{
    struct archive_out out;
    struct work w = {.out = &out, .report = report, .dir = dir, .why = why};
    *report = (struct backup_report){0};
    why[0] = '\0';
    if (skip && stat(skip, &w.skip) != 0)
        w.skip = (struct stat){0};
    if (is_current(db, why) != DB_OK)
        return false;
    if (!archive_out_open(&out, file)) {
        memcpy(why, out.why, ARCHIVE_WHY_BYTES);
        return false;
    }
    if (db_snapshot(db, add_all, &w) != DB_OK) {
        if (!why[0])
            snprintf(why, ARCHIVE_WHY_BYTES, "%.400s", db->detail);
        archive_out_drop(&out);
        return false;
    }
    const bool is_good = archive_out_close(&out);
    if (!is_good)
        memcpy(why, out.why, ARCHIVE_WHY_BYTES);
    return is_good;
}
