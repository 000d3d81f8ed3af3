/* server/admin_device.c - decisions, a row of a table each. */
#include "admin_device.h"

const char *device_word(const struct device *d)
{
    return d->revoked          ? "revoked"
           : d->released       ? "released"
           : !d->key_sha256[0] ? "new"
                               : "enrolled";
}

const char *certificate_word(const struct certificate *c, int64_t now)
{
    return c->is_revoked ? "revoked" : now > c->not_after ? "expired" : "good";
}

cJSON *device_json(const struct device *d)
{
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "device", d->id);
    cJSON_AddStringToObject(row, "group", d->fleet);
    cJSON_AddStringToObject(row, "state", device_word(d));
    cJSON_AddStringToObject(row, "key_sha256", d->key_sha256);
    cJSON_AddNumberToObject(row, "created", (double)d->created);
    return row;
}

cJSON *certificate_json(const struct certificate *c, int64_t now)
{
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "sha256", c->sha256);
    cJSON_AddStringToObject(row, "issuer_sha256", c->issuer_sha256);
    cJSON_AddStringToObject(row, "key_sha256", c->key_sha256);
    cJSON_AddStringToObject(row, "state", certificate_word(c, now));
    cJSON_AddNumberToObject(row, "issued", (double)c->issued);
    cJSON_AddNumberToObject(row, "expires", (double)c->not_after);
    return row;
}

cJSON *report_json(const struct report *r)
{
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "state", report_state(r));
    cJSON_AddStringToObject(row, "coming", r->coming_version);
    cJSON_AddStringToObject(row, "project", r->project);
    cJSON_AddStringToObject(row, "version", r->version);
    cJSON_AddStringToObject(row, "chip", r->chip);
    cJSON_AddStringToObject(row, "sha", r->sha256);
    cJSON_AddStringToObject(row, "reason", r->reason);
    cJSON_AddNumberToObject(row, "serial", (double)r->serial);
    cJSON_AddNumberToObject(row, "slot_bytes", (double)r->slot_bytes);
    cJSON_AddNumberToObject(row, "wear_percent", (double)r->wear_percent);
    cJSON_AddNumberToObject(row, "since", (double)r->at);
    cJSON_AddNumberToObject(row, "seen", (double)r->seen);
    return row;
}

cJSON *event_json(const struct report *e)
{
    cJSON *const row = cJSON_CreateObject();
    cJSON_AddNumberToObject(row, "at", (double)e->at);
    cJSON_AddStringToObject(row, "state", e->state);
    cJSON_AddStringToObject(row, "version", e->version);
    cJSON_AddStringToObject(row, "sha", e->sha256);
    cJSON_AddStringToObject(row, "reason", e->reason);
    return row;
}

static enum db_result release(struct db *db, const struct device *d, int64_t now)
{
    return device_set_state(db, d->id, now, d->revoked);
}

static enum db_result shut_out(struct db *db, const struct device *d, int64_t now)
{
    const enum db_result result = certificate_revoke_all(db, d->id, now);
    return result == DB_OK ? device_set_state(db, d->id, 0, now) : result;
}

static enum db_result restore(struct db *db, const struct device *d, int64_t now)
{
    // Its certificates stay revoked: it comes back by enrolling, with whatever key it has.
    return device_set_state(db, d->id, now, 0);
}

static enum db_result take_out(struct db *db, const struct device *d, int64_t now)
{
    (void)now;
    return device_remove(db, d->id);
}

/** What a decision does to the row of a device that is there. */
static const struct decision {
    const char *action; // for the audit log
    enum db_result (*change)(struct db *db, const struct device *d, int64_t now);
} decisions[] = {
    [DEVICE_RELEASE] = {"release device", release},
    [DEVICE_REVOKE] = {"revoke device", shut_out},
    [DEVICE_RESTORE] = {"restore device", restore},
    [DEVICE_REMOVE] = {"remove device", take_out},
};

struct deciding {
    const struct decision *decision;
    const char *id;
};

static enum db_result unknown(struct admin *a, const char *id)
{
    return admin_stop(a, ADMIN_NOT_FOUND, "no device has the id %.80s", id);
}

/** What cannot be an id is nobody's: a database takes UTF-8 only. */
static enum db_result find(struct db *db, const char *id, struct device *out)
{
    return device_name_is_fine(id) ? device_find(db, id, out) : DB_OK;
}

static enum db_result decide(struct admin *a, void *ctx)
{
    const struct deciding *const w = ctx;
    struct device d;
    enum db_result result = find(a->db, w->id, &d);
    if (result == DB_OK)
        return unknown(a, w->id);
    if (result == DB_ROW)
        result = w->decision->change(a->db, &d, a->now);
    return result == DB_OK ? admin_audit(a, w->decision->action, d.id, NULL) : result;
}

enum admin_code admin_device_decide(struct admin *a, const char *id, enum device_decision what)
{
    struct deciding w = {&decisions[what], id};
    return admin_run(a, decide, &w);
}

enum admin_code admin_device_find(struct admin *a, const char *id, struct device *out)
{
    const enum db_result result = find(a->db, id, out);
    if (result != DB_OK)
        return admin_db(a, result);
    unknown(a, id);
    return a->code;
}
