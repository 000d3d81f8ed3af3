/* tests/server/test_db.c - what db.h promises, on whichever engine the command line names. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "db_world.h"
#include "schema.h"
#include "t.h"

#define RUN(db, sql, ...)                                                                          \
    db_run(db, sql, (const struct db_value[]){__VA_ARGS__},                                        \
           sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))

static void values_come_back_as_they_went_in(void)
{
    struct db *db = world_open();
    world_script(db, "DROP TABLE IF EXISTS v; CREATE TABLE v (n BIGINT, t TEXT, b BYTEA)");
    T_EQ_INT(RUN(db, "INSERT INTO v VALUES ($1, $2, $3)", db_int(INT64_MIN),
                 db_text("a\xc3\xa4'\"\\%\n"), db_blob("\0\xff\0'", 4)),
             DB_OK);
    T_EQ_INT(db_changed(db), 1);
    T_EQ_INT(RUN(db, "INSERT INTO v VALUES ($1, $2, $3)", db_int(INT64_MAX), db_text(""),
                 db_blob(NULL, 0)),
             DB_OK);
    T_EQ_INT(
        RUN(db, "INSERT INTO v VALUES ($1, $2, $3)", db_text(NULL), db_text(NULL), db_text(NULL)),
        DB_OK);
    T_EQ_INT(db_query(db, "SELECT n, t, b AS bytes FROM v ORDER BY n IS NULL, n", NULL, 0), DB_OK);
    T_EQ_INT(db_columns(db), 3);
    T_EQ_STR(db_column_name(db, 2), "bytes");
    size_t n = 0;
    T_EQ_INT(db_next(db), DB_ROW);
    T_CHECK(db_get_int(db, 0) == INT64_MIN);
    T_EQ_STR(db_get_text(db, 1), "a\xc3\xa4'\"\\%\n");
    T_EQ_MEM(db_get_blob(db, 2, &n), "\0\xff\0'", 4);
    T_EQ_INT(n, 4);
    T_EQ_INT(db_next(db), DB_ROW);
    T_CHECK(db_get_int(db, 0) == INT64_MAX);
    T_EQ_STR(db_get_text(db, 1), "");
    T_EQ_INT(db_type_of(db, 1), DB_TEXT);
    db_get_blob(db, 2, &n);
    T_EQ_INT(n, 0);
    T_EQ_INT(db_type_of(db, 2), DB_BLOB);
    T_EQ_INT(db_next(db), DB_ROW);
    T_CHECK(db_is_null(db, 0) && db_is_null(db, 1) && db_is_null(db, 2));
    T_EQ_STR(db_get_text(db, 1), "");
    T_EQ_INT(db_get_int(db, 0), 0);
    T_EQ_INT(db_next(db), DB_OK);
    T_EQ_INT(db_next(db), DB_OK); // stays at its end
    db_end(db);
    db_close(db);
}

static void one_parameter_may_stand_twice_and_in_any_order(void)
{
    struct db *db = world_open();
    int64_t n = 0;
    const struct db_value v[] = {db_int(3), db_int(10)};
    T_EQ_INT(db_number(db, &n, "SELECT $2 * 100 + $1 * 10 + $1", v, 2), DB_OK);
    T_EQ_INT(n, 1033);
    db_close(db);
}

static void misuse_is_refused(void)
{
    struct db *db = world_open();
    world_script(db, "DROP TABLE IF EXISTS v; CREATE TABLE v (n BIGINT, t TEXT)");
    T_EQ_INT(RUN(db, "INSERT INTO v (t) VALUES ($1)", db_text("\xff")), DB_FAILED);
    T_EQ_STR(db->detail, "parameter 1 is not UTF-8 text");
    T_EQ_INT(RUN(db, "INSERT INTO v (n) VALUES ($1), ($2)", db_int(1)), DB_FAILED);
    T_EQ_INT(db_run(db, "SELECT 1; SELECT 2", NULL, 0), DB_FAILED);
    T_EQ_INT(db_run(db, "SELECT nothing FROM nowhere", NULL, 0), DB_FAILED);
    T_EQ_INT(db_query(db, "SELECT 1", NULL, 0), DB_OK);
    T_EQ_INT(db_run(db, "SELECT 2", NULL, 0), DB_FAILED);
    T_EQ_STR(db->detail, "a statement is still open on this connection");
    db_end(db);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM v"), 0);
    db_close(db);
}

static void a_loop_takes_each_row_once(void)
{
    struct db *db = world_open();
    int64_t sum = 0;
    char word[4] = "old";
    world_script(db, "DROP TABLE IF EXISTS k; CREATE TABLE k (n BIGINT PRIMARY KEY, t TEXT);"
                     "INSERT INTO k VALUES (1, 'one'), (2, 'two'), (4, 'four')");
    enum db_result result = db_query(db, "SELECT n FROM k ORDER BY n", NULL, 0);
    while (db_each(db, &result)) {
        sum = sum * 10 + db_get_int(db, 0);
        // One that is refused in the loop leaves the loop's own alone.
        enum db_result inner = db_query(db, "SELECT 1", NULL, 0);
        T_CHECK(!db_each(db, &inner) && inner == DB_FAILED);
    }
    T_EQ_INT(result, DB_OK);
    T_EQ_INT(sum, 124);
    T_EQ_INT(db_word(db, word, sizeof(word), "SELECT t FROM k WHERE n = 9", NULL, 0), DB_OK);
    T_EQ_STR(word, "old");
    T_EQ_INT(db_word(db, word, sizeof(word), "SELECT t FROM k WHERE n = 4", NULL, 0), DB_ROW);
    T_EQ_STR(word, "fou");
    result = db_query(db, "SELECT n FROM nowhere", NULL, 0);
    T_CHECK(!db_each(db, &result) && result == DB_FAILED);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), 3); // and nothing is left open
    db_close(db);
}

/** Whether the engine promises at this moment that what is written stays. */
static void is_durable(struct db *db, bool is)
{
    char word[8] = "";
    const bool is_postgres = strcmp(db->ops->name, "postgres") == 0;
    T_EQ_INT(db_word(db, word, sizeof(word),
                     is_postgres ? "SELECT current_setting('synchronous_commit')"
                                 : "SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous",
                     NULL, 0),
             DB_ROW);
    T_EQ_STR(word, is_postgres ? (is ? "on" : "off") : "2");
}

