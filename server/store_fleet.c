/* server/store_fleet.c - one statement each. */
#include "store_fleet.h"

#include <string.h>

// As report_state says it.
#define STATE       "(CASE WHEN s.coming <> '' THEN 'downloading' ELSE s.state END)"
#define IS_UPDATING "(" STATE " IN ('downloading', 'installed') AND d.revoked = 0)"
#define NEEDS_ATTENTION                                                                            \
    "(" STATE " IN ('failed', 'rolled_back', 'no_rollback', 'needs_release') AND d.revoked = 0)"

static void read_counts(struct db *db, void *out)
{
    *(struct fleet_counts *)out = (struct fleet_counts){.devices = db_get_int(db, 0),
                                                        .seen = db_get_int(db, 1),
                                                        .installing = db_get_int(db, 2),
                                                        .failed = db_get_int(db, 3),
                                                        .revoked = db_get_int(db, 4)};
}

/** One row of counts; what no row can be counted for is 0. */
enum db_result fleet_count(struct db *db, int64_t seen_since, struct fleet_counts *out)
{
    const struct db_value values[] = {db_int(seen_since)};
    *out = (struct fleet_counts){0};
    const enum db_result result =
        db_find(db,
                "SELECT COUNT(*),"
                " COALESCE(SUM(CASE WHEN s.seen >= $1 THEN 1 ELSE 0 END), 0),"
                " COALESCE(SUM(CASE WHEN " IS_UPDATING " THEN 1 ELSE 0 END), 0),"
                " COALESCE(SUM(CASE WHEN " NEEDS_ATTENTION " THEN 1 ELSE 0 END), 0),"
                " COALESCE(SUM(CASE WHEN d.revoked <> 0 THEN 1 ELSE 0 END), 0)"
                " FROM device d LEFT JOIN device_state s ON s.device = d.id",
                values, 1, read_counts, out);
    return result == DB_ROW ? DB_OK : result;
}

enum db_result fleet_list(struct db *db, const struct fleet_filter *filter,
                          void (*each)(void *ctx, const struct device *device,
                                       const struct report *report),
                          void *ctx)
{
    struct device device;
    struct report report;
    const struct db_value values[] = {db_text(filter->after), db_text(filter->start),
                                      db_text(filter->fleet), db_text(filter->state),
                                      db_int(filter->most)};
    enum db_result result =
        db_query(db,
                 "SELECT " DEVICE_COLUMNS ", " REPORT_COLUMNS
                 " FROM device d LEFT JOIN device_state s ON s.device = d.id " REPORT_COMING
                 " WHERE d.id > $1 AND substr(d.id, 1, length($2)) = $2"
                 " AND ($3 = '' OR d.fleet = $3) AND ($4 = '' OR " STATE " = $4"
                 " OR ($4 = '" FLEET_UPDATING "' AND " IS_UPDATING ")"
                 " OR ($4 = '" FLEET_ATTENTION "' AND " NEEDS_ATTENTION "))"
                 " ORDER BY d.id LIMIT $5",
                 values, 5);
    while (db_each(db, &result)) {
        device_read(db, 0, &device);
        report_read(db, DEVICE_N_COLUMNS, &report);
        memcpy(report.device, device.id, sizeof(report.device)); // one that said nothing has none
        each(ctx, &device, &report);
    }
    return result;
}

enum db_result fleet_running(struct db *db, const char *sha256, int64_t *n)
{
    const struct db_value values[] = {db_text(sha256)};
    *n = 0;
    return db_number(db, n,
                     "SELECT COUNT(*) FROM device_state"
                     " WHERE sha256 = $1 AND state IN ('confirmed', 'idle')",
                     values, 1);
}
