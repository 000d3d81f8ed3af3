/* server/db_postgres.c - PostgreSQL behind struct db_ops: the engine that several ferryd share.
 * Every transaction is SERIALIZABLE, also single statements, so that the text that is right on
 * SQLite, where writers run one after the other, is right here; PostgreSQL answers 40001 where it
 * cannot keep that, and db.c begins again. Parameters and results travel in binary.
 * Why libpq is linked and not loaded: docs/design/server.md "Database". */
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_engine.h"

// Types by the numbers of PostgreSQL's pg_type.
enum oid { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23 };
enum oid_text { OID_TEXT = 25, OID_BPCHAR = 1042, OID_VARCHAR = 1043, OID_NAME = 19 };

#define RECONNECT_PAUSE_MS 300
#define LOCK_KEY           "7305803281" // of ferryd among the users of a database, by no meaning

struct postgres {
    struct db base;
    PGconn *conn;
    PGresult *rows;
    int row;             // in rows; -1 before the first
    bool is_stream;      // rows come one PGresult each
    bool streams;        // ... in the transaction that is on
    bool is_relaxed;     // synchronous_commit is off
    bool may_relax;      // ... and may be for the next statement
    bool was_prepared;   // the statement that runs, before
    int64_t next_try_ms; // before it, no attempt to connect
    unsigned next_name;
    struct db_cache cache;
};

static struct postgres *of(struct db *db)
{
    return (struct postgres *)db;
}

/** What an SQLSTATE asks of the caller. */
static enum db_result result_of(const char *state)
{
    static const struct {
        const char *start;
        enum db_result result;
    } rows[] = {
        {"23505", DB_CONFLICT}, // unique_violation
        {"40001", DB_RETRY},    // serialization_failure
        {"40P01", DB_RETRY},    // deadlock_detected
        {"55P03", DB_RETRY},    // lock_not_available
        {"08P01", DB_FAILED},   // parameters that do not fit the statement
        {"08", DB_GONE},        // connection
        {"53", DB_GONE},        // disk full, out of memory, too many connections
        {"57", DB_GONE},        // shutting down, starting up, out of time
        {"58", DB_GONE},        // input and output
        {"25006", DB_GONE},     // read only: a standby
        {"F0", DB_GONE},        // its lock file
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strncmp(state, rows[i].start, strlen(rows[i].start)) == 0)
            return rows[i].result;
    }
    return DB_FAILED;
}

static void drop_rows(struct postgres *p)
{
    PQclear(p->rows);
    p->rows = NULL;
}

/** Prepared statements live as long as their connection. */
static void forget_statements(struct postgres *p)
{
    db_cache_clear(&p->cache);
}

/** The sentence without its line end; libpq's own may have several lines, the first says it. */
static enum db_result fail_with(struct postgres *p, enum db_result result, const char *message)
{
    return db_fail(&p->base, result, "PostgreSQL: %.*s", (int)strcspn(message, "\n"), message);
}

static enum db_result fail(struct postgres *p, const PGresult *r)
{
    if (PQstatus(p->conn) == CONNECTION_BAD)
        return fail_with(p, DB_GONE, PQerrorMessage(p->conn));
    const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
    if (!state)
        return fail_with(p, DB_GONE, PQerrorMessage(p->conn));
    const bool is_stale = strcmp(state, "0A000") == 0 || strcmp(state, "26000") == 0;
    if (is_stale && p->was_prepared) {
        // A plan whose table has changed since, by the migration of a newer instance. The names
        // are not used again, so the session may keep the old ones.
        forget_statements(p);
        return fail_with(p, DB_RETRY, "a statement is prepared again");
    }
    const char *said = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
    return fail_with(p, result_of(state), said ? said : state);
}

static enum db_result script(struct db *db, const char *sql)
{
    struct postgres *p = of(db);
    PGresult *r = PQexec(p->conn, sql);
    const ExecStatusType status = PQresultStatus(r);
    enum db_result result = DB_OK;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY)
        result = fail(p, r);
    PQclear(r);
    return result;
}

/** What every session begins with. Limits of time end what a lost partner would hold for ever. */
static enum db_result set_up(struct postgres *p)
{
    forget_statements(p);
    p->is_relaxed = false;
    const char *encoding = PQparameterStatus(p->conn, "server_encoding");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return db_fail(&p->base, DB_FAILED,
                       "PostgreSQL: the database's encoding is %.30s; ferryd needs UTF8",
                       encoding ? encoding : "unknown");
    return script(&p->base, "SET client_encoding='UTF8';"
                            "SET default_transaction_isolation='serializable';"
                            "SET synchronous_commit=on;"
                            "SET lock_timeout='5s';"
                            "SET statement_timeout='15s';"
                            "SET idle_in_transaction_session_timeout='60s';"
                            "SET client_min_messages='error'");
}

