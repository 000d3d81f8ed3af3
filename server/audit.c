/* server/audit.c - writing and walking the chain; see audit.h. Its tables: schema.c.
 * The row of the tip is taken first, for two reasons: instances that add at the same time wait for
 * each other there, and entries missing at the end are missed. */
#include "audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ferry/crypto.h"

static void put_be(uint8_t *out, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * (n - 1 - i)));
}

static void hash_text(struct ferry_sha256 *h, const char *text)
{
    uint8_t length[4];
    const size_t n = strlen(text);
    put_be(length, n, sizeof(length));
    ferry_sha256_update(h, length, sizeof(length));
    ferry_sha256_update(h, text, n);
}

void audit_hash(const struct audit_entry *e, const uint8_t before[AUDIT_HASH_BYTES],
                uint8_t out[AUDIT_HASH_BYTES])
{
    struct ferry_sha256 h;
    uint8_t numbers[16];
    put_be(numbers, (uint64_t)e->seq, 8);
    put_be(numbers + 8, (uint64_t)e->at, 8);
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, before, AUDIT_HASH_BYTES);
    ferry_sha256_update(&h, numbers, sizeof(numbers));
    hash_text(&h, e->actor);
    hash_text(&h, e->action);
    hash_text(&h, e->subject);
    hash_text(&h, e->detail);
    ferry_sha256_finish(&h, out);
}

/** Copies a hash out of a row; one of another length is none. */
static bool take_hash(struct db *db, unsigned column, uint8_t out[AUDIT_HASH_BYTES])
{
    size_t n;
    const void *bytes = db_get_blob(db, column, &n);
    if (n != AUDIT_HASH_BYTES)
        return false;
    memcpy(out, bytes, n);
    return true;
}

/** The end of the chain; before the first entry all is 0. */
struct tip {
    int64_t seq;
    uint8_t hash[AUDIT_HASH_BYTES];
    bool is_damaged; // its hash is none
};

static void read_tip(struct db *db, void *out)
{
    struct tip *const tip = out;
    tip->seq = db_get_int(db, 0);
    tip->is_damaged = !take_hash(db, 1, tip->hash);
}

/** The number of the next entry and the hash of the last; the tip's row is ours from here on. */
static enum db_result take_tip(struct db *db, struct tip *tip)
{
    *tip = (struct tip){0};
    const enum db_result result =
        db_find(db, "UPDATE audit_tip SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash", NULL, 0,
                read_tip, tip);
    if (result == DB_ROW)
        return tip->is_damaged ? DB_FAILED : DB_OK;
    if (result != DB_OK)
        return result;
    tip->seq = 1;
    const struct db_value row[] = {db_blob(tip->hash, AUDIT_HASH_BYTES)};
    return db_run(db, "INSERT INTO audit_tip (id, seq, hash) VALUES (1, 1, $1)", row, 1);
}

