/* server/db_sqlite.c - SQLite behind struct db_ops: the engine of one machine, in one file.
 * Write-ahead log, so that readers and the one writer do not wait for each other; a commit is
 * synced (synchronous=FULL), because certificates and reports are promised.
 * Threads of this process that write queue at a mutex: SQLite's own waiting polls, and of many who
 * poll some starve. Other processes (`ferryd token new`) meet the busy timeout. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "db_engine.h"

#define BUSY_MS 5000

struct sqlite {
    struct db base;
    sqlite3 *handle;
    sqlite3_stmt *statement; // open
    int first;               // what its first step said, until db_next has passed it on
    bool holds_writer;
    struct db_cache cache;
};

static pthread_mutex_t writer = PTHREAD_MUTEX_INITIALIZER;

static struct sqlite *of(struct db *db)
{
    return (struct sqlite *)db;
}

static enum db_result result_of(int code)
{
    switch (code) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
        return DB_CONFLICT;
    default:
        break;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return DB_OK;
    case SQLITE_ROW:
        return DB_ROW;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return DB_RETRY;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
        return DB_GONE;
    default:
        return DB_FAILED;
    }
}

static enum db_result fail(struct sqlite *s, int code)
{
    return db_fail(&s->base, result_of(code), "SQLite: %s", sqlite3_errmsg(s->handle));
}

static void hold_writer(struct sqlite *s)
{
    if (!s->holds_writer)
        pthread_mutex_lock(&writer);
    s->holds_writer = true;
}

static void free_writer(struct sqlite *s)
{
    if (s->holds_writer)
        pthread_mutex_unlock(&writer);
    s->holds_writer = false;
}

static enum db_result script(struct db *db, const char *sql)
{
    struct sqlite *s = of(db);
    const int code = sqlite3_exec(s->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? DB_OK : fail(s, code);
}

static enum db_result begin(struct db *db, enum db_mode mode)
{
    struct sqlite *s = of(db);
    if (mode == DB_WRITE)
        hold_writer(s);
    const enum db_result result =
        script(db, mode == DB_WRITE ? "BEGIN IMMEDIATE" : "PRAGMA query_only=ON; BEGIN");
    if (result != DB_OK)
        free_writer(s);
    return result;
}

static void leave(struct sqlite *s)
{
    sqlite3_exec(s->handle, "PRAGMA query_only=OFF", NULL, NULL, NULL);
    free_writer(s);
}

static enum db_result finish(struct db *db, bool commits)
{
    struct sqlite *s = of(db);
    enum db_result result = DB_OK;
    if (commits)
        result = script(db, "COMMIT");
    else if (!sqlite3_get_autocommit(s->handle)) // a full disk has rolled back already
        sqlite3_exec(s->handle, "ROLLBACK", NULL, NULL, NULL);
    if (result == DB_OK)
        leave(s);
    return result;
}

static enum db_result turn(struct db *db, enum db_switch what, bool on)
{
    if (what == DB_LOCK)
        return DB_OK; // BEGIN IMMEDIATE is the lock
    return script(db, on ? "PRAGMA synchronous=NORMAL" : "PRAGMA synchronous=FULL");
}

static void end(struct db *db)
{
    struct sqlite *s = of(db);
    const bool writes = !sqlite3_stmt_readonly(s->statement);
    sqlite3_reset(s->statement);
    if (writes) // of RETURNING, SQLite counts only once it is over
        db->changed = sqlite3_changes64(s->handle);
    sqlite3_clear_bindings(s->statement);
    s->statement = NULL;
    if (!db->depth)
        free_writer(s);
}

static enum db_result prepare(struct sqlite *s, const char *sql, const struct db_value *values,
                              size_t n)
{
    void *evicted;
    struct db_cached *entry = db_cache_find(&s->cache, sql, values, n, &evicted);
    sqlite3_finalize(evicted);
    if (!entry)
        return db_fail(&s->base, DB_GONE, "out of memory");
    if (!entry->statement) {
        sqlite3_stmt *made = NULL;
        const char *rest = "";
        const int code =
            sqlite3_prepare_v3(s->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, &rest);
        if (code != SQLITE_OK || !made || *rest) {
            sqlite3_finalize(made);
            db_cache_drop(entry);
            if (code != SQLITE_OK)
                return fail(s, code);
            return db_fail(&s->base, DB_FAILED, "not one statement");
        }
        entry->statement = made;
    }
    s->statement = entry->statement;
    return DB_OK;
}

static int bind_one(sqlite3_stmt *statement, int at, const struct db_value *v)
{
    switch (v->type) {
    case DB_INT:
        return sqlite3_bind_int64(statement, at, v->number);
    case DB_TEXT:
        return sqlite3_bind_text64(statement, at, v->bytes, v->n_bytes, SQLITE_TRANSIENT,
                                   SQLITE_UTF8);
    case DB_BLOB:
        return sqlite3_bind_blob64(statement, at, v->bytes, v->n_bytes, SQLITE_TRANSIENT);
    case DB_NULL:
    default:
        return sqlite3_bind_null(statement, at);
    }
}

/** To SQLite $1 is a name, not a place: it counts names in the order they appear. */
static int bind(struct sqlite *s, const struct db_value *values, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof(name), "$%zu", i + 1);
        const int at = sqlite3_bind_parameter_index(s->statement, name);
        const int code = at ? bind_one(s->statement, at, &values[i]) : SQLITE_RANGE;
        if (code != SQLITE_OK)
            return code;
    }
    return sqlite3_bind_parameter_count(s->statement) == (int)n ? SQLITE_OK : SQLITE_RANGE;
}

