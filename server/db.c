/* server/db.c - what is the same on both engines: opening by name, values, the rules of a
 * transaction and its second attempts. See db.h; the engines are db_sqlite.c and db_postgres.c.
 * Time limits of a request are the listener's; the limits here only end what would never end. */
#include "db.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "db_engine.h"
#include "unicode.h"

#define RETRY_FOR_MS  10000
#define PAUSE_MOST_MS 40

struct db_value db_int(int64_t n)
{
    return (struct db_value){.type = DB_INT, .number = n};
}

struct db_value db_text(const char *s)
{
    if (!s)
        return (struct db_value){.type = DB_NULL};
    return (struct db_value){.type = DB_TEXT, .bytes = s, .n_bytes = strlen(s)};
}

struct db_value db_blob(const void *bytes, size_t n)
{
    return (struct db_value){.type = DB_BLOB, .bytes = bytes ? bytes : "", .n_bytes = n};
}

enum db_result db_fail(struct db *db, enum db_result result, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(db->detail, sizeof(db->detail), fmt, args);
    va_end(args);
    return result;
}

static enum db_result open_any(struct db **db, const char *where, bool create,
                               char why[DB_DETAIL_BYTES])
{
    *db = NULL;
    why[0] = '\0';
    if (strncmp(where, "sqlite:", 7) == 0)
        return db_sqlite_open(db, where + 7, create, why);
    if (strncmp(where, "postgres:", 9) == 0)
        return db_postgres_open(db, where + 9, why);
    // What stands there may hold a password, so it is not repeated.
    snprintf(why, DB_DETAIL_BYTES,
             "a database is named sqlite:PATH or postgres:CONNINFO; this is neither");
    return DB_FAILED;
}

enum db_result db_open(struct db **db, const char *where, char why[DB_DETAIL_BYTES])
{
    return open_any(db, where, false, why);
}

enum db_result db_create(struct db **db, const char *where, char why[DB_DETAIL_BYTES])
{
    return open_any(db, where, true, why);
}

void db_close(struct db *db)
{
    if (db)
        db->ops->close(db);
}

/** Passes a result on; in a transaction it remembers the first that is not good. */
static enum db_result note(struct db *db, enum db_result result)
{
    if (db->depth && db->broken == DB_OK && result != DB_OK && result != DB_ROW)
        db->broken = result;
    return result;
}

int64_t db_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Waits before attempt number n, longer each time, by a fraction that differs between those who
 * collided: the low digits of the clock are as good as dice for that. */
static void pause_before(unsigned n)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long most_ms = n < 5 ? 1L << n : PAUSE_MOST_MS;
    const long ns = (now.tv_nsec % 997) * (most_ms * 1000000 / 997);
    const struct timespec time = {.tv_nsec = ns};
    nanosleep(&time, NULL);
}

static enum db_result values_fit(struct db *db, const struct db_value *values, size_t n)
{
    if (n > DB_PARAMS_MAX)
        return db_fail(db, DB_FAILED, "a statement with %zu parameters; the limit is %u", n,
                       DB_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        // PostgreSQL refuses such text, SQLite would keep it: the same must hold on both.
        if (values[i].type == DB_TEXT && !ferry_utf8_is_valid(values[i].bytes, values[i].n_bytes))
            return db_fail(db, DB_FAILED, "parameter %zu is not UTF-8 text", i + 1);
    }
    return DB_OK;
}

static enum db_result query_once(struct db *db, const char *sql, const struct db_value *values,
                                 size_t n)
{
    const enum db_result result = db->ops->query(db, sql, values, n);
    db->is_open = result == DB_OK;
    return result;
}

enum db_result db_query(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    if (db->depth && db->broken != DB_OK)
        return db->broken;
    if (db->is_open)
        return note(db, db_fail(db, DB_FAILED, "a statement is still open on this connection"));
    enum db_result result = values_fit(db, values, n);
    if (result != DB_OK)
        return note(db, result);
    if (db->depth)
        return note(db, query_once(db, sql, values, n));
    const int64_t until = db_now_ms() + RETRY_FOR_MS;
    for (unsigned attempt = 1;; attempt++) {
        result = query_once(db, sql, values, n);
        if (result != DB_RETRY || db_now_ms() >= until)
            return result;
        pause_before(attempt);
    }
}

enum db_result db_next(struct db *db)
{
    return note(db, db->is_open ? db->ops->next(db) : DB_FAILED);
}

void db_end(struct db *db)
{
    if (db->is_open)
        db->ops->end(db);
    db->is_open = false;
}

bool db_each(struct db *db, enum db_result *result)
{
    if (*result != DB_OK && *result != DB_ROW)
        return false; // the statement was not begun; one around it may be open
    *result = db_next(db);
    if (*result == DB_ROW)
        return true;
    db_end(db);
    return false;
}

enum db_result db_run(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    enum db_result result = db_query(db, sql, values, n);
    while (db_each(db, &result))
        continue;
    return result;
}

