/* server/db.h - the database: one SQL text, two engines behind a table of functions.
 * The nouns that keep rows (store_*.c) write portable SQL with $1, $2 parameters and come in here;
 * db_sqlite.c and db_postgres.c are the engines. What is portable, and how instances share a
 * database: docs/design/server.md "Database". A connection belongs to one thread. */
#ifndef SERVER_DB_H
#define SERVER_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DB_DETAIL_BYTES 256u
#define DB_PARAMS_MAX   16u

/** What became of a call. */
enum db_result {
    DB_OK,
    DB_ROW,      // db_next: a row is there
    DB_CONFLICT, // a UNIQUE or PRIMARY KEY rule refused the row
    DB_RETRY,    // another transaction was in the way: begin again from the start
    DB_GONE,     // no database: cannot be reached, or its disk is full; try later
    DB_FAILED    // anything else; detail says it
};

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

/** A parameter; text and blobs are borrowed until the call returns. */
struct db_value {
    enum db_type type;
    int64_t number;
    const void *bytes;
    size_t n_bytes;
};

struct db_value db_int(int64_t n);
struct db_value db_text(const char *s); // NULL is NULL
struct db_value db_blob(const void *bytes, size_t n);

struct db_ops;

/** A connection. An engine has it as its first member. */
struct db {
    const struct db_ops *ops;
    unsigned depth;               // of db_begin
    char detail[DB_DETAIL_BYTES]; // of the last call that did not end in DB_OK or DB_ROW
};

/** An engine. Arguments are checked by the functions below, which are what callers use. */
struct db_ops {
    const char *name; // "sqlite", "postgres"
    void (*close)(struct db *db);
    enum db_result (*script)(struct db *db, const char *sql); // several statements, no parameters
    enum db_result (*query)(struct db *db, const char *sql, const struct db_value *values,
                            size_t n);
    enum db_result (*next)(struct db *db);
    int64_t (*get_int)(struct db *db, unsigned column);
    const char *(*get_text)(struct db *db, unsigned column);
    const void *(*get_blob)(struct db *db, unsigned column, size_t *n);
    bool (*is_null)(struct db *db, unsigned column);
    void (*end)(struct db *db);
    int64_t (*changed)(struct db *db);
    enum db_result (*ping)(struct db *db); // also connects again after DB_GONE
};

/** Opens the database that a configuration names: "sqlite:PATH" or "postgres:CONNINFO" (as libpq
 * takes it). *db is the caller's, closed by db_close. DB_GONE, DB_FAILED: why gets the reason. */
enum db_result db_open(struct db **db, const char *where, char why[DB_DETAIL_BYTES]);

void db_close(struct db *db);

/** Brings the schema to the version of this program, in one transaction per step; makes it in an
 * empty database. DB_FAILED also if the database is of a later program: detail says which. */
enum db_result db_migrate(struct db *db);

/** Runs a statement and drops its rows. The number of rows it changed: db_changed. */
enum db_result db_run(struct db *db, const char *sql, const struct db_value *values, size_t n);

int64_t db_changed(struct db *db);

/** Starts a statement whose rows db_next brings one by one; db_end ends it, always. One statement
 * at a time on a connection. Columns count from 0; text and blobs live until the next call. */
enum db_result db_query(struct db *db, const char *sql, const struct db_value *values, size_t n);
enum db_result db_next(struct db *db);
int64_t db_get_int(struct db *db, unsigned column);
const char *db_get_text(struct db *db, unsigned column); // "" for NULL
const void *db_get_blob(struct db *db, unsigned column, size_t *n);
bool db_is_null(struct db *db, unsigned column);
void db_end(struct db *db);

/** The one number that a statement answers. DB_OK with *out unchanged: no row. */
enum db_result db_number(struct db *db, int64_t *out, const char *sql,
                         const struct db_value *values, size_t n);

/** What a transaction does; anything but DB_OK rolls it back. May run again after DB_RETRY, so it
 * must change nothing but the database and what it sets anew each time. */
typedef enum db_result (*db_work)(struct db *db, void *ctx);

/** Runs work in a transaction that is durable when DB_OK comes back: on disk, or refused. Tries
 * again after DB_RETRY, a bounded number of times with a pause. */
enum db_result db_transaction(struct db *db, db_work work, void *ctx);

#endif