/** Connects again if the connection is gone. An idle one tells of its end only when read. */
static enum db_result be_there(struct postgres *p)
{
    if (PQstatus(p->conn) == CONNECTION_OK && PQconsumeInput(p->conn) &&
        PQstatus(p->conn) == CONNECTION_OK)
        return DB_OK;
    // Every request of every thread would wait for an address that does not answer.
    if (db_now_ms() < p->next_try_ms)
        return db_fail(&p->base, DB_GONE, "PostgreSQL: not reachable a moment ago");
    PQreset(p->conn);
    enum db_result result = DB_OK;
    if (PQstatus(p->conn) != CONNECTION_OK)
        result = fail_with(p, DB_GONE, PQerrorMessage(p->conn));
    else
        result = set_up(p);
    if (result != DB_OK)
        p->next_try_ms = db_now_ms() + RECONNECT_PAUSE_MS;
    return result;
}

static enum db_result want_relaxed(struct postgres *p, bool on)
{
    if (p->is_relaxed == on)
        return DB_OK;
    const enum db_result result =
        script(&p->base, on ? "SET synchronous_commit=off" : "SET synchronous_commit=on");
    if (result == DB_OK)
        p->is_relaxed = on;
    return result;
}

static enum db_result begin(struct db *db, enum db_mode mode)
{
    struct postgres *p = of(db);
    enum db_result result = be_there(p);
    if (result == DB_OK)
        result = want_relaxed(p, false);
    // A snapshot may wait for writers that are on, but then nothing makes it begin again.
    if (result == DB_OK)
        result = script(db, mode == DB_WRITE
                                ? "BEGIN"
                                : "BEGIN READ ONLY DEFERRABLE; SET LOCAL statement_timeout=0");
    p->streams = result == DB_OK && mode == DB_READ_ONLY;
    return result;
}

static enum db_result commit(struct postgres *p)
{
    PGresult *r = PQexec(p->conn, "COMMIT");
    enum db_result result = DB_OK;
    if (PQresultStatus(r) != PGRES_COMMAND_OK)
        result = fail(p, r);
    else if (strcmp(PQcmdStatus(r), "COMMIT") != 0) // of what has failed, COMMIT is ROLLBACK
        result = db_fail(&p->base, DB_FAILED, "PostgreSQL: the transaction was rolled back");
    PQclear(r);
    return result;
}

static enum db_result finish(struct db *db, bool commits)
{
    struct postgres *p = of(db);
    enum db_result result = DB_OK;
    if (commits)
        result = commit(p);
    else if (PQstatus(p->conn) == CONNECTION_OK && PQtransactionStatus(p->conn) != PQTRANS_IDLE)
        PQclear(PQexec(p->conn, "ROLLBACK"));
    p->streams = false;
    return result;
}

static enum db_result lock(struct postgres *p, bool on)
{
    const enum db_result result = on ? be_there(p) : DB_OK;
    if (result != DB_OK)
        return result;
    // The session holds it, not the transaction, whose view must begin after the waiting.
    return script(&p->base, on ? "SELECT pg_advisory_lock(" LOCK_KEY ")"
                               : "SELECT pg_advisory_unlock(" LOCK_KEY ")");
}

static enum db_result turn(struct db *db, enum db_switch what, bool on)
{
    if (what == DB_LOCK)
        return lock(of(db), on);
    of(db)->may_relax = on; // a statement that writes turns it, so that reading costs nothing
    return DB_OK;
}

static Oid oid_of(enum db_type type)
{
    switch (type) {
    case DB_INT:
        return OID_INT8;
    case DB_TEXT:
        return OID_TEXT;
    case DB_BLOB:
        return OID_BYTEA;
    case DB_NULL:
    default:
        return 0; // whatever the place asks for
    }
}

