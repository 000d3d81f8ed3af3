/* tests/server/db_trace.c - random statements of every form the server uses, from a seed, and all
 * that comes back, as text: `db_trace WHERE SEED STEPS`. test_engines.py runs it on both engines
 * and compares. The database is an empty one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db_world.h"

static uint64_t state;

static unsigned dice(unsigned n)
{
    state ^= state << 13; // xorshift64
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % n);
}

/** Statements and the kinds of their parameters: i(d of a row), n(umber), t(ext), b(lob), l(imit).
 * A capital may be NULL. */
static const struct form {
    const char *sql, *kinds;
} forms[] = {
    {"INSERT INTO t (id, grp, n, b) VALUES ($1, $2, $3, $4)", "iTNB"},
    {"INSERT INTO t (id, grp, n, b) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING", "iTNB"},
    {"INSERT INTO t (id, grp, n) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET"
     " n = t.n + excluded.n, grp = excluded.grp",
     "itn"},
    {"INSERT INTO u (id, at) SELECT id, n FROM t WHERE n > $1 ON CONFLICT (id) DO UPDATE SET"
     " at = excluded.at",
     "n"},
    {"INSERT INTO u (id, at) VALUES ($1, $2)", "iN"}, // refers to t: may be refused
    {"INSERT INTO t (id, grp) VALUES ($1, $2), ($1 + 1, $2)", "it"},
    {"UPDATE t SET n = COALESCE(n, 0) + $1 WHERE grp = $2", "nt"},
    {"UPDATE t SET b = $1, n = CASE WHEN n > $2 THEN 0 ELSE n END WHERE id = $3", "Bni"},
    {"UPDATE t SET grp = $1 WHERE id IN (SELECT id FROM u WHERE at IS NOT NULL)", "T"},
    {"UPDATE t SET id = $1 WHERE id = $2 AND id NOT IN (SELECT id FROM u)", "ii"},
    {"DELETE FROM u WHERE id >= $1", "i"},
    {"DELETE FROM t WHERE id = $1", "i"}, // u may refer to it
    {"SELECT id, grp, n, b FROM t ORDER BY id", ""},
    {"SELECT id, n FROM t WHERE id > $1 ORDER BY id LIMIT $2", "il"},
    {"SELECT grp, COUNT(*), MAX(n), MIN(id), CAST(SUM(n) AS BIGINT) FROM t WHERE grp IS NOT NULL"
     " GROUP BY grp ORDER BY MIN(id)",
     ""},
    {"SELECT t.id, u.at FROM t LEFT JOIN u ON u.id = t.id WHERE t.n IS NULL OR t.n < $1"
     " ORDER BY t.id",
     "n"},
    {"SELECT COUNT(*) FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.id = t.id) AND grp LIKE $1 "
     "ESCAPE '!'",
     "t"},
    {"SELECT id FROM t WHERE b = $1 OR n = $2 ORDER BY id DESC", "BN"},
    {"WITH r AS (SELECT id, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY id) AS k FROM t)"
     " SELECT id, k FROM r WHERE k <= $1 ORDER BY id",
     "l"},
    {"SELECT n / $1, n % $1, -n, ABS(n) FROM t WHERE n IS NOT NULL ORDER BY id", "l"},
    {"SELECT LENGTH(grp), 'x' || grp, SUBSTR(grp, 1, 2) FROM t ORDER BY id", ""},
    // Only in a transaction.
    {"UPDATE t SET n = 0 WHERE id = $1 RETURNING id, grp", "i"},
    {"INSERT INTO t (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = 1 RETURNING n",
     "iN"},
    {"DELETE FROM u WHERE id = $1 RETURNING at", "i"},
};

#define N_FORMS     ((unsigned)(sizeof(forms) / sizeof(forms[0])))
#define N_RETURNING 3u

static const char *const texts[] = {"", "a", "A", "b'", "\xc3\xa4\xe2\x82\xac", "a%", "_", "\\"};
static const char *const blobs[] = {"", "x", "\\x00", "\xff\xfe"};

static struct db_value random_value(char kind)
{
    const bool may_be_null = kind < 'a';
    if (may_be_null && dice(4) == 0)
        return db_text(NULL);
    switch (kind) {
    case 'i':
        return db_int(dice(30));
    case 'l':
        return db_int(1 + dice(5));
    case 't':
    case 'T':
        return db_text(texts[dice(sizeof(texts) / sizeof(texts[0]))]);
    case 'B': {
        const char *bytes = blobs[dice(sizeof(blobs) / sizeof(blobs[0]))];
        return db_blob(bytes, strlen(bytes));
    }
    default:
        return db_int((int64_t)dice(41) - 20);
    }
}

static void print_value(struct db *db, unsigned column)
{
    size_t n;
    switch (db_type_of(db, column)) {
    case DB_NULL:
        printf(" null");
        return;
    case DB_INT:
        printf(" %" PRId64, db_get_int(db, column));
        return;
    case DB_TEXT:
        printf(" '%s'", db_get_text(db, column));
        return;
    case DB_BLOB: {
        const uint8_t *bytes = db_get_blob(db, column, &n);
        printf(" x");
        for (size_t i = 0; i < n; i++)
            printf("%02x", bytes[i]);
        return;
    }
    }
}

static enum db_result print_rows(struct db *db)
{
    enum db_result result;
    while ((result = db_next(db)) == DB_ROW) {
        for (unsigned i = 0; i < db_columns(db); i++)
            print_value(db, i);
        printf("\n");
    }
    db_end(db);
    return result;
}

static enum db_result one_statement(struct db *db)
{
    struct db_value values[8];
    const unsigned f = dice(db->depth ? N_FORMS : N_FORMS - N_RETURNING);
    const size_t n = strlen(forms[f].kinds);
    for (size_t i = 0; i < n; i++)
        values[i] = random_value(forms[f].kinds[i]);
    printf("%s\n", forms[f].sql);
    enum db_result result = db_query(db, forms[f].sql, values, n);
    if (result == DB_OK)
        result = print_rows(db);
    printf("-> %d, %" PRId64 " changed\n", result, result == DB_OK ? db_changed(db) : 0);
    return result;
}

static enum db_result some_statements(struct db *db, void *ctx)
{
    (void)ctx;
    enum db_result result = DB_OK;
    for (unsigned n = dice(5); n && result == DB_OK; n--)
        result = one_statement(db);
    return result == DB_OK && dice(5) == 0 ? DB_FAILED : result;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: db_trace WHERE SEED STEPS\n");
        return 2;
    }
    world_begin(argc, argv);
    state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
    struct db *db = world_open();
    world_script(db, db->ops->setup);
    world_script(db, "CREATE TABLE t (id BIGINT PRIMARY KEY, grp TEXT, n BIGINT, b BLOB);"
                     "CREATE TABLE u (id BIGINT PRIMARY KEY REFERENCES t (id), at BIGINT);"
                     "CREATE UNIQUE INDEX one_of_each ON t (b) WHERE id < 15");
    for (long left = strtol(argv[3], NULL, 10); left > 0; left--) {
        if (dice(3)) {
            (void)one_statement(db); // what it answered is in the trace
        } else {
            printf("transaction\n");
            printf("=> %d\n", db_transaction(db, some_statements, NULL));
        }
    }
    db_close(db);
    return 0;
}
