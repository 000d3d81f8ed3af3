/* server/db_cache.c - prepared statements by their text; see db_engine.h.
 * ferryd has about as many statements as there are places, all of them literals, so a short list
 * walked by hash is enough and nothing is ever evicted in practice. */
#include "db_engine.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *sql, const struct db_value *values, size_t n)
{
    uint64_t hash = 0xcbf29ce484222325u; // FNV-1a
    for (; *sql; sql++)
        hash = (hash ^ (uint8_t)*sql) * 0x100000001b3u;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint64_t)values[i].type) * 0x100000001b3u;
    return hash;
}

static bool is_same(const struct db_cached *e, const char *sql, const struct db_value *values,
                    size_t n)
{
    if (!e->sql || e->n != n || strcmp(e->sql, sql) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (e->types[i] != (uint8_t)values[i].type)
            return false;
    }
    return true;
}

struct db_cached *db_cache_find(struct db_cache *cache, const char *sql,
                                const struct db_value *values, size_t n, void **evicted)
{
    const uint64_t hash = hash_of(sql, values, n);
    struct db_cached *oldest = &cache->entries[0];
    *evicted = NULL;
    cache->clock++;
    for (size_t i = 0; i < DB_CACHE_STATEMENTS; i++) {
        struct db_cached *e = &cache->entries[i];
        if (e->hash == hash && is_same(e, sql, values, n)) {
            e->used = cache->clock;
            return e;
        }
        if (e->used < oldest->used)
            oldest = e;
    }
    *evicted = oldest->statement;
    db_cache_drop(oldest);
    oldest->sql = strdup(sql);
    if (!oldest->sql)
        return NULL;
    oldest->hash = hash;
    oldest->used = cache->clock;
    oldest->n = n;
    for (size_t i = 0; i < n; i++)
        oldest->types[i] = (uint8_t)values[i].type;
    return oldest;
}

void db_cache_drop(struct db_cached *entry)
{
    free(entry->sql);
    *entry = (struct db_cached){0};
}

void db_cache_clear(struct db_cache *cache)
{
    for (size_t i = 0; i < DB_CACHE_STATEMENTS; i++)
        db_cache_drop(&cache->entries[i]);
}
