/* tests/server/db_world.h - the database under test: the one named on the command line (an empty
 * PostgreSQL database, from test_engines.py), else a new SQLite file in a folder that is removed.
 */
#ifndef DB_WORLD_H
#define DB_WORLD_H

#include "db.h"

/** Reads the command line; ends the program if there is no database. */
void world_begin(int argc, char **argv);
void world_end(void);

/** A new connection. */
struct db *world_open(void);

/** Runs statements that must work. */
void world_script(struct db *db, const char *sql);

/** The number a statement answers; -1 if it does not. */
int64_t world_number(struct db *db, const char *sql);

/** Runs work(connection of its own, number) in n threads at once. */
void world_threads(unsigned n, void (*work)(struct db *db, unsigned number));

#endif
