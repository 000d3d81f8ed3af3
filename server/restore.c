/* server/restore.c - a server out of a backup; see backup.h.
 * The folder is made beside its place, DIR.restoring, and renamed when all of it is on disk, so a
 * restore that was cut leaves nothing that looks like a server. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive_in.h"
#include "audit.h"
#include "backup.h"
#include "config.h"
#include "rows.h"
#include "schema.h"
#include "state_file.h"

#define CHUNK_MOST (64u << 20)
#define PATH_BYTES 4096u

struct restore {
    const char *file;
    char making[PATH_BYTES]; // the folder that becomes dir
    unsigned schema;
    bool has_facts;
    struct backup_report *report;
    char *why;
};

static bool say(char why[ARCHIVE_WHY_BYTES], const char *name, const char *reason)
{
    snprintf(why, ARCHIVE_WHY_BYTES, "%.300s: %.180s", name, reason);
    return false;
}

/** backup.txt: what wrote it. */
static bool take_facts(const struct archive_item *item, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    struct restore *r = ctx;
    if (strcmp(item->name, "backup.txt") != 0)
        return true;
    char *text = archive_in_whole(item, 4096, why);
    if (!text)
        return false;
    int format = 0;
    unsigned schema = 0;
    char program[40];
    const int n = sscanf(text, "format %d\nferryd %39s\nschema %u\n", &format, program, &schema);
    free(text);
    if (n != 3 || format != BACKUP_FORMAT || schema == 0 || schema > schema_n_steps) {
        snprintf(why, ARCHIVE_WHY_BYTES,
                 "the backup has format %d and schema version %u; this ferryd knows format %d and "
                 "versions up to %u",
                 format, schema, BACKUP_FORMAT, schema_n_steps);
        return false;
    }
    r->schema = schema;
    r->has_facts = true;
    return true;
}

static bool write_item(const struct archive_item *item, int fd, char why[ARCHIVE_WHY_BYTES])
{
    static char piece[256 * 1024];
    long n;
    while ((n = archive_in_read(item, piece, sizeof(piece), why)) > 0) {
        for (long at = 0; at < n;) {
            const ssize_t done = write(fd, piece + at, (size_t)(n - at));
            if (done < 0 && errno != EINTR)
                return say(why, item->name, strerror(errno));
            at += done > 0 ? done : 0;
        }
    }
    return n == 0;
}

/** Makes one file or folder of files/. */
static bool take_file(const struct archive_item *item, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    struct restore *r = ctx;
    char path[PATH_BYTES + 256];
    if (strncmp(item->name, "files/", 6) != 0)
        return true;
    snprintf(path, sizeof(path), "%s/%s", r->making, item->name + 6);
    if (item->is_folder)
        return mkdir(path, item->mode) == 0 || say(why, path, strerror(errno));
    const int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, item->mode & 0777u);
    if (fd < 0)
        return say(why, path, strerror(errno));
    const bool is_good = write_item(item, fd, why);
    close(fd);
    r->report->n_files++;
    r->report->n_bytes += item->n;
    if (strcmp(item->name, "files/ca/root.key") == 0)
        r->report->has_root_key = true;
    return is_good;
}

