/* server/thread_db.c - keeps connections apart by thread. */
#include "thread_db.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"

#define TRY_AGAIN_S 1

struct thread_db {
    pthread_key_t key;
    const char *where;
    atomic_bool is_known_gone; // it was said
};

/** One thread's. */
struct own {
    struct db *db;
    bool is_suspect;
    time_t tried; // when it failed last
};

static void end_own(void *ctx)
{
    struct own *const own = ctx;
    if (own->db)
        db_close(own->db);
    free(own);
}

struct thread_db *thread_db_new(const char *where)
{
    struct thread_db *const t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->where = where;
    if (!pthread_key_create(&t->key, end_own))
        return t;
    free(t);
    return NULL;
}

void thread_db_free(struct thread_db *t)
{
    if (!t)
        return;
    struct own *const own = pthread_getspecific(t->key);
    if (own)
        end_own(own);
    pthread_key_delete(t->key);
    free(t);
}

static struct own *own_of(struct thread_db *t)
{
    struct own *own = pthread_getspecific(t->key);
    if (own)
        return own;
    own = calloc(1, sizeof(*own));
    if (own && pthread_setspecific(t->key, own)) {
        free(own);
        return NULL;
    }
    return own;
}

/** Opens it or looks whether it is back; a reason is logged when the state changes. */
static bool reach(struct thread_db *t, struct own *own)
{
    char why[DB_DETAIL_BYTES] = "";
    enum db_result result;
    if (own->db) {
        result = db_is_there(own->db) ? DB_OK : DB_GONE;
        if (result != DB_OK)
            snprintf(why, sizeof(why), "%s", own->db->detail);
    } else {
        result = db_open(&own->db, t->where, why);
    }
    const bool is_gone = result != DB_OK;
    if (atomic_exchange(&t->is_known_gone, is_gone) != is_gone) {
        char words[LOG_QUOTED_BYTES];
        log_line(is_gone ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "database", "state=%s reason=%s",
                 is_gone ? "gone" : "back", log_quoted(words, why));
    }
    return !is_gone;
}

/** What stands in for a database that is away. */
static struct db *none(void)
{
    static _Thread_local struct db stand_in;
    db_open_none(&stand_in);
    return &stand_in;
}

struct db *thread_db_get(struct thread_db *t)
{
    struct own *const own = own_of(t);
    if (!own)
        return none();
    if (own->db && !own->is_suspect)
        return own->db;
    // A database that is away is asked once in a second, not by every request.
    const time_t now = time(NULL);
    if (own->tried && now - own->tried < TRY_AGAIN_S && now >= own->tried)
        return none();
    if (!reach(t, own)) {
        own->tried = now;
        return none();
    }
    own->is_suspect = false;
    own->tried = 0;
    return own->db;
}

void thread_db_suspect(struct thread_db *t)
{
    struct own *const own = own_of(t);
    if (own)
        own->is_suspect = true;
}
