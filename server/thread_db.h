/* server/thread_db.h - a database connection for each thread, opened when it first asks. */
#ifndef SERVER_THREAD_DB_H
#define SERVER_THREAD_DB_H

#include "db.h"

struct thread_db;

/** NULL: no memory. where is borrowed. */
struct thread_db *thread_db_new(const char *where);

/** The calling thread's connection, looked at if it was found broken. Never NULL: while the
 * database cannot be reached, which is logged once, it is db_open_none's. Closed when the thread
 * ends. */
struct db *thread_db_get(struct thread_db *t);

/** Says that the calling thread's connection ended a call in DB_GONE: the next get looks. */
void thread_db_suspect(struct thread_db *t);

/** Frees the rest, after the threads have ended; the calling thread's own is closed. */
void thread_db_free(struct thread_db *t);

#endif