static void only_what_is_relaxed_may_be_lost(void)
{
    struct db *db = world_open();
    world_script(db, "DROP TABLE IF EXISTS k; CREATE TABLE k (n BIGINT)");
    is_durable(db, true);
    T_EQ_INT(db_run_relaxed(db, "INSERT INTO k VALUES (1)", NULL, 0), DB_OK);
    is_durable(db, false); // PostgreSQL: nothing was written since
    T_EQ_INT(db_run(db, "INSERT INTO k VALUES (2)", NULL, 0), DB_OK);
    is_durable(db, true);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), 2);
    db_close(db);
}

static enum db_result clash_and_go_on(struct db *db, void *ctx)
{
    (void)ctx;
    T_EQ_INT(RUN(db, "INSERT INTO k VALUES ($1)", db_int(1)), DB_OK);
    T_EQ_INT(RUN(db, "INSERT INTO k VALUES ($1)", db_int(1)), DB_CONFLICT);
    T_EQ_INT(RUN(db, "INSERT INTO k VALUES ($1)", db_int(2)), DB_CONFLICT);
    return DB_OK; // and lies about it
}

static enum db_result insert_one(struct db *db, void *ctx)
{
    return RUN(db, "INSERT INTO k VALUES ($1)", db_int(*(const int64_t *)ctx));
}

static enum db_result join_and_clash(struct db *db, void *ctx)
{
    int64_t one = 1;
    T_EQ_INT(db_transaction(db, insert_one, &one), DB_OK);
    (void)db_transaction(db, insert_one, &one); // swallowed
    (void)ctx;
    return DB_OK;
}

static enum db_result refuse_late(struct db *db, void *ctx)
{
    const enum db_result result = insert_one(db, ctx);
    return result == DB_OK ? DB_FAILED : result;
}

static void a_transaction_is_all_or_nothing(void)
{
    struct db *db = world_open();
    int64_t three = 3;
    world_script(db, "DROP TABLE IF EXISTS k; CREATE TABLE k (n BIGINT PRIMARY KEY)");
    T_EQ_INT(db_transaction(db, clash_and_go_on, NULL), DB_CONFLICT);
    T_EQ_INT(db_transaction(db, join_and_clash, NULL), DB_CONFLICT);
    T_EQ_INT(db_transaction(db, refuse_late, &three), DB_FAILED);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), 0);
    T_EQ_INT(db_transaction(db, insert_one, &three), DB_OK);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), 1);
    T_EQ_INT(RUN(db, "INSERT INTO k VALUES ($1) ON CONFLICT DO NOTHING", db_int(3)), DB_OK);
    T_EQ_INT(db_changed(db), 0);
    T_EQ_INT(db_run_relaxed(db, "UPDATE k SET n = n + 1", NULL, 0), DB_OK);
    T_EQ_INT(db_changed(db), 1);
    T_EQ_INT(db_run(db, "SELECT n FROM k", NULL, 0), DB_OK);
    T_EQ_INT(db_changed(db), 0);
    db_close(db);
}

