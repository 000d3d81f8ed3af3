/* server/schema.c - the steps of the schema, a noun each; see schema.h.
 * Types are BIGINT (also for yes and no, and for times in Unix seconds), TEXT and BLOB; keys are
 * made by us. INTEGER has 32 bits on one engine and 64 on the other, so nothing is INTEGER. */
#include "schema.h"

#include <inttypes.h>

#include "db_engine.h"

const struct schema_step schema_steps[] = {
    {"audit", "audit audit_tip",
     "CREATE TABLE audit ("
     " seq BIGINT PRIMARY KEY,"
     " at BIGINT NOT NULL,"
     " actor TEXT NOT NULL,"
     " action TEXT NOT NULL,"
     " subject TEXT NOT NULL,"
     " detail TEXT NOT NULL,"
     " hash BLOB NOT NULL);"
     // The end of the chain in a row of its own: rows taken from the end would leave no gap.
     "CREATE TABLE audit_tip ("
     " id BIGINT PRIMARY KEY CHECK (id = 1),"
     " seq BIGINT NOT NULL,"
     " hash BLOB NOT NULL);"},
    // revoked, released: since when, or 0. fleet: the group. key_sha256: of the key it may use, or
    // "". What refers to a device goes with it: ON DELETE CASCADE.
    {"device", "device",
     "CREATE TABLE device ("
     " id TEXT PRIMARY KEY,"
     " fleet TEXT NOT NULL,"
     " key_sha256 TEXT NOT NULL,"
     " created BIGINT NOT NULL,"
     " released BIGINT NOT NULL,"
     " revoked BIGINT NOT NULL);"
     "CREATE INDEX device_by_fleet ON device (fleet, id);"
     "CREATE INDEX device_by_key ON device (key_sha256);"},
    // device "": the server gives each its id. The token itself is nowhere.
    {"token", "token",
     "CREATE TABLE token ("
     " sha256 TEXT PRIMARY KEY,"
     " device TEXT NOT NULL,"
     " fleet TEXT NOT NULL,"
     " uses_most BIGINT NOT NULL,"
     " uses_left BIGINT NOT NULL,"
     " created BIGINT NOT NULL,"
     " expires BIGINT NOT NULL,"
     " revoked BIGINT NOT NULL);"},
    // sha256: of the DER. token_sha256: what it was enrolled with, NULL for a renewal; the same key
    // gets one certificate for a token, however often it asks.
    {"certificate", "certificate",
     "CREATE TABLE certificate ("
     " sha256 TEXT PRIMARY KEY,"
     " serial TEXT NOT NULL UNIQUE,"
     " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,"
     " issuer_sha256 TEXT NOT NULL,"
     " key_sha256 TEXT NOT NULL,"
     " token_sha256 TEXT,"
     " not_before BIGINT NOT NULL,"
     " not_after BIGINT NOT NULL,"
     " issued BIGINT NOT NULL,"
     " revoked BIGINT NOT NULL,"
     " pem TEXT NOT NULL,"
     " UNIQUE (token_sha256, key_sha256));"
     "CREATE INDEX certificate_by_device ON certificate (device, issued);"
     "CREATE INDEX certificate_by_key ON certificate (key_sha256);"},
    // Who may administer; the token itself is nowhere.
    {"operator", "operator",
     "CREATE TABLE operator ("
     " name TEXT PRIMARY KEY,"
     " token_sha256 TEXT NOT NULL UNIQUE,"
     " created BIGINT NOT NULL);"},
    // Made by add; serial: the order of releases. keys: whose signatures hold, 64 digits each.
    {"release", "release",
     "CREATE TABLE release ("
     " sha256 TEXT PRIMARY KEY,"
     " serial BIGINT NOT NULL UNIQUE,"
     " project TEXT NOT NULL,"
     " version TEXT NOT NULL,"
     " chip TEXT NOT NULL,"
     " secure_version BIGINT NOT NULL,"
     " length BIGINT NOT NULL,"
     " crc32 BIGINT NOT NULL,"
     " keys TEXT NOT NULL,"
     " is_public BIGINT NOT NULL,"
     " added BIGINT NOT NULL,"
     " UNIQUE (project, chip, version));"},
    // key_sha256: whose signature a channel demands, "" nobody's. A group that follows none has
    // the channel "stable".
    {"channel", "channel offer follower",
     "CREATE TABLE channel ("
     " name TEXT PRIMARY KEY,"
     " key_sha256 TEXT NOT NULL,"
     " created BIGINT NOT NULL);"
     "INSERT INTO channel (name, key_sha256, created) VALUES ('stable', '', 0);"
     "CREATE TABLE offer ("
     " channel TEXT NOT NULL REFERENCES channel (name),"
     " sha256 TEXT NOT NULL REFERENCES release (sha256),"
     " since BIGINT NOT NULL,"
     " withdrawn BIGINT NOT NULL,"
     " PRIMARY KEY (channel, sha256));"
     "CREATE TABLE follower ("
     " fleet TEXT PRIMARY KEY,"
     " channel TEXT NOT NULL REFERENCES channel (name));"},
    // A device's last word, and what came before it.
    {"report", "device_state device_event",
     "CREATE TABLE device_state ("
     " device TEXT PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,"
     " state TEXT NOT NULL,"
     " version TEXT NOT NULL,"
     " project TEXT NOT NULL,"
     " chip TEXT NOT NULL,"
     " reason TEXT NOT NULL,"
     " sha256 TEXT NOT NULL,"
     " serial BIGINT NOT NULL,"
     " slot_bytes BIGINT NOT NULL,"
     " wear_percent BIGINT NOT NULL,"
     " began BIGINT NOT NULL,"
     " seen BIGINT NOT NULL);"
     "CREATE INDEX device_state_by_seen ON device_state (seen);"
     "CREATE INDEX device_state_by_hardware ON device_state (project, chip, slot_bytes);"
     "CREATE TABLE device_event ("
     " device TEXT NOT NULL REFERENCES device (id) ON DELETE CASCADE,"
     " seq BIGINT NOT NULL,"
     " at BIGINT NOT NULL,"
     " state TEXT NOT NULL,"
     " version TEXT NOT NULL,"
     " sha256 TEXT NOT NULL,"
     " reason TEXT NOT NULL,"
     " PRIMARY KEY (device, seq));"},
    // A browser of an operator; the cookie itself is nowhere.
    {"session", "session",
     "CREATE TABLE session ("
     " sha256 TEXT PRIMARY KEY,"
     " operator TEXT NOT NULL REFERENCES operator (name) ON DELETE CASCADE,"
     " expires BIGINT NOT NULL);"},
    // The SHA-256 of what a device is fetching; "" nothing.
    {"coming", "", "ALTER TABLE device_state ADD COLUMN coming TEXT NOT NULL DEFAULT ''"},
    // Who was an operator before stays a full one.
    {"read-only", "", "ALTER TABLE operator ADD COLUMN is_read_only BIGINT NOT NULL DEFAULT 0"},
};