static enum db_result add_entry(struct db *db, void *ctx)
{
    struct audit_entry *e = ctx;
    struct tip tip;
    enum db_result result = take_tip(db, &tip);
    if (result != DB_OK)
        return result;
    e->seq = tip.seq;
    audit_hash(e, tip.hash, e->hash);
    const struct db_value row[] = {
        db_int(e->seq),
        db_int(e->at),
        db_text(e->actor),
        db_text(e->action),
        db_text(e->subject),
        db_text(e->detail),
        db_blob(e->hash, AUDIT_HASH_BYTES),
    };
    result = db_run(db,
                    "INSERT INTO audit (seq, at, actor, action, subject, detail, hash)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                    row, 7);
    if (result != DB_OK)
        return result;
    return db_run(db, "UPDATE audit_tip SET hash = $1 WHERE id = 1", &row[6], 1);
}

enum db_result audit_add(struct db *db, const char *actor, const char *action, const char *subject,
                         const char *detail)
{
    struct audit_entry e = {
        .at = (int64_t)time(NULL),
        .actor = actor ? actor : "",
        .action = action ? action : "",
        .subject = subject ? subject : "",
        .detail = detail ? detail : "",
    };
    return db_transaction(db, add_entry, &e);
}

#define ENTRY_COLUMNS "seq, at, actor, action, subject, detail, hash"

static bool take_entry(struct db *db, struct audit_entry *e)
{
    e->seq = db_get_int(db, 0);
    e->at = db_get_int(db, 1);
    e->actor = db_get_text(db, 2);
    e->action = db_get_text(db, 3);
    e->subject = db_get_text(db, 4);
    e->detail = db_get_text(db, 5);
    return take_hash(db, 6, e->hash);
}

enum db_result audit_show(struct db *db, int64_t most,
                          void (*visit)(const struct audit_entry *e, void *ctx), void *ctx)
{
    const struct db_value values[] = {db_int(most)};
    enum db_result result =
        db_query(db,
                 "SELECT " ENTRY_COLUMNS " FROM audit WHERE seq IN"
                 " (SELECT seq FROM audit ORDER BY seq DESC LIMIT $1) ORDER BY seq",
                 values, 1);
    struct audit_entry e;
    while (db_each(db, &result)) {
        if (!take_entry(db, &e))
            memset(e.hash, 0, sizeof(e.hash));
        visit(&e, ctx);
    }
    return result;
}

struct walk {
    struct audit_report *report;
    int64_t known_seq;
    const uint8_t *known;
};

/** Looks at one entry after the good ones. False: report->why. */
static bool is_next(struct db *db, struct walk *w)
{
    struct audit_report *r = w->report;
    struct audit_entry e;
    uint8_t want[AUDIT_HASH_BYTES];
    const bool has_hash = take_entry(db, &e);
    const int64_t next = r->n_entries + 1;
    if (e.seq != next) {
        snprintf(r->why, sizeof(r->why), "entry %" PRId64 " is missing", next);
        return false;
    }
    audit_hash(&e, r->tip, want);
    if (!has_hash || memcmp(want, e.hash, sizeof(want)) != 0) {
        snprintf(r->why, sizeof(r->why),
                 "entry %" PRId64 " is not what was written, or the one before it is not", next);
        return false;
    }
    if (e.seq == w->known_seq && memcmp(want, w->known, sizeof(want)) != 0) {
        snprintf(r->why, sizeof(r->why),
                 "entry %" PRId64 " has another hash than was kept: the log was written anew",
                 next);
        return false;
    }
    r->n_entries = next;
    memcpy(r->tip, want, sizeof(want));
    return true;
}

/** After the last entry: the tip's row must name it. */
static enum db_result look_at_tip(struct db *db, struct walk *w)
{
    struct audit_report *r = w->report;
    struct tip tip = {0};
    const enum db_result result =
        db_find(db, "SELECT seq, hash FROM audit_tip WHERE id = 1", NULL, 0, read_tip, &tip);
    if (result != DB_OK && result != DB_ROW)
        return result;
    if (tip.seq != r->n_entries)
        snprintf(r->why, sizeof(r->why),
                 "the log ends at entry %" PRId64 ", but %" PRId64 " were written", r->n_entries,
                 tip.seq);
    else if (tip.is_damaged || memcmp(tip.hash, r->tip, sizeof(tip.hash)) != 0)
        snprintf(r->why, sizeof(r->why), "the log's end is not what was written");
    else if (w->known_seq > r->n_entries)
        snprintf(r->why, sizeof(r->why),
                 "the log ends at entry %" PRId64 ", but entry %" PRId64 " was kept", r->n_entries,
                 w->known_seq);
    else
        r->is_good = true;
    return DB_OK;
}

static enum db_result walk_chain(struct db *db, void *ctx)
{
    struct walk *w = ctx;
    *w->report = (struct audit_report){0};
    enum db_result result =
        db_query(db, "SELECT " ENTRY_COLUMNS " FROM audit ORDER BY seq", NULL, 0);
    while (db_each(db, &result)) {
        if (is_next(db, w))
            continue;
        db_end(db);
        return DB_OK;
    }
    return result == DB_OK ? look_at_tip(db, w) : result;
}

enum db_result audit_verify(struct db *db, int64_t known_seq, const uint8_t *known,
                            struct audit_report *out)
{
    struct walk w = {.report = out, .known_seq = known ? known_seq : 0, .known = known};
    return db_snapshot(db, walk_chain, &w);
}