#define COUNTS 40

/** What a programmer writes first: read, add one, write. */
static enum db_result count_up(struct db *db, void *ctx)
{
    int64_t n = 0;
    (void)ctx;
    const enum db_result result = db_number(db, &n, "SELECT n FROM c", NULL, 0);
    return result == DB_OK ? RUN(db, "UPDATE c SET n = $1", db_int(n + 1)) : result;
}

static atomic_int n_failures;

static void count_many(struct db *db, unsigned number)
{
    (void)number;
    for (int i = 0; i < COUNTS; i++) {
        if (db_transaction(db, count_up, NULL) != DB_OK)
            n_failures++;
    }
}

static void nobody_overwrites_what_another_has_counted(void)
{
    struct db *db = world_open();
    world_script(db, "DROP TABLE IF EXISTS c; CREATE TABLE c (n BIGINT); INSERT INTO c VALUES (0)");
    n_failures = 0;
    world_threads(4, count_many);
    T_EQ_INT(n_failures, 0);
    T_EQ_INT(world_number(db, "SELECT n FROM c"), 4 * COUNTS);
    db_close(db);
}

/** Each takes from its own account what the sum of both allows: rows differ, the rule is one. */
static enum db_result withdraw(struct db *db, void *ctx)
{
    int64_t sum = 0;
    const enum db_result result =
        db_number(db, &sum, "SELECT CAST(SUM(n) AS BIGINT) FROM a", NULL, 0);
    if (result != DB_OK || sum < 1)
        return result;
    return RUN(db, "UPDATE a SET n = n - 1 WHERE id = $1", db_int(*(const int64_t *)ctx));
}

static void withdraw_many(struct db *db, unsigned number)
{
    int64_t id = number % 2;
    for (int i = 0; i < COUNTS; i++) {
        if (db_transaction(db, withdraw, &id) != DB_OK)
            n_failures++;
    }
}

static void a_rule_over_two_rows_holds(void)
{
    struct db *db = world_open();
    world_script(db, "DROP TABLE IF EXISTS a; CREATE TABLE a (id BIGINT PRIMARY KEY, n BIGINT);"
                     "INSERT INTO a VALUES (0, 50), (1, 50)");
    n_failures = 0;
    world_threads(4, withdraw_many);
    T_EQ_INT(n_failures, 0);
    T_EQ_INT(world_number(db, "SELECT CAST(SUM(n) AS BIGINT) FROM a"), 0);
    db_close(db);
}

static enum db_result read_while_written(struct db *db, void *ctx)
{
    struct db *other = ctx;
    const int64_t before = world_number(db, "SELECT COUNT(*) FROM k");
    T_EQ_INT(RUN(other, "INSERT INTO k VALUES ($1)", db_int(1000)), DB_OK);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), before);
    T_EQ_INT(db_query(db, "SELECT n FROM k ORDER BY n", NULL, 0), DB_OK);
    for (int64_t i = 0; i < before; i++) {
        T_EQ_INT(db_next(db), DB_ROW);
        T_EQ_INT(db_get_int(db, 0), i);
    }
    T_EQ_INT(db_next(db), DB_OK);
    db_end(db);
    T_EQ_INT(db_query(db, "SELECT n FROM k ORDER BY n", NULL, 0), DB_OK);
    T_EQ_INT(db_next(db), DB_ROW);
    db_end(db); // before its end
    return DB_OK;
}

static void a_snapshot_stands_still(void)
{
    struct db *db = world_open();
    struct db *other = world_open();
    world_script(db, "DROP TABLE IF EXISTS k; CREATE TABLE k (n BIGINT PRIMARY KEY);"
                     "INSERT INTO k VALUES (0), (1), (2)");
    T_EQ_INT(db_snapshot(db, read_while_written, other), DB_OK);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k"), 4);
    db_close(other);
    db_close(db);
}

