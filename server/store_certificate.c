/* server/store_certificate.c - one statement each; whether a certificate counts is asked of its
 * row and its device's at once. */
#include "store_certificate.h"

#include <stdio.h>
#include <string.h>

#define SELECT_WHERE                                                                               \
    "SELECT c.device, c.issuer_sha256, c.key_sha256, c.not_before, c.not_after, c.issued,"         \
    " c.revoked, d.revoked, c.pem, c.sha256, COALESCE(s.seen, 0), COALESCE(s.coming, '')"          \
    " FROM certificate c JOIN device d ON d.id = c.device"                                         \
    " LEFT JOIN device_state s ON s.device = c.device WHERE "

static void read_row(struct db *db, void *row)
{
    struct certificate *const out = row;
    snprintf(out->device, sizeof(out->device), "%s", db_get_text(db, 0));
    snprintf(out->issuer_sha256, sizeof(out->issuer_sha256), "%s", db_get_text(db, 1));
    snprintf(out->key_sha256, sizeof(out->key_sha256), "%s", db_get_text(db, 2));
    out->not_before = db_get_int(db, 3);
    out->not_after = db_get_int(db, 4);
    out->issued = db_get_int(db, 5);
    out->is_revoked = db_get_int(db, 6) != 0 || db_get_int(db, 7) != 0;
    snprintf(out->sha256, sizeof(out->sha256), "%s", db_get_text(db, 9));
    out->seen = db_get_int(db, 10);
    snprintf(out->coming, sizeof(out->coming), "%s", db_get_text(db, 11));
}

/** A certificate, and its PEM for who wants it. */
struct found {
    struct certificate *certificate;
    struct ferry_strbuf *pem; // or NULL
};

static void read_found(struct db *db, void *out)
{
    const struct found *const f = out;
    read_row(db, f->certificate);
    if (f->pem)
        ferry_strbuf_addf(f->pem, "%s", db_get_text(db, 8));
}

static enum db_result find(struct db *db, const char *sql, const struct db_value *values, size_t n,
                           struct certificate *out, struct ferry_strbuf *pem)
{
    return db_find(db, sql, values, n, read_found, &(struct found){out, pem});
}

enum db_result certificate_find(struct db *db, const char *sha256, struct certificate *out)
{
    const struct db_value values[] = {db_text(sha256)};
    return find(db, SELECT_WHERE "c.sha256 = $1", values, 1, out, NULL);
}

enum db_result certificate_find_serial(struct db *db, const char *serial, struct certificate *out)
{
    const struct db_value values[] = {db_text(serial)};
    return find(db, SELECT_WHERE "c.serial = $1", values, 1, out, NULL);
}

enum db_result certificate_find_enrolled(struct db *db, const char *token_sha256,
                                         const char *key_sha256, struct certificate *out,
                                         struct ferry_strbuf *pem)
{
    const struct db_value values[] = {db_text(token_sha256), db_text(key_sha256)};
    return find(db, SELECT_WHERE "c.token_sha256 = $1 AND c.key_sha256 = $2", values, 2, out, pem);
}

enum db_result certificate_find_newest(struct db *db, const char *device, const char *key_sha256,
                                       const char *issuer_sha256, int64_t since,
                                       struct certificate *out, struct ferry_strbuf *pem)
{
    const struct db_value values[] = {db_text(device), db_text(key_sha256), db_text(issuer_sha256),
                                      db_int(since)};
    return find(db,
                SELECT_WHERE "c.device = $1 AND c.key_sha256 = $2 AND c.issuer_sha256 = $3"
                             " AND c.issued >= $4 AND c.revoked = 0"
                             " ORDER BY c.issued DESC, c.sha256 LIMIT 1",
                values, 4, out, pem);
}

enum db_result certificate_add(struct db *db, const char *device, const struct ca_leaf *leaf,
                               const char *key_sha256, const char *token_sha256, int64_t now)
{
    const struct db_value values[] = {
        db_text(leaf->sha256),        db_text(leaf->serial),   db_text(device),
        db_text(leaf->issuer_sha256), db_text(key_sha256),     db_text(token_sha256),
        db_int(leaf->not_before),     db_int(leaf->not_after), db_int(now),
        db_text(leaf->pem.text)};
    return db_run(db,
                  "INSERT INTO certificate (sha256, serial, device, issuer_sha256, key_sha256,"
                  " token_sha256, not_before, not_after, issued, revoked, pem)"
                  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)",
                  values, 10);
}

enum db_result certificate_revoke_all(struct db *db, const char *device, int64_t now)
{
    const struct db_value values[] = {db_text(device), db_int(now)};
    return db_run(db, "UPDATE certificate SET revoked = $2 WHERE device = $1 AND revoked = 0",
                  values, 2);
}

enum db_result certificate_list(struct db *db, const char *device,
                                void (*each)(void *ctx, const struct certificate *c), void *ctx)
{
    struct certificate c;
    const struct db_value values[] = {db_text(device)};
    enum db_result result =
        db_query(db, SELECT_WHERE "c.device = $1 ORDER BY c.issued DESC, c.sha256", values, 1);
    while (db_each(db, &result)) {
        read_row(db, &c);
        each(ctx, &c);
    }
    return result;
}

enum db_result certificate_count(struct db *db, const char *issuer_sha256, int64_t since,
                                 int64_t *n)
{
    const struct db_value values[] = {db_text(issuer_sha256), db_int(since)};
    *n = 0;
    return db_number(db, n,
                     "SELECT COUNT(DISTINCT c.device) FROM certificate c"
                     " WHERE c.issuer_sha256 = $1 AND c.not_after >= $2 AND c.revoked = 0"
                     " AND NOT EXISTS (SELECT 1 FROM certificate n WHERE n.device = c.device"
                     " AND n.issued > c.issued AND n.revoked = 0)",
                     values, 2);
}

bool certificate_should_renew(const struct certificate *c, struct ca *ca, int64_t now)
{
    char issuing[CA_HEX_BYTES];
    ca_issuing_sha256(ca, issuing);
    return now >= c->not_after - (c->not_after - c->not_before) / 3 ||
           strcmp(issuing, c->issuer_sha256) != 0;
}

bool certificate_may_renew(const struct certificate *c, int64_t now, int64_t expired_days)
{
    return !c->is_revoked && now <= c->not_after + expired_days * 86400;
}