enum db_result db_run_relaxed(struct db *db, const char *sql, const struct db_value *values,
                              size_t n)
{
    if (db->depth)
        return db_run(db, sql, values, n);
    enum db_result result = db->ops->turn(db, DB_RELAX, true);
    if (result == DB_OK)
        result = db_run(db, sql, values, n);
    const enum db_result back = db->ops->turn(db, DB_RELAX, false);
    return result != DB_OK ? result : back;
}

enum db_result db_find(struct db *db, const char *sql, const struct db_value *values, size_t n,
                       db_reader read, void *out)
{
    enum db_result result = db_query(db, sql, values, n);
    if (result != DB_OK)
        return result;
    result = db_next(db);
    if (result == DB_ROW)
        read(db, out);
    db_end(db);
    return result;
}

struct word {
    char *out;
    size_t room;
};

static void read_word(struct db *db, void *out)
{
    const struct word *const w = out;
    snprintf(w->out, w->room, "%s", db_get_text(db, 0));
}

enum db_result db_word(struct db *db, char *out, size_t room, const char *sql,
                       const struct db_value *values, size_t n)
{
    return db_find(db, sql, values, n, read_word, &(struct word){out, room});
}

static void read_number(struct db *db, void *out)
{
    *(int64_t *)out = db_get_int(db, 0);
}

enum db_result db_number(struct db *db, int64_t *out, const char *sql,
                         const struct db_value *values, size_t n)
{
    const enum db_result result = db_find(db, sql, values, n, read_number, out);
    return result == DB_ROW ? DB_OK : result;
}

int64_t db_changed(struct db *db)
{
    return db->changed;
}

int64_t db_get_int(struct db *db, unsigned column)
{
    const struct db_value v = db->ops->cell(db, column);
    return v.type == DB_TEXT ? strtoll(v.bytes, NULL, 10) : v.number;
}

const char *db_get_text(struct db *db, unsigned column)
{
    const struct db_value v = db->ops->cell(db, column);
    return v.bytes ? v.bytes : "";
}

const void *db_get_blob(struct db *db, unsigned column, size_t *n)
{
    const struct db_value v = db->ops->cell(db, column);
    *n = v.n_bytes;
    return v.bytes ? v.bytes : "";
}

enum db_type db_type_of(struct db *db, unsigned column)
{
    return db->ops->cell(db, column).type;
}

bool db_is_null(struct db *db, unsigned column)
{
    return db_type_of(db, column) == DB_NULL;
}

unsigned db_columns(struct db *db)
{
    unsigned n = 0;
    while (db->ops->column_name(db, n))
        n++;
    return n;
}

const char *db_column_name(struct db *db, unsigned column)
{
    return db->ops->column_name(db, column);
}

bool db_is_there(struct db *db)
{
    return db_run(db, "SELECT version FROM schema_version", NULL, 0) == DB_OK;
}

/** One attempt: begin, work, commit. */
static enum db_result attempt_work(struct db *db, enum db_mode mode, db_work work, void *ctx)
{
    enum db_result result = db->ops->begin(db, mode);
    if (result != DB_OK)
        return result;
    db->depth = 1;
    db->broken = DB_OK;
    result = work(db, ctx);
    db_end(db); // a handler that left early
    if (db->broken != DB_OK)
        result = db->broken; // also where work took it for good
    db->depth = 0;
    if (result == DB_OK)
        result = db->ops->finish(db, true);
    if (result != DB_OK) {
        char detail[DB_DETAIL_BYTES];
        memcpy(detail, db->detail, sizeof(detail));
        db->ops->finish(db, false);
        memcpy(db->detail, detail, sizeof(detail));
    }
    return result;
}

/** Attempts after the first stand in a queue: who holds the lock meets only newcomers, each of
 * which has one attempt outside it, so that nobody loses for ever. */
static enum db_result attempt_queued(struct db *db, enum db_mode mode, db_work work, void *ctx)
{
    enum db_result result = db->ops->turn(db, DB_LOCK, true);
    if (result != DB_OK)
        return result;
    result = attempt_work(db, mode, work, ctx);
    const enum db_result unlocked = db->ops->turn(db, DB_LOCK, false);
    // What was committed stays committed; a lost connection loses its lock by itself.
    (void)unlocked;
    return result;
}

static enum db_result run_work(struct db *db, enum db_mode mode, db_work work, void *ctx)
{
    if (db->is_open)
        return note(db, db_fail(db, DB_FAILED, "a statement is still open on this connection"));
    if (db->depth) {
        if (db->broken != DB_OK)
            return db->broken;
        return note(db, work(db, ctx));
    }
    const int64_t until = db_now_ms() + RETRY_FOR_MS;
    enum db_result result = attempt_work(db, mode, work, ctx);
    while (result == DB_RETRY && db_now_ms() < until)
        result = attempt_queued(db, mode, work, ctx);
    return result;
}

enum db_result db_transaction(struct db *db, db_work work, void *ctx)
{
    return run_work(db, DB_WRITE, work, ctx);
}

enum db_result db_snapshot(struct db *db, db_work work, void *ctx)
{
    return run_work(db, DB_READ_ONLY, work, ctx);
}