static enum db_result write_in_snapshot(struct db *db, void *ctx)
{
    (void)ctx;
    return RUN(db, "INSERT INTO k VALUES ($1)", db_int(5000));
}

static void a_snapshot_does_not_write(void)
{
    struct db *db = world_open();
    T_CHECK(db_snapshot(db, write_in_snapshot, NULL) != DB_OK);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM k WHERE n = 5000"), 0);
    db_close(db);
}

static void many_statements_take_each_others_place(void)
{
    struct db *db = world_open();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) { // more than the cache holds
            char sql[40];
            snprintf(sql, sizeof(sql), "SELECT %d + $1", i);
            int64_t n = 0;
            const struct db_value v[] = {db_int(round)};
            T_EQ_INT(db_number(db, &n, sql, v, 1), DB_OK);
            T_EQ_INT(n, i + round);
        }
    }
    db_close(db);
}

static void a_statement_outlives_a_change_of_its_table(void)
{
    struct db *db = world_open();
    struct db *other = world_open();
    world_script(db, "DROP TABLE IF EXISTS g; CREATE TABLE g (n BIGINT); INSERT INTO g VALUES (1)");
    T_EQ_INT(db_run(db, "SELECT * FROM g", NULL, 0), DB_OK);
    world_script(other, "ALTER TABLE g ADD COLUMN more TEXT");
    T_EQ_INT(db_run(db, "SELECT * FROM g", NULL, 0), DB_OK);
    db_close(other);
    db_close(db);
}

static void migrate(struct db *db, unsigned number)
{
    (void)number;
    if (db_migrate(db) != DB_OK) {
        n_failures++;
        printf("    %s\n", db->detail);
    }
}

static void instances_that_start_at_once_migrate_once(void)
{
    struct db *db = world_open();
    n_failures = 0;
    world_threads(4, migrate);
    T_EQ_INT(n_failures, 0);
    int64_t version = -1;
    T_EQ_INT(schema_version(db, &version), DB_OK);
    T_EQ_INT(version, schema_n_steps);
    T_EQ_INT(world_number(db, "SELECT COUNT(*) FROM schema_version"), 1);
    db_close(db);
}

static void a_later_schema_is_refused(void)
{
    struct db *db = world_open();
    T_EQ_INT(db_migrate(db), DB_OK);
    world_script(db, "UPDATE schema_version SET version = version + 1");
    T_EQ_INT(db_migrate(db), DB_FAILED);
    T_CHECK(strstr(db->detail, "a later ferryd wrote it"));
    world_script(db, "UPDATE schema_version SET version = version - 1");
    T_EQ_INT(db_migrate(db), DB_OK);
    db_close(db);
}

static void what_is_no_database_is_refused(void)
{
    struct db *db;
    char why[DB_DETAIL_BYTES];
    T_EQ_INT(db_open(&db, "mysql:secret", why), DB_FAILED);
    T_CHECK(!strstr(why, "secret"));
    T_EQ_INT(db_open(&db, "sqlite:/nowhere/at/all.db", why), DB_FAILED);
    T_CHECK(strstr(why, "/nowhere/at/all.db: No such file") && !db);
    T_EQ_INT(db_open(&db, "postgres:host=/nowhere password=se cret", why), DB_FAILED);
    T_CHECK(!strstr(why, "cret") && !db);
    T_EQ_INT(db_open(&db, "postgres:host=/nowhere dbname=x", why), DB_GONE);
    T_CHECK(strstr(why, "PostgreSQL: ") && !db);
}

int main(int argc, char **argv)
{
    world_begin(argc, argv);
    T_RUN(instances_that_start_at_once_migrate_once);
    T_RUN(a_later_schema_is_refused);
    T_RUN(values_come_back_as_they_went_in);
    T_RUN(one_parameter_may_stand_twice_and_in_any_order);
    T_RUN(misuse_is_refused);
    T_RUN(a_loop_takes_each_row_once);
    T_RUN(only_what_is_relaxed_may_be_lost);
    T_RUN(a_transaction_is_all_or_nothing);
    T_RUN(nobody_overwrites_what_another_has_counted);
    T_RUN(a_rule_over_two_rows_holds);
    T_RUN(a_snapshot_stands_still);
    T_RUN(a_snapshot_does_not_write);
    T_RUN(many_statements_take_each_others_place);
    T_RUN(a_statement_outlives_a_change_of_its_table);
    T_RUN(what_is_no_database_is_refused);
    world_end();
    return t_end();
}