/** Makes the statement for a table's rows from the line of names. False: names that are none. */
static bool make_insert(struct ferry_strbuf *sql, const char *table, char *names, unsigned *n)
{
    char *rest = NULL;
    *n = 0;
    ferry_strbuf_addf(sql, "INSERT INTO %s (", table);
    for (char *c = strtok_r(names, "\t", &rest); c; c = strtok_r(NULL, "\t", &rest)) {
        if (strspn(c, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(c) || *n == DB_PARAMS_MAX)
            return false;
        ferry_strbuf_addf(sql, "%s%s", (*n)++ ? ", " : "", c);
    }
    for (unsigned i = 1; i <= *n; i++)
        ferry_strbuf_addf(sql, "%s$%u", i == 1 ? ") VALUES (" : ", ", i);
    ferry_strbuf_add(sql, ")", 1);
    return *n > 0 && !sql->failed;
}

/** The table that rows/TABLE/N is of; false if the schema has none of that name. */
static bool table_of(const char *name, char table[64])
{
    if (sscanf(name, "rows/%63[a-z0-9_]/%*6[0-9]", table) != 1)
        return false;
    const size_t n = strlen(table);
    for (unsigned i = 0; i < schema_n_steps; i++) {
        const char *at = schema_steps[i].tables;
        for (const size_t k = n; *at; at += strcspn(at, " "), at += *at == ' ') {
            if (strncmp(at, table, k) == 0 && (at[k] == ' ' || !at[k]))
                return true;
        }
    }
    return false;
}

struct loading {
    struct restore *r;
    struct db *db;
    enum db_result result; // of the database, if it was that
};

static bool load_rows(struct loading *l, const char *sql, char *at, unsigned n_values, char *why)
{
    while (*at) {
        struct db_value values[DB_PARAMS_MAX];
        char *end = strchr(at, '\n');
        if (!end || !rows_take(at, (size_t)(end - at), values, n_values))
            return say(why, sql, "a row in the backup is none");
        l->result = db_run(l->db, sql, values, n_values);
        if (l->result != DB_OK)
            return say(why, sql, l->db->detail);
        l->r->report->n_rows++;
        at = end + 1;
    }
    return true;
}

static bool load_chunk(const struct archive_item *item, void *ctx, char why[ARCHIVE_WHY_BYTES])
{
    struct loading *l = ctx;
    char table[64];
    if (strncmp(item->name, "rows/", 5) != 0)
        return true;
    if (!table_of(item->name, table))
        return say(why, item->name, "is rows of a table that this ferryd does not know");
    char *text = archive_in_whole(item, CHUNK_MOST, why);
    if (!text)
        return false;
    struct ferry_strbuf sql = {0};
    unsigned n_values = 0;
    char *end = strchr(text, '\n');
    if (end)
        *end = '\0';
    bool is_good = end && make_insert(&sql, table, text, &n_values);
    if (!is_good)
        say(why, item->name, "has no line of column names");
    else
        is_good = load_rows(l, sql.text, end + 1, n_values, why);
    ferry_strbuf_free(&sql);
    free(text);
    return is_good;
}

/** Steps may have put rows in; the backup has them too. Last tables first: some refer to others. */
static enum db_result empty_tables(struct db *db, unsigned n_steps)
{
    enum db_result result = DB_OK;
    for (unsigned i = n_steps; i-- > 0 && result == DB_OK;) {
        char tables[256], sql[100];
        snprintf(tables, sizeof(tables), "%s", schema_steps[i].tables);
        while (result == DB_OK && tables[0]) {
            char *last = strrchr(tables, ' ');
            snprintf(sql, sizeof(sql), "DELETE FROM %.64s", last ? last + 1 : tables);
            *(last ? last : tables) = '\0';
            result = db_run(db, sql, NULL, 0);
        }
    }
    return result;
}

static enum db_result load_all(struct db *db, void *ctx)
{
    struct restore *r = ctx;
    struct loading l = {.r = r, .db = db, .result = DB_OK};
    r->report->n_rows = 0; // it may be the second attempt
    const enum db_result result = empty_tables(db, r->schema);
    if (result != DB_OK)
        return result;
    if (!archive_in_each(r->file, load_chunk, &l, r->why))
        return l.result != DB_OK ? l.result : DB_FAILED;
    struct audit_report audit;
    const enum db_result verified = audit_verify(db, 0, NULL, &audit);
    if (verified != DB_OK || audit.is_good)
        return verified;
    say(r->why, "the audit log in the backup", audit.why);
    return DB_FAILED;
}

/** Whether nothing is in the database. Every server has an audit entry of its `init`; tables
 * without rows are what a restore that was cut has left. */
static enum db_result look_if_empty(struct restore *r, struct db *db, bool *is_empty)
{
    int64_t version = 0, n = 0;
    enum db_result result = schema_version(db, &version);
    if (result == DB_OK && version > 0)
        result = db_number(db, &n, "SELECT COUNT(*) FROM audit", NULL, 0);
    *is_empty = result == DB_OK && n == 0 && version <= r->schema;
    return result;
}

/** Fills an empty database. */
static bool fill(struct restore *r, struct db *db)
{
    bool is_empty;
    enum db_result result = look_if_empty(r, db, &is_empty);
    if (result == DB_OK && !is_empty)
        return say(r->why, "the database", "is not empty; restore into a new one");
    if (result == DB_OK)
        result = schema_migrate_to(db, r->schema);
    if (result == DB_OK)
        result = db_transaction(db, load_all, r);
    if (result == DB_OK)
        result = db_migrate(db);
    if (result != DB_OK)
        return r->why[0] ? false : say(r->why, "the database", db->detail);
    return true;
}

/** Puts `database = where` in the place of what the settings said. */
static bool set_database(struct restore *r, const char *where)
{
    struct ferry_strbuf old = {0}, text = {0};
    const int fd = open(r->making, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return say(r->why, r->making, strerror(errno));
    bool is_good = state_file_read(fd, "ferryd.conf", &old) || errno == ENOENT;
    for (const char *at = old.text; is_good && at && *at;) {
        const size_t n = strcspn(at, "\n");
        const char *key = at + strspn(at, " \t");
        const size_t n_key = strcspn(key, " \t=\n");
        if (n_key != 8 || strncmp(key, "database", 8) != 0)
            ferry_strbuf_addf(&text, "%.*s\n", (int)n, at);
        at += n + (at[n] == '\n');
    }
    ferry_strbuf_addf(&text, "database = %s\n", where);
    is_good = is_good && !text.failed && state_file_write(fd, "ferryd.conf", text.text, text.n);
    if (!is_good)
        say(r->why, "ferryd.conf", strerror(errno));
    ferry_strbuf_free(&old);
    ferry_strbuf_free(&text);
    close(fd);
    return is_good;
}

static bool restore_database(struct restore *r, const char *where)
{
    struct config config;
    struct db *db;
    char reason[CONFIG_WHY_BYTES];
    if (where && !set_database(r, where))
        return false;
    if (!config_load(&config, r->making, reason))
        return say(r->why, "the backup's settings", reason);
    const enum db_result result = db_create(&db, config.database, reason);
    if (result == DB_CONFLICT)
        return say(r->why, reason, "restore into a new database");
    if (result != DB_OK)
        return say(r->why, "the database", reason);
    const bool is_good = fill(r, db);
    db_close(db);
    return is_good;
}

/** All of it on disk before it gets its name. */
static bool sync_all(struct restore *r)
{
    const int fd = open(r->making, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_good = fd >= 0 && syncfs(fd) == 0;
    if (!is_good)
        say(r->why, r->making, strerror(errno));
    if (fd >= 0)
        close(fd);
    return is_good;
}

static bool is_free(const char *dir, char why[ARCHIVE_WHY_BYTES])
{
    DIR *folder = opendir(dir);
    if (!folder)
        return errno == ENOENT || say(why, dir, strerror(errno));
    int n = 0;
    while (readdir(folder))
        n++;
    closedir(folder);
    return n <= 2 || say(why, dir, "is not empty; restore into a new folder");
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

bool backup_restore(const char *file, const char *dir, const char *where,
                    struct backup_report *report, char why[ARCHIVE_WHY_BYTES])
{
    struct restore r = {.file = file, .report = report, .why = why};
    size_t n = strlen(dir);
    *report = (struct backup_report){0};
    why[0] = '\0';
    while (n > 1 && dir[n - 1] == '/')
        n--;
    if (snprintf(r.making, sizeof(r.making), "%.*s.restoring", (int)n, dir) >= (int)PATH_BYTES)
        return say(why, dir, "is too long a path");
    if (!is_free(dir, why) || !archive_in_check(file, why) ||
        !archive_in_each(file, take_facts, &r, why))
        return false;
    if (!r.has_facts)
        return say(why, file, "is no backup of ferryd");
    if (mkdir(r.making, 0700) != 0)
        return say(why, r.making,
                   errno == EEXIST ? "is there: an earlier restore ended early; remove it"
                                   : strerror(errno));
    // The rows come last: with PostgreSQL they are in their place as soon as they are committed.
    bool is_good =
        archive_in_each(file, take_file, &r, why) && sync_all(&r) && restore_database(&r, where);
    if (is_good && rename(r.making, dir) != 0)
        is_good = say(why, dir, strerror(errno));
    if (!is_good)
        nftw(r.making, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return is_good;
}
