/* tests/server/db_world.c - see db_world.h. */
#include "db_world.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS_MOST 8u

static char where[512], folder[] = "/tmp/ferryd-db-XXXXXX";
static bool is_made;

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

void world_begin(int argc, char **argv)
{
    if (argc > 1) {
        snprintf(where, sizeof(where), "%s", argv[1]);
        return;
    }
    char why[DB_DETAIL_BYTES];
    struct db *db;
    must(mkdtemp(folder), "no folder in /tmp");
    is_made = true;
    snprintf(where, sizeof(where), "sqlite:%s/test.db", folder);
    must(db_create(&db, where, why) == DB_OK, why);
    db_close(db);
}

void world_end(void)
{
    static const char *const names[] = {"test.db", "test.db-wal", "test.db-shm"};
    for (size_t i = 0; is_made && i < sizeof(names) / sizeof(names[0]); i++) {
        char path[600];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        unlink(path);
    }
    if (is_made)
        rmdir(folder);
}

struct db *world_open(void)
{
    char why[DB_DETAIL_BYTES];
    struct db *db;
    must(db_open(&db, where, why) == DB_OK, why);
    return db;
}

void world_script(struct db *db, const char *sql)
{
    must(db->ops->script(db, sql) == DB_OK, db->detail);
}

int64_t world_number(struct db *db, const char *sql)
{
    int64_t n = -1;
    if (db_number(db, &n, sql, NULL, 0) != DB_OK)
        printf("    %s: %s\n", sql, db->detail);
    return n;
}

struct job {
    pthread_t thread;
    unsigned number;
    void (*work)(struct db *db, unsigned number);
};

static void *run_job(void *arg)
{
    const struct job *job = arg;
    struct db *db = world_open();
    job->work(db, job->number);
    db_close(db);
    return NULL;
}

void world_threads(unsigned n, void (*work)(struct db *db, unsigned number))
{
    struct job jobs[THREADS_MOST];
    must(n <= THREADS_MOST, "too many threads");
    for (unsigned i = 0; i < n; i++) {
        jobs[i].number = i;
        jobs[i].work = work;
        must(pthread_create(&jobs[i].thread, NULL, run_job, &jobs[i]) == 0, "no thread");
    }
    for (unsigned i = 0; i < n; i++)
        pthread_join(jobs[i].thread, NULL);
}
