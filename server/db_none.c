/* server/db_none.c - the connection of a thread whose database cannot be reached: every call ends
 * in DB_GONE. So no handler has to ask whether there is a database before it uses one, and none can
 * forget to. */
#include <stdio.h>

#include "db.h"

static enum db_result gone(struct db *db)
{
    snprintf(db->detail, sizeof(db->detail), "the database cannot be reached");
    return DB_GONE;
}

static void nothing(struct db *db)
{
    (void)db;
}

static enum db_result begin(struct db *db, enum db_mode mode)
{
    (void)mode;
    return gone(db);
}

static enum db_result finish(struct db *db, bool commits)
{
    (void)commits;
    return gone(db);
}

static enum db_result turn(struct db *db, enum db_switch what, bool on)
{
    (void)what;
    (void)on;
    return gone(db);
}

static enum db_result script(struct db *db, const char *sql)
{
    (void)sql;
    return gone(db);
}

static enum db_result query(struct db *db, const char *sql, const struct db_value *values, size_t n)
{
    (void)sql;
    (void)values;
    (void)n;
    return gone(db);
}

// What reads a row is not called, as there is never one.
static const struct db_ops none_ops = {
    .name = "none",
    .setup = "",
    .close = nothing,
    .begin = begin,
    .finish = finish,
    .turn = turn,
    .script = script,
    .query = query,
    .next = gone,
    .end = nothing,
};

void db_open_none(struct db *db)
{
    *db = (struct db){.ops = &none_ops};
}
