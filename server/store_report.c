/* server/store_report.c - the last word and the history. */
#include "store_report.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS                                                                                    \
    "device, state, version, project, chip, reason, sha256, serial, slot_bytes, wear_percent, "    \
    "began, seen"

const char *report_state(const struct report *r)
{
    return r->coming[0] ? "downloading" : r->state;
}

void report_read(struct db *db, unsigned at, struct report *out)
{
    *out = (struct report){.serial = db_get_int(db, at + 7),
                           .slot_bytes = db_get_int(db, at + 8),
                           .wear_percent = db_get_int(db, at + 9),
                           .at = db_get_int(db, at + 10),
                           .seen = db_get_int(db, at + 11)};
    snprintf(out->device, sizeof(out->device), "%s", db_get_text(db, at));
    snprintf(out->state, sizeof(out->state), "%s", db_get_text(db, at + 1));
    snprintf(out->version, sizeof(out->version), "%s", db_get_text(db, at + 2));
    snprintf(out->project, sizeof(out->project), "%s", db_get_text(db, at + 3));
    snprintf(out->chip, sizeof(out->chip), "%s", db_get_text(db, at + 4));
    snprintf(out->reason, sizeof(out->reason), "%s", db_get_text(db, at + 5));
    snprintf(out->sha256, sizeof(out->sha256), "%s", db_get_text(db, at + 6));
    snprintf(out->coming, sizeof(out->coming), "%s", db_get_text(db, at + 12));
    snprintf(out->coming_version, sizeof(out->coming_version), "%s", db_get_text(db, at + 13));
}

static void read_row(struct db *db, void *out)
{
    report_read(db, 0, out);
}

enum db_result report_find(struct db *db, const char *device, struct report *out)
{
    const struct db_value values[] = {db_text(device)};
    return db_find(
        db, "SELECT " REPORT_COLUMNS " FROM device_state s " REPORT_COMING " WHERE s.device = $1",
        values, 1, read_row, out);
}

/** Adds to the history and drops what is too old. */
static enum db_result add_event(struct db *db, const struct report *r)
{
    int64_t seq = 0;
    const struct db_value of[] = {db_text(r->device)};
    enum db_result result = db_number(
        db, &seq, "SELECT COALESCE(MAX(seq), 0) FROM device_event WHERE device = $1", of, 1);
    if (result != DB_OK)
        return result;
    const struct db_value values[] = {db_text(r->device), db_int(seq + 1),     db_int(r->at),
                                      db_text(r->state),  db_text(r->version), db_text(r->sha256),
                                      db_text(r->reason)};
    result = db_run(db,
                    "INSERT INTO device_event (device, seq, at, state, version, sha256, reason)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    values, 7);
    const struct db_value old[] = {db_text(r->device), db_int(seq + 1 - REPORT_HISTORY)};
    return result == DB_OK
               ? db_run(db, "DELETE FROM device_event WHERE device = $1 AND seq <= $2", old, 2)
               : result;
}

static bool is_same(const struct report *a, const struct report *b)
{
    return strcmp(a->state, b->state) == 0 && strcmp(a->version, b->version) == 0 &&
           strcmp(a->sha256, b->sha256) == 0 && strcmp(a->reason, b->reason) == 0;
}

/** What the new report leaves unsaid, the old one still says. */
static void fill_in(struct report *r, const struct report *before)
{
    if (!r->project[0])
        memcpy(r->project, before->project, sizeof(r->project));
    if (!r->chip[0])
        memcpy(r->chip, before->chip, sizeof(r->chip));
    if (!r->slot_bytes)
        r->slot_bytes = before->slot_bytes;
    if (!r->wear_percent)
        r->wear_percent = before->wear_percent;
}

enum db_result report_keep(struct db *db, const struct report *report)
{
    struct report r = *report, before = {0};
    enum db_result result = report_find(db, r.device, &before);
    if (result != DB_OK && result != DB_ROW)
        return result;
    const bool is_old = result == DB_ROW && is_same(&r, &before);
    if (result == DB_ROW)
        fill_in(&r, &before);
    if (is_old)
        r.at = before.at;
    else if ((result = add_event(db, &r)) != DB_OK)
        return result;
    const struct db_value values[] = {
        db_text(r.device),    db_text(r.state),       db_text(r.version), db_text(r.project),
        db_text(r.chip),      db_text(r.reason),      db_text(r.sha256),  db_int(r.serial),
        db_int(r.slot_bytes), db_int(r.wear_percent), db_int(r.at),       db_int(r.seen)};
    return db_run(db,
                  "INSERT INTO device_state (" COLUMNS
                  ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
                  " ON CONFLICT (device) DO UPDATE SET state = $2, version = $3, project = $4,"
                  " chip = $5, reason = $6, sha256 = $7, serial = $8, slot_bytes = $9,"
                  " wear_percent = $10, began = $11, seen = $12, coming = ''",
                  values, 12);
}

enum db_result report_seen(struct db *db, const char *device, int64_t now)
{
    const struct db_value values[] = {db_text(device), db_int(now)};
    return db_run_relaxed(db,
                          "INSERT INTO device_state (" COLUMNS
                          ") VALUES ($1, '', '', '', '', '', '', 0, 0, 0, $2, $2)"
                          " ON CONFLICT (device) DO UPDATE SET seen = $2, coming = ''",
                          values, 2);
}

enum db_result report_coming(struct db *db, const char *device, const char *sha256, int64_t now)
{
    const struct db_value values[] = {db_text(device), db_text(sha256), db_int(now)};
    return db_run_relaxed(db,
                          "INSERT INTO device_state (" COLUMNS
                          ", coming) VALUES ($1, '', '', '', '', '', '', 0, 0, 0, $3, $3, $2)"
                          " ON CONFLICT (device) DO UPDATE SET seen = $3, coming = $2",
                          values, 3);
}

enum db_result report_history(struct db *db, const char *device,
                              void (*each)(void *ctx, const struct report *report), void *ctx)
{
    const struct db_value values[] = {db_text(device)};
    enum db_result result = db_query(db,
                                     "SELECT at, state, version, sha256, reason FROM device_event"
                                     " WHERE device = $1 ORDER BY seq DESC",
                                     values, 1);
    while (db_each(db, &result)) {
        struct report r = {.at = db_get_int(db, 0)};
        snprintf(r.device, sizeof(r.device), "%s", device);
        snprintf(r.state, sizeof(r.state), "%s", db_get_text(db, 1));
        snprintf(r.version, sizeof(r.version), "%s", db_get_text(db, 2));
        snprintf(r.sha256, sizeof(r.sha256), "%s", db_get_text(db, 3));
        snprintf(r.reason, sizeof(r.reason), "%s", db_get_text(db, 4));
        each(ctx, &r);
    }
    return result;
}

static void read_slot(struct db *db, void *slot)
{
    struct smallest_slot *const out = slot;
    snprintf(out->device, sizeof(out->device), "%s", db_get_text(db, 0));
    out->bytes = db_get_int(db, 1);
}

enum db_result report_smallest_slot(struct db *db, const char *project, const char *chip,
                                    struct smallest_slot *out)
{
    const struct db_value values[] = {db_text(project), db_text(chip)};
    return db_find(db,
                   "SELECT s.device, s.slot_bytes FROM device_state s"
                   " JOIN device d ON d.id = s.device"
                   " WHERE s.project = $1 AND s.chip = $2 AND s.slot_bytes > 0 AND d.revoked = 0"
                   " ORDER BY s.slot_bytes, s.device LIMIT 1",
                   values, 2, read_slot, out);
}
