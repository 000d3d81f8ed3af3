/* tests/server/test_audit.c - the chain of the audit log: right after writers at once, and broken
 * by every single change that a row can suffer. */
#include <inttypes.h>

#include "audit.h"
#include "db_world.h"
#include "t.h"

#define THREADS 4u
#define EACH    15

static void add_many(struct db *db, unsigned number)
{
    for (int i = 0; i < EACH; i++) {
        char subject[32];
        snprintf(subject, sizeof(subject), "device-%u-%d", number, i);
        if (audit_add(db, "operator", "release device", subject, i % 2 ? NULL : "by hand") != DB_OK)
            printf("    %s\n", db->detail);
    }
}

static bool is_whole(struct db *db, struct audit_report *report)
{
    T_EQ_INT(audit_verify(db, 0, NULL, report), DB_OK);
    return report->is_good;
}

static void writers_at_once_make_one_chain(void)
{
    struct db *db = world_open();
    struct audit_report report;
    world_threads(THREADS, add_many);
    T_CHECK(is_whole(db, &report));
    T_EQ_STR(report.why, "");
    T_EQ_INT(report.n_entries, THREADS * EACH);
    db_close(db);
}

static enum db_result add_and_refuse(struct db *db, void *ctx)
{
    (void)ctx;
    T_EQ_INT(audit_add(db, "operator", "withdraw release", "1.0", NULL), DB_OK);
    return DB_FAILED;
}

static void what_was_not_done_is_not_told(void)
{
    struct db *db = world_open();
    struct audit_report report;
    T_EQ_INT(db_transaction(db, add_and_refuse, NULL), DB_FAILED);
    T_CHECK(is_whole(db, &report));
    T_EQ_INT(report.n_entries, THREADS * EACH);
    db_close(db);
}

/** A change to entry N ("%d"), what takes it back, and what is said. */
static const struct {
    const char *harm, *mend, *said;
} harms[] = {
    {"UPDATE audit SET actor = actor || 'x' WHERE seq = %d",
     "UPDATE audit SET actor = 'operator' WHERE seq = %d", "is not what was written"},
    {"UPDATE audit SET at = at + 1 WHERE seq = %d", "UPDATE audit SET at = at - 1 WHERE seq = %d",
     "is not what was written"},
    // The same letters in other fields.
    {"UPDATE audit SET actor = 'operato', action = 'r' || action WHERE seq = %d",
     "UPDATE audit SET actor = 'operator', action = 'release device' WHERE seq = %d",
     "is not what was written"},
    {"UPDATE audit SET seq = seq + 1000 WHERE seq = %d",
     "UPDATE audit SET seq = seq - 1000 WHERE seq = %d + 1000", NULL},
};

static void at(char *out, size_t n_bytes, const char *sql, int seq)
{
    const char *place = strstr(sql, "%d");
    snprintf(out, n_bytes, "%.*s%d%s", (int)(place - sql), sql, seq, place + 2);
}

static void every_change_of_every_entry_is_found(void)
{
    struct db *db = world_open();
    struct audit_report report;
    for (int seq = 1; seq <= (int)(THREADS * EACH); seq += 1) {
        for (size_t i = 0; i < sizeof(harms) / sizeof(harms[0]); i++) {
            char sql[160];
            at(sql, sizeof(sql), harms[i].harm, seq);
            world_script(db, sql);
            T_CHECK(!is_whole(db, &report));
            T_EQ_INT(report.n_entries, seq - 1);
            T_CHECK(!harms[i].said || strstr(report.why, harms[i].said));
            at(sql, sizeof(sql), harms[i].mend, seq);
            world_script(db, sql);
        }
    }
    T_CHECK(is_whole(db, &report));
    db_close(db);
}

static void a_missing_entry_is_found_also_the_last(void)
{
    struct db *db = world_open();
    struct audit_report report;
    world_script(db, "CREATE TABLE kept AS SELECT * FROM audit");
    for (int seq = 1; seq <= (int)(THREADS * EACH); seq += 59) {
        char sql[160];
        at(sql, sizeof(sql), "DELETE FROM audit WHERE seq = %d", seq);
        world_script(db, sql);
        T_CHECK(!is_whole(db, &report));
        T_EQ_INT(report.n_entries, seq - 1);
        at(sql, sizeof(sql), "INSERT INTO audit SELECT * FROM kept WHERE seq = %d", seq);
        world_script(db, sql);
        T_CHECK(is_whole(db, &report));
    }
    T_EQ_INT(report.n_entries, THREADS * EACH);
    db_close(db);
}

/** Who can write everything can make the log anew; who has kept a tip sees it. */
static void a_log_written_anew_is_found_by_a_tip_kept_elsewhere(void)
{
    struct db *db = world_open();
    struct audit_report report, after;
    T_CHECK(is_whole(db, &report));
    const int64_t known = report.n_entries;
    T_EQ_INT(audit_verify(db, known, report.tip, &after), DB_OK);
    T_CHECK(after.is_good);
    world_script(db, "DELETE FROM audit; DELETE FROM audit_tip");
    T_CHECK(is_whole(db, &after));
    T_EQ_INT(after.n_entries, 0);
    T_EQ_INT(audit_verify(db, known, report.tip, &after), DB_OK);
    T_CHECK(!after.is_good && strstr(after.why, "was kept"));
    add_many(db, 9);
    world_threads(THREADS, add_many);
    T_CHECK(is_whole(db, &after));
    T_EQ_INT(audit_verify(db, known, report.tip, &after), DB_OK);
    T_CHECK(!after.is_good && strstr(after.why, "written anew"));
    db_close(db);
}

static void see(const struct audit_entry *e, void *ctx)
{
    int64_t *next = ctx;
    T_EQ_INT(e->seq, *next);
    (*next)++;
}

static void the_newest_are_shown_in_order(void)
{
    struct db *db = world_open();
    struct audit_report report;
    T_CHECK(is_whole(db, &report));
    int64_t next = report.n_entries - 4;
    T_EQ_INT(audit_show(db, 5, see, &next), DB_OK);
    T_EQ_INT(next, report.n_entries + 1);
    db_close(db);
}

int main(int argc, char **argv)
{
    world_begin(argc, argv);
    struct db *db = world_open();
    T_EQ_INT(db_migrate(db), DB_OK);
    db_close(db);
    T_RUN(writers_at_once_make_one_chain);
    T_RUN(what_was_not_done_is_not_told);
    T_RUN(every_change_of_every_entry_is_found);
    T_RUN(a_missing_entry_is_found_also_the_last);
    T_RUN(a_log_written_anew_is_found_by_a_tip_kept_elsewhere);
    T_RUN(the_newest_are_shown_in_order);
    world_end();
    return t_end();
}