/** The name by which the session knows the statement; prepared now if it is new. */
static enum db_result prepare(struct postgres *p, const char *sql, const struct db_value *values,
                              size_t n, char name[16])
{
    void *evicted;
    struct db_cached *entry = db_cache_find(&p->cache, sql, values, n, &evicted);
    if (!entry)
        return db_fail(&p->base, DB_GONE, "out of memory");
    if (evicted) {
        char drop[40];
        snprintf(drop, sizeof(drop), "DEALLOCATE s%u", (unsigned)(uintptr_t)evicted);
        PQclear(PQexec(p->conn, drop));
    }
    p->was_prepared = entry->statement != NULL;
    if (p->was_prepared) {
        snprintf(name, 16, "s%u", (unsigned)(uintptr_t)entry->statement);
        return DB_OK;
    }
    Oid types[DB_PARAMS_MAX] = {0};
    for (size_t i = 0; i < n; i++)
        types[i] = oid_of(values[i].type);
    snprintf(name, 16, "s%u", ++p->next_name);
    PGresult *r = PQprepare(p->conn, name, sql, (int)n, types);
    enum db_result result = DB_OK;
    if (PQresultStatus(r) == PGRES_COMMAND_OK) {
        entry->statement = (void *)(uintptr_t)p->next_name; // a number, kept where a pointer goes
    } else {
        db_cache_drop(entry);
        result = fail(p, r);
    }
    PQclear(r);
    return result;
}

/** Only types that come out the same on SQLite: SUM of BIGINT would be numeric, say. */
static enum db_result columns_fit(struct postgres *p)
{
    for (int i = 0; i < PQnfields(p->rows); i++) {
        switch (PQftype(p->rows, i)) {
        case OID_BOOL:
        case OID_BYTEA:
        case OID_INT8:
        case OID_INT2:
        case OID_INT4:
        case OID_TEXT:
        case OID_BPCHAR:
        case OID_VARCHAR:
        case OID_NAME:
            break;
        default:
            return db_fail(&p->base, DB_FAILED,
                           "column %s is neither BIGINT, TEXT nor BLOB; CAST it",
                           PQfname(p->rows, i));
        }
    }
    return DB_OK;
}

/** Takes the first result of a statement: its rows, or in a stream the first of them. */
static enum db_result take_result(struct postgres *p, PGresult *r)
{
    const ExecStatusType status = PQresultStatus(r);
    p->row = -1;
    p->rows = r;
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) {
        const char *command = PQcmdStatus(r);
        if (strncmp(command, "SELECT", 6) != 0)
            p->base.changed = strtoll(PQcmdTuples(r), NULL, 10);
        return columns_fit(p);
    }
    if (status == PGRES_SINGLE_TUPLE)
        return columns_fit(p);
    return fail(p, r);
}

static void end(struct db *db)
{
    struct postgres *p = of(db);
    drop_rows(p);
    if (p->is_stream) {
        PGcancel *cancel = PQgetCancel(p->conn);
        char why[64];
        // Only where rows are still to come; of a finished statement nothing is left to cancel.
        if (cancel && PQisBusy(p->conn))
            PQcancel(cancel, why, sizeof(why));
        PQfreeCancel(cancel);
        for (PGresult *r = PQgetResult(p->conn); r; r = PQgetResult(p->conn))
            PQclear(r);
    }
    p->is_stream = false;
}

/** A parameter as it travels: numbers in network order, in a place of the caller's. */
static const char *wire(const struct db_value *v, uint64_t *place, int *n_bytes)
{
    *n_bytes = (int)v->n_bytes;
    switch (v->type) {
    case DB_INT:
        *place = htobe64((uint64_t)v->number);
        *n_bytes = sizeof(*place);
        return (const char *)place;
    case DB_TEXT:
    case DB_BLOB:
        return v->bytes;
    case DB_NULL:
    default:
        return NULL;
    }
}

static enum db_result query(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    struct postgres *p = of(db);
    db->changed = 0;
    if (!db->depth) {
        enum db_result there = be_there(p);
        if (there == DB_OK && strncmp(sql, "SELECT", 6) != 0)
            there = want_relaxed(p, p->may_relax);
        if (there != DB_OK)
            return there;
    }
    char name[16];
    enum db_result result = prepare(p, sql, values, n, name);
    if (result != DB_OK)
        return result;
    uint64_t numbers[DB_PARAMS_MAX];
    const char *bytes[DB_PARAMS_MAX] = {0};
    int lengths[DB_PARAMS_MAX] = {0};
    int formats[DB_PARAMS_MAX] = {0};
    for (size_t i = 0; i < n; i++) {
        bytes[i] = wire(&values[i], &numbers[i], &lengths[i]);
        formats[i] = 1;
    }
    if (p->streams) {
        if (!PQsendQueryPrepared(p->conn, name, (int)n, bytes, lengths, formats, 1))
            return fail(p, NULL);
        PQsetSingleRowMode(p->conn);
        p->is_stream = true;
        result = take_result(p, PQgetResult(p->conn));
    } else {
        result = take_result(p, PQexecPrepared(p->conn, name, (int)n, bytes, lengths, formats, 1));
    }
    if (result != DB_OK)
        end(db);
    return result;
}

