/* server/admin.h - what operators decide, whichever way they say it: a command or the admin API.
 * admin_*.c do the work of one noun each: they check what was said, change rows in one transaction
 * with the entry of the audit log, and describe rows as JSON. cmd_*.c and *_api.c only ask, and
 * print or send the outcome. */
#ifndef SERVER_ADMIN_H
#define SERVER_ADMIN_H

#include <cJSON.h>
#include <stdint.h>

#include "db.h"

#define ADMIN_WHY_BYTES 640u

/** How it ended; but for ADMIN_DONE the sentence says why. */
enum admin_code {
    ADMIN_DONE,
    ADMIN_MISUSED,   // what was said makes no sense
    ADMIN_NOT_FOUND, // what it is about is not there
    ADMIN_TAKEN,     // it is there already
    ADMIN_REFUSED,   // a firmware that is none, or not for that channel
    ADMIN_NO_FILE,   // the state folder cannot keep it: disk full?
    ADMIN_LATER,     // the database is away or too busy
    ADMIN_FAILED     // the database refused
};

/** Who asks, over which connection, when; and what is to be said about the outcome. */
struct admin {
    struct db *db;
    const char *actor; // for the audit log
    int64_t now;       // Unix seconds
    enum admin_code code;
    char why[ADMIN_WHY_BYTES]; // a sentence without full stop
};

/** Sets code and sentence; returns the code. */
__attribute__((format(printf, 3, 4))) enum admin_code
admin_end(struct admin *a, enum admin_code code, const char *fmt, ...);

/** The same inside a transaction, which changes nothing then. Returns DB_OK. */
__attribute__((format(printf, 3, 4))) enum db_result
admin_stop(struct admin *a, enum admin_code code, const char *fmt, ...);

/** The code for what the database answered; DB_OK and DB_ROW: done. */
enum admin_code admin_db(struct admin *a, enum db_result result);

/** What a change does: as db_work, but where it finds that there is nothing to do it ends with
 * admin_stop before it has changed anything. */
typedef enum db_result (*admin_work)(struct admin *a, void *ctx);

/** Runs a change in one durable transaction. */
enum admin_code admin_run(struct admin *a, admin_work work, void *ctx);

/** Adds the change to the audit log. */
enum db_result admin_audit(struct admin *a, const char *action, const char *subject,
                           const char *detail);

/** Complains of a name of a device, group, channel or operator that is none. what: "the group". */
enum admin_code admin_check_name(struct admin *a, const char *what, const char *name);

#endif