const unsigned schema_n_steps = sizeof(schema_steps) / sizeof(schema_steps[0]);

static enum db_result read_version(struct db *db, void *ctx)
{
    int64_t *version = ctx;
    *version = 0;
    return db_number(db, version, "SELECT version FROM schema_version", NULL, 0);
}

enum db_result schema_version(struct db *db, int64_t *version)
{
    const enum db_result result =
        db->ops->script(db, "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
    return result == DB_OK ? read_version(db, version) : result;
}

/** Does the next step, unless another instance has. */
static enum db_result do_step(struct db *db, void *ctx)
{
    const int64_t step = *(const int64_t *)ctx;
    int64_t version;
    enum db_result result = read_version(db, &version);
    if (result != DB_OK || version != step)
        return result;
    result = db->ops->script(db, schema_steps[step].sql);
    if (result != DB_OK)
        return result;
    const struct db_value next[] = {db_int(step + 1)};
    return db_run(db,
                  step == 0 ? "INSERT INTO schema_version (version) VALUES ($1)"
                            : "UPDATE schema_version SET version = $1",
                  next, 1);
}

static enum db_result do_steps(struct db *db, unsigned until)
{
    int64_t version;
    enum db_result result = schema_version(db, &version);
    if (result == DB_OK && version > schema_n_steps)
        return db_fail(db, DB_FAILED,
                       "the database has schema version %" PRId64
                       "; this ferryd knows %u: a later ferryd wrote it",
                       version, schema_n_steps);
    if (result == DB_OK && version < until)
        result = db->ops->script(db, db->ops->setup);
    for (; result == DB_OK && version < until; version++)
        result = db_transaction(db, do_step, &version);
    return result;
}

enum db_result schema_migrate_to(struct db *db, unsigned version)
{
    // Several instances start at once; one of them does it, the others find it done.
    enum db_result result = db->ops->turn(db, DB_LOCK, true);
    if (result != DB_OK)
        return result;
    result = do_steps(db, version);
    const enum db_result unlocked = db->ops->turn(db, DB_LOCK, false);
    return result != DB_OK ? result : unlocked;
}

enum db_result db_migrate(struct db *db)
{
    return schema_migrate_to(db, schema_n_steps);
}
