/* server/schema.h - the tables, as the steps by which they came to be.
 * A released step never changes; what is to be different is a step more. The number of steps done
 * stands in the database. Portable SQL: docs/design/server.md "Database". */
#ifndef SERVER_SCHEMA_H
#define SERVER_SCHEMA_H

#include "db.h"

struct schema_step {
    const char *noun;
    const char *tables; // made by it, between spaces, those that others refer to first; "" none
    const char *sql;
};

/** The steps this program knows; step i leads from version i to i + 1. */
extern const struct schema_step schema_steps[];
extern const unsigned schema_n_steps;

/** The version of a database: 0 is an empty one. */
enum db_result schema_version(struct db *db, int64_t *version);

/** db_migrate, as far as a version: for a backup that an earlier program wrote. */
enum db_result schema_migrate_to(struct db *db, unsigned version);

#endif