static enum db_result query(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    struct sqlite *s = of(db);
    db->changed = 0;
    const enum db_result prepared = prepare(s, sql, values, n);
    if (prepared != DB_OK)
        return prepared;
    int code = bind(s, values, n);
    if (code == SQLITE_RANGE) {
        end(db);
        return db_fail(db, DB_FAILED, "%zu parameters do not fit the statement", n);
    }
    const bool writes = !sqlite3_stmt_readonly(s->statement);
    if (writes && !db->depth && sqlite3_column_count(s->statement) > 0) {
        // It would be committed by db_end, which has no way to say that it was not.
        end(db);
        return db_fail(db, DB_FAILED, "RETURNING belongs into a transaction");
    }
    if (code == SQLITE_OK) {
        if (writes && !db->depth)
            hold_writer(s);
        code = sqlite3_step(s->statement);
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        const enum db_result result = fail(s, code);
        end(db);
        return result;
    }
    s->first = code;
    return DB_OK;
}

static enum db_result next(struct db *db)
{
    struct sqlite *s = of(db);
    int code = s->first;
    if (code == SQLITE_OK)
        code = sqlite3_step(s->statement);
    // A statement that is done would start over at the next step; it stays done.
    s->first = code == SQLITE_DONE ? SQLITE_DONE : SQLITE_OK;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return result_of(code);
    return fail(s, code);
}

static struct db_value cell(struct db *db, unsigned column)
{
    sqlite3_stmt *const statement = of(db)->statement;
    const int at = (int)column;
    struct db_value v = {.type = DB_NULL};
    switch (sqlite3_column_type(statement, at)) {
    case SQLITE_NULL:
        return v;
    case SQLITE_TEXT:
        v.type = DB_TEXT;
        v.bytes = sqlite3_column_text(statement, at);
        break;
    case SQLITE_BLOB:
        v.type = DB_BLOB;
        v.bytes = sqlite3_column_blob(statement, at);
        break;
    default:
        return db_int(sqlite3_column_int64(statement, at));
    }
    v.n_bytes = (size_t)sqlite3_column_bytes(statement, at);
    return v;
}

static const char *column_name(struct db *db, unsigned column)
{
    sqlite3_stmt *const statement = of(db)->statement;
    if ((int)column >= sqlite3_column_count(statement))
        return NULL;
    const char *const name = sqlite3_column_name(statement, (int)column);
    return name ? name : "";
}

static void close_sqlite(struct db *db)
{
    struct sqlite *s = of(db);
    for (size_t i = 0; i < DB_CACHE_STATEMENTS; i++)
        sqlite3_finalize(s->cache.entries[i].statement);
    db_cache_clear(&s->cache);
    sqlite3_close(s->handle);
    free_writer(s);
    free(s);
}

static const struct db_ops sqlite_ops = {
    .name = "sqlite",
    .setup = "",
    .close = close_sqlite,
    .begin = begin,
    .finish = finish,
    .turn = turn,
    .script = script,
    .query = query,
    .next = next,
    .cell = cell,
    .column_name = column_name,
    .end = end,
};

/** SQLite would make the file readable by all; its log and index take over what it has. */
static enum db_result make_file(const char *path, char why[DB_DETAIL_BYTES])
{
    const int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        const int error = errno;
        snprintf(why, DB_DETAIL_BYTES, "%.150s: %s", path, strerror(error));
        return error == EEXIST ? DB_CONFLICT : DB_FAILED;
    }
    close(fd);
    return DB_OK;
}

static enum db_result set_up(struct sqlite *s)
{
    sqlite3_extended_result_codes(s->handle, 1);
    sqlite3_busy_timeout(s->handle, BUSY_MS);
    sqlite3_db_config(s->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    // LIKE tells cases apart as PostgreSQL's does.
    return script(&s->base, "PRAGMA journal_mode=WAL;"
                            "PRAGMA synchronous=FULL;"
                            "PRAGMA foreign_keys=ON;"
                            "PRAGMA trusted_schema=OFF;"
                            "PRAGMA case_sensitive_like=ON;");
}

enum db_result db_sqlite_open(struct db **db, const char *path, bool create,
                              char why[DB_DETAIL_BYTES])
{
    if (create) {
        const enum db_result made = make_file(path, why);
        if (made != DB_OK)
            return made;
    } else if (access(path, F_OK) != 0) {
        snprintf(why, DB_DETAIL_BYTES, "%.150s: %s; `ferryd init` makes a database", path,
                 strerror(errno));
        return DB_FAILED;
    }
    struct sqlite *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(why, DB_DETAIL_BYTES, "out of memory");
        return DB_GONE;
    }
    s->base.ops = &sqlite_ops;
    const int code =
        sqlite3_open_v2(path, &s->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    const enum db_result result = code == SQLITE_OK ? set_up(s) : fail(s, code);
    if (result != DB_OK) {
        snprintf(why, DB_DETAIL_BYTES, "%.100s: %.140s", path, s->base.detail);
        close_sqlite(&s->base);
        return result;
    }
    *db = &s->base;
    return DB_OK;
}