static enum db_result next(struct db *db)
{
    struct postgres *p = of(db);
    if (p->rows && p->row + 1 < PQntuples(p->rows)) {
        p->row++;
        return DB_ROW;
    }
    // A stream ends with a result that has no row.
    if (!p->is_stream || !p->rows || PQntuples(p->rows) == 0)
        return DB_OK;
    drop_rows(p);
    const enum db_result result = take_result(p, PQgetResult(p->conn));
    if (result != DB_OK || PQntuples(p->rows) == 0)
        return result;
    p->row = 0;
    return DB_ROW;
}

/** A number as it travels, of any of the types that columns_fit lets through. */
static int64_t number_of(Oid type, const char *bytes)
{
    uint64_t wide;
    uint32_t four;
    uint16_t two;
    switch (type) {
    case OID_INT4:
        memcpy(&four, bytes, sizeof(four));
        return (int32_t)be32toh(four);
    case OID_INT2:
        memcpy(&two, bytes, sizeof(two));
        return (int16_t)be16toh(two);
    case OID_BOOL:
        return bytes[0] != 0;
    default:
        memcpy(&wide, bytes, sizeof(wide));
        return (int64_t)be64toh(wide);
    }
}

static struct db_value cell(struct db *db, unsigned column)
{
    const struct postgres *p = of(db);
    const int at = (int)column;
    struct db_value v = {.type = DB_NULL};
    if (PQgetisnull(p->rows, p->row, at))
        return v;
    v.bytes = PQgetvalue(p->rows, p->row, at);
    switch (PQftype(p->rows, at)) {
    case OID_BYTEA:
        v.type = DB_BLOB;
        break;
    case OID_TEXT:
    case OID_BPCHAR:
    case OID_VARCHAR:
    case OID_NAME:
        v.type = DB_TEXT;
        break;
    default:
        return db_int(number_of(PQftype(p->rows, at), v.bytes));
    }
    v.n_bytes = (size_t)PQgetlength(p->rows, p->row, at);
    return v;
}

static const char *column_name(struct db *db, unsigned column)
{
    return PQfname(of(db)->rows, (int)column); // NULL behind the last
}

static void close_postgres(struct db *db)
{
    struct postgres *p = of(db);
    drop_rows(p);
    PQfinish(p->conn);
    forget_statements(p);
    free(p);
}

static const struct db_ops postgres_ops = {
    .name = "postgres",
    // So that the schema can say BLOB on both.
    .setup = "DO 'BEGIN IF to_regtype(''blob'') IS NULL THEN CREATE DOMAIN blob AS bytea; "
             "END IF; END'",
    .close = close_postgres,
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

static void no_notice(void *arg, const PGresult *r)
{
    (void)arg;
    (void)r;
}

/** Connects with limits of time that what the user wrote may overrule: the last one counts. */
static PGconn *connect_to(const char *conninfo)
{
    const char *const names[] = {"connect_timeout", "tcp_user_timeout", "application_name",
                                 "dbname", NULL};
    const char *const values[] = {"5", "10000", "ferryd", conninfo, NULL};
    return PQconnectdbParams(names, values, 1);
}

enum db_result db_postgres_open(struct db **db, const char *conninfo, char why[DB_DETAIL_BYTES])
{
    PQconninfoOption *words = PQconninfoParse(conninfo, NULL);
    if (!words) {
        // libpq would repeat the word that it does not understand, which may be a password's end.
        snprintf(why, DB_DETAIL_BYTES,
                 "PostgreSQL: what follows postgres: must be KEY=VALUE words or a URI for libpq");
        return DB_FAILED;
    }
    PQconninfoFree(words);
    struct postgres *p = calloc(1, sizeof(*p));
    if (p)
        p->conn = connect_to(conninfo);
    if (!p || !p->conn) {
        free(p);
        snprintf(why, DB_DETAIL_BYTES, "out of memory");
        return DB_GONE;
    }
    p->base.ops = &postgres_ops;
    PQsetNoticeReceiver(p->conn, no_notice, NULL);
    enum db_result result = DB_OK;
    if (PQstatus(p->conn) != CONNECTION_OK)
        result = fail_with(p, DB_GONE, PQerrorMessage(p->conn));
    else
        result = set_up(p);
    if (result != DB_OK) {
        memcpy(why, p->base.detail, DB_DETAIL_BYTES);
        close_postgres(&p->base);
        return result;
    }
    *db = &p->base;
    return DB_OK;
}
