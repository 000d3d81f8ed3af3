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
#define DB_PARAMS_MAX   32u

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

/** A parameter, or what stands in a column; text and blobs are borrowed: until the call returns, or
 * until the next row. Text from a column ends in NUL. */
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
    unsigned depth;               // of db_transaction
    bool is_open;                 // a statement whose db_end has not come
    int64_t changed;              // rows, by the last statement that has ended
    enum db_result broken;        // what ended the transaction that is on; else DB_OK
    char detail[DB_DETAIL_BYTES]; // of the last call that did not end in DB_OK or DB_ROW
};

enum db_mode {
    DB_WRITE,    // serializable
    DB_READ_ONLY // one consistent view, for long reading; rows come one by one
};

/** What a connection can be turned to. */
enum db_switch {
    DB_LOCK, // it is the only one of all that holds the lock, or waits to be
    DB_RELAX // single statements that follow may be lost at a power loss
};

/** An engine. Arguments are checked by the functions below, which are what callers use. */
struct db_ops {
    const char *name;  // "sqlite", "postgres"
    const char *setup; // SQL run before the first step of the schema
    void (*close)(struct db *db);
    enum db_result (*begin)(struct db *db, enum db_mode mode);
    enum db_result (*finish)(struct db *db, bool commits); // or rolls back, which never fails
    enum db_result (*turn)(struct db *db, enum db_switch what, bool on);
    enum db_result (*script)(struct db *db, const char *sql); // several statements, no parameters
    enum db_result (*query)(struct db *db, const char *sql, const struct db_value *values,
                            size_t n);
    enum db_result (*next)(struct db *db);
    struct db_value (*cell)(struct db *db, unsigned column);    // of this row
    const char *(*column_name)(struct db *db, unsigned column); // NULL: there are no more
    void (*end)(struct db *db);                                 // from here on db->changed is right
};

/** Opens the database that a configuration names: "sqlite:PATH" or "postgres:CONNINFO" (as libpq
 * takes it). *db is the caller's, closed by db_close. DB_GONE, DB_FAILED: why gets the reason. A
 * SQLite file must be there: a mistyped path must not look like an empty fleet. */
enum db_result db_open(struct db **db, const char *where, char why[DB_DETAIL_BYTES]);

/** As db_open, and makes the SQLite file, readable by its owner only; one that is there already
 * is DB_CONFLICT. A PostgreSQL database is made by its administrator, not here. */
enum db_result db_create(struct db **db, const char *where, char why[DB_DETAIL_BYTES]);

/** Makes *db a connection to nothing, on which every call ends in DB_GONE; need not be closed. */
void db_open_none(struct db *db);

void db_close(struct db *db);

/** Brings the schema to the version of this program, in one transaction per step; makes it in an
 * empty database. DB_FAILED also if the database is of a later program: detail says which. */
enum db_result db_migrate(struct db *db);

/** True once the database answers; connects again if need be. */
bool db_is_there(struct db *db);

/** Runs a statement and drops its rows. The number of rows it changed: db_changed. Outside a
 * transaction it is one of its own, durable and tried again as db_transaction says. */
enum db_result db_run(struct db *db, const char *sql, const struct db_value *values, size_t n);

/** The same for what nobody was promised (when a device was last seen): outside a transaction a
 * power loss may undo the newest of them; a killed ferryd does not. */
enum db_result db_run_relaxed(struct db *db, const char *sql, const struct db_value *values,
                              size_t n);

/** Rows that the last statement inserted, updated or deleted; known once it has ended. */
int64_t db_changed(struct db *db);

/** Starts a statement whose rows db_next brings one by one; after DB_OK, db_end ends it, always.
 * One statement at a time on a connection. Columns count from 0; text and blobs live until the
 * next db_next or db_end. All that a statement changes is done, or refused, when this returns;
 * RETURNING only in a transaction. */
enum db_result db_query(struct db *db, const char *sql, const struct db_value *values, size_t n);
enum db_result db_next(struct db *db);
int64_t db_get_int(struct db *db, unsigned column);
const char *db_get_text(struct db *db, unsigned column); // "" for NULL
const void *db_get_blob(struct db *db, unsigned column, size_t *n);
bool db_is_null(struct db *db, unsigned column);
enum db_type db_type_of(struct db *db, unsigned column);
unsigned db_columns(struct db *db);
const char *db_column_name(struct db *db, unsigned column);
void db_end(struct db *db);

/** For the head of a loop over all rows: true while there is another, and ends the statement after
 * the last. *result is what db_query has just said, and in the end DB_OK or what went wrong. Who
 * leaves the loop before calls db_end.
 *     enum db_result result = db_query(db, sql, values, n);
 *     while (db_each(db, &result))
 *         ... db_get_int(db, 0) ...
 */
bool db_each(struct db *db, enum db_result *result);

/** Takes what the row that a statement stands on says; out is its caller's. */
typedef void (*db_reader)(struct db *db, void *out);

/** Runs a statement and lets `read` have its first row. DB_ROW: there was one; DB_OK: none. */
enum db_result db_find(struct db *db, const char *sql, const struct db_value *values, size_t n,
                       db_reader read, void *out);

/** The one text that a statement answers, as much of it as fits. DB_ROW, or DB_OK with out
 * unchanged: no row. */
enum db_result db_word(struct db *db, char *out, size_t room, const char *sql,
                       const struct db_value *values, size_t n);

/** The one number that a statement answers. DB_OK with *out unchanged: no row. */
enum db_result db_number(struct db *db, int64_t *out, const char *sql,
                         const struct db_value *values, size_t n);

/** What a transaction does; anything but DB_OK rolls it back. May run again after DB_RETRY, so it
 * must change nothing but the database and what it sets anew each time. A call in it that ends in
 * neither DB_OK nor DB_ROW ends the transaction on both engines: every later call answers the same,
 * and nothing is committed. So ask first, or write ON CONFLICT, where a row may be there. */
typedef enum db_result (*db_work)(struct db *db, void *ctx);

/** Runs work in a transaction that is durable when DB_OK comes back: on disk, or refused. It is
 * serializable: the outcome is one that transactions running one after the other could have. Tries
 * again after DB_RETRY with a pause, for 10 s at most. Inside a transaction, work joins it.
 * DB_GONE at the very end leaves open whether it was done: what a client repeats must be
 * recognized. */
enum db_result db_transaction(struct db *db, db_work work, void *ctx);

/** Runs work over one consistent view of everything, while others go on writing. */
enum db_result db_snapshot(struct db *db, db_work work, void *ctx);

#endif
