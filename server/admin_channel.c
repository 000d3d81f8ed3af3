/* server/admin_channel.c - a transaction each. */
#include "admin_channel.h"

#include <stdio.h>
#include <string.h>

#include "hex.h"

cJSON *channel_json(const struct channel *c)
{
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "channel", c->name);
    cJSON_AddStringToObject(row, "key", c->key_sha256);
    return row;
}

static enum admin_code read_channel(struct admin *a, const char *name, const char *key,
                                    struct channel *out)
{
    *out = (struct channel){.created = a->now};
    if (admin_check_name(a, "the channel", name) != ADMIN_DONE)
        return a->code;
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (!key || strcmp(key, "none") == 0)
        return ADMIN_DONE;
    if (!hex_is(key, RELEASE_HEX_BYTES - 1))
        return admin_end(a, ADMIN_MISUSED,
                         "the key '%.80s' is no SHA-256 in 64 lower-case hex digits", key);
    snprintf(out->key_sha256, sizeof(out->key_sha256), "%s", key);
    return ADMIN_DONE;
}

/** Finds it before something is done to it; DB_OK: the change is over. */
static enum db_result find(struct admin *a, const char *name, struct channel *found)
{
    const enum db_result result = channel_find(a->db, name, found);
    return result == DB_OK
               ? admin_stop(a, ADMIN_NOT_FOUND,
                            "there is no channel '%s'; `ferryd channel add` makes one", name)
               : result;
}

static enum db_result add(struct admin *a, void *ctx)
{
    const struct channel *const c = ctx;
    struct channel found;
    enum db_result result = channel_find(a->db, c->name, &found);
    if (result == DB_ROW)
        return admin_stop(a, ADMIN_TAKEN, "there is a channel '%s' already", c->name);
    if (result == DB_OK)
        result = channel_add(a->db, c);
    return result == DB_OK ? admin_audit(a, "make channel", c->name, c->key_sha256) : result;
}

enum admin_code admin_channel_add(struct admin *a, const char *name, const char *key,
                                  struct channel *out)
{
    const enum admin_code code = read_channel(a, name, key, out);
    return code == ADMIN_DONE ? admin_run(a, add, out) : code;
}

static enum db_result set_key(struct admin *a, void *ctx)
{
    const struct channel *const c = ctx;
    struct channel found;
    enum db_result result = find(a, c->name, &found);
    if (result != DB_ROW)
        return result;
    result = channel_set_key(a->db, c->name, c->key_sha256);
    return result == DB_OK ? admin_audit(a, "set channel key", c->name, c->key_sha256) : result;
}

enum admin_code admin_channel_set_key(struct admin *a, const char *name, const char *key,
                                      struct channel *out)
{
    const enum admin_code code = read_channel(a, name, key, out);
    return code == ADMIN_DONE ? admin_run(a, set_key, out) : code;
}

/** Who is to follow what. */
struct following {
    const char *group;
    struct channel channel;
};

static enum db_result follow(struct admin *a, void *ctx)
{
    const struct following *const f = ctx;
    struct channel found;
    enum db_result result = find(a, f->channel.name, &found);
    if (result != DB_ROW)
        return result;
    result = channel_follow(a->db, f->group, f->channel.name);
    return result == DB_OK ? admin_audit(a, "follow channel", f->group, f->channel.name) : result;
}

enum admin_code admin_channel_follow(struct admin *a, const char *group, const char *name)
{
    struct following f = {.group = group};
    if (admin_check_name(a, "the group", group) != ADMIN_DONE ||
        read_channel(a, name, NULL, &f.channel) != ADMIN_DONE)
        return a->code;
    return admin_run(a, follow, &f);
}
