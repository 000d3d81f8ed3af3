/* server/admin_release.c - the bytes stand before the row that names them; see blobs.h. */
#include "admin_release.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "blobs.h"
#include "catalogue.h"
#include "store_channel.h"

void release_json(cJSON *to, const struct release *r)
{
    cJSON_AddNumberToObject(to, "serial", (double)r->serial);
    cJSON_AddStringToObject(to, "sha256", r->sha256);
    cJSON_AddStringToObject(to, "project", r->project);
    cJSON_AddStringToObject(to, "version", r->version);
    cJSON_AddStringToObject(to, "chip", r->chip);
    cJSON_AddNumberToObject(to, "length", (double)r->length);
    cJSON_AddNumberToObject(to, "secure_version", (double)r->secure_version);
    cJSON *const keys = cJSON_AddArrayToObject(to, "keys");
    for (unsigned i = 0; i < r->n_keys; i++)
        cJSON_AddItemToArray(keys, cJSON_CreateString(r->keys[i]));
    cJSON_AddBoolToObject(to, "public", r->is_public);
    cJSON_AddNumberToObject(to, "added", (double)r->added);
}

static enum admin_code end_catalogue(struct admin *a, enum catalogue_result result,
                                     const char why[CATALOGUE_WHY_BYTES])
{
    switch (result) {
    case CATALOGUE_REFUSED:
        return admin_end(a, ADMIN_REFUSED, "%s", why);
    case CATALOGUE_LATER:
        return admin_end(a, ADMIN_LATER, "%s", why);
    default:
        a->code = ADMIN_DONE;
        return ADMIN_DONE;
    }
}

enum admin_code admin_release_add(struct admin *a, int blobs_fd, const struct release_file *file,
                                  struct release *out, bool *is_known)
{
    char why[CATALOGUE_WHY_BYTES];
    *out = (struct release){.is_public = file->is_public, .added = a->now};
    if (!catalogue_read(file->bytes, file->n_bytes, out, why))
        return admin_end(a, ADMIN_REFUSED, "%s", why);
    // Asked before the bytes are kept: what is refused leaves nothing behind.
    enum catalogue_result result = catalogue_check(a->db, out, file->channel, why);
    if (end_catalogue(a, result, why) != ADMIN_DONE)
        return a->code;
    if (file->upload ? !blobs_adopt(blobs_fd, file->upload, out->sha256)
                     : !blobs_put(blobs_fd, out->sha256, file->bytes, file->n_bytes))
        return admin_end(a, ADMIN_NO_FILE, "blobs/: %s", strerror(errno));
    result = catalogue_add(a->db, out, file->channel, a->actor, why);
    *is_known = result == CATALOGUE_KNOWN;
    return end_catalogue(a, result, why);
}

static enum db_result find(struct admin *a, const char *name, struct release *out)
{
    if (!release_name_is_fine(name))
        return admin_stop(a, ADMIN_MISUSED,
                          "'%.80s' names no release: a serial number, or at least 8 digits of a "
                          "SHA-256",
                          name);
    const enum db_result result = release_named(a->db, name, out);
    return result == DB_OK ? admin_stop(a, ADMIN_NOT_FOUND, "%s names no release, or several", name)
                           : result;
}

enum admin_code admin_release_find(struct admin *a, const char *name, struct release *out)
{
    a->code = ADMIN_DONE;
    const enum db_result result = find(a, name, out);
    return result == DB_OK ? a->code : admin_db(a, result);
}

/** A change of one release. */
struct changing {
    const char *name, *channel; // "": all channels
    struct release *release;
    bool is_public;
    int64_t n_channels;
};

static enum db_result withdraw(struct admin *a, void *ctx)
{
    struct changing *const c = ctx;
    enum db_result result = find(a, c->name, c->release);
    if (result != DB_ROW)
        return result;
    result = channel_withdraw(a->db, c->channel, c->release->sha256, a->now);
    if (result != DB_OK)
        return result;
    c->n_channels = db_changed(a->db);
    if (!c->n_channels)
        return admin_stop(a, ADMIN_NOT_FOUND, "release %" PRId64 " is offered %s%.80s",
                          c->release->serial, c->channel[0] ? "not in channel " : "in no channel",
                          c->channel);
    return admin_audit(a, "withdraw release", c->release->sha256, c->channel);
}

enum admin_code admin_release_withdraw(struct admin *a, const char *name, const char *channel,
                                       struct release *out, int64_t *n_channels)
{
    struct changing c = {.name = name, .channel = channel, .release = out};
    const enum admin_code code = admin_run(a, withdraw, &c);
    *n_channels = c.n_channels;
    return code;
}

static enum db_result publish(struct admin *a, void *ctx)
{
    const struct changing *const c = ctx;
    enum db_result result = find(a, c->name, c->release);
    if (result != DB_ROW)
        return result;
    c->release->is_public = c->is_public;
    result = release_set_public(a->db, c->release->sha256, c->is_public);
    return result == DB_OK ? admin_audit(a, c->is_public ? "publish release" : "hide release",
                                         c->release->sha256, "")
                           : result;
}

enum admin_code admin_release_publish(struct admin *a, const char *name, bool is_public,
                                      struct release *out)
{
    struct changing c = {.name = name, .release = out, .is_public = is_public};
    return admin_run(a, publish, &c);
}
