/* server/db_engine.h - what the two engines share and db.c opens: their doors, the sentence of a
 * failure, a clock, and the memory of prepared statements.
 * Only db*.c come in here; everybody else takes db.h. */
#ifndef SERVER_DB_ENGINE_H
#define SERVER_DB_ENGINE_H

#include "db.h"

enum db_result db_sqlite_open(struct db **db, const char *path, bool create,
                              char why[DB_DETAIL_BYTES]);
enum db_result db_postgres_open(struct db **db, const char *conninfo, char why[DB_DETAIL_BYTES]);

/** Writes db->detail and returns result. */
__attribute__((format(printf, 3, 4))) enum db_result db_fail(struct db *db, enum db_result result,
                                                             const char *fmt, ...);

/** A clock that only goes forward. */
int64_t db_now_ms(void);

#define DB_CACHE_STATEMENTS 64u

/** A statement the engine has prepared. The types count: PostgreSQL plans for them. */
struct db_cached {
    char *sql;
    uint64_t hash, used;
    size_t n;
    uint8_t types[DB_PARAMS_MAX];
    void *statement; // the engine's
};

struct db_cache {
    struct db_cached entries[DB_CACHE_STATEMENTS];
    uint64_t clock;
};

/** The statement's entry. With statement NULL it is new, in the place of the one used longest ago,
 * which *evicted gets for the engine to finish. NULL: memory ran out. */
struct db_cached *db_cache_find(struct db_cache *cache, const char *sql,
                                const struct db_value *values, size_t n, void **evicted);

/** Forgets an entry, or all; statements were finished by the engine. */
void db_cache_drop(struct db_cached *entry);
void db_cache_clear(struct db_cache *cache);

#endif
