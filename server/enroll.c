/* server/enroll.c - the rules of enrolment and renewal. Transactions are serializable, so what is
 * read and decided upon still holds when it is written; what runs again begins with a fresh answer.
 */
#include "enroll.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "store_certificate.h"
#include "store_device.h"
#include "store_report.h"
#include "store_token.h"

#define DAY_S       86400
#define REPEAT_S    DAY_S // a renewal asked for again within this time is the same one
#define ID_ATTEMPTS 4     // of 64 random bits each

/* One case: what is asked, and what is found out about it. */
struct errand {
    struct ca *ca;
    const struct enroll_terms *terms;
    const struct csr *csr;
    struct enroll_answer *out;
    char token_sha256[CA_HEX_BYTES]; // "" for a renewal
    const char *cert_sha256;         // NULL for an enrolment
    bool is_settled;                 // out says what came of it
};

/* Sets what came of it. DB_OK lets the transaction commit, with what a refusal has noted. */
__attribute__((format(printf, 3, 4))) static enum db_result
settle(struct errand *e, enum enroll_result result, const char *fmt, ...)
{
    va_list args;
    e->out->result = result;
    e->is_settled = true;
    va_start(args, fmt);
    vsnprintf(e->out->why, sizeof(e->out->why), fmt, args);
    va_end(args);
    return DB_OK;
}

static enum db_result unknown_token(struct errand *e)
{
    return settle(e, ENROLL_TOKEN_UNKNOWN,
                  "the token is unknown, expired, revoked or used up; an operator makes one with "
                  "`ferryd token new`");
}

static enum db_result revoked(struct errand *e)
{
    return settle(e, ENROLL_REVOKED, "the device is revoked");
}

static enum db_result key_taken(struct errand *e)
{
    return settle(e, ENROLL_KEY_TAKEN,
                  "its key is another device's; each device makes a key of its own");
}

/* Begins an attempt, the first or another. */
static void begin(struct errand *e)
{
    ferry_strbuf_clear(&e->out->pem);
    e->out->result = ENROLL_FAILED;
    e->out->is_repeated = false;
    e->out->why[0] = '\0';
    e->is_settled = false;
}

/* Answers with a certificate that was issued before; its PEM is in out already. */
static enum db_result repeat(struct errand *e, const struct certificate *c)
{
    struct enroll_answer *out = e->out;
    snprintf(out->device, sizeof(out->device), "%s", c->device);
    snprintf(out->issuer_sha256, sizeof(out->issuer_sha256), "%s", c->issuer_sha256);
    out->is_repeated = true;
    out->result = ENROLL_DONE;
    e->is_settled = true;
    return DB_OK;
}

static enum db_result write_audit(struct db *db, const struct errand *e, const struct ca_leaf *leaf)
{
    char actor[HTTP_ID_BYTES + 16], detail[256];
    if (e->token_sha256[0])
        snprintf(actor, sizeof(actor), "token %.*s", (int)TOKEN_NAME_CHARS, e->token_sha256);
    else
        snprintf(actor, sizeof(actor), "device %s", e->out->device);
    snprintf(detail, sizeof(detail), "certificate %s serial %s", leaf->sha256, leaf->serial);
    return audit_add(db, actor, e->token_sha256[0] ? "enrol device" : "renew certificate",
                     e->out->device, detail);
}

/* Signs for out->device and records it. */
static enum db_result issue(struct db *db, struct errand *e)
{
    struct ca_leaf leaf;
    const struct ca_wish wish = {.device = e->out->device,
                                 .csr = e->csr,
                                 .now = e->terms->now,
                                 .valid_s = (int64_t)e->terms->certificate_days * DAY_S};
    if (e->terms->may_sign && !e->terms->may_sign(e->terms->ctx, &e->out->wait_s)) {
        settle(e, ENROLL_RATE,
               "the authority has much to sign; the next try may come in %u seconds",
               e->out->wait_s);
        return DB_FAILED; // what was taken for it goes back
    }
    if (!ca_issue(e->ca, &wish, &leaf, e->out->why)) {
        return DB_FAILED; // why is said; nothing of this transaction stays
    }
    enum db_result result = certificate_add(db, wish.device, &leaf, e->csr->key_sha256,
                                            e->token_sha256[0] ? e->token_sha256 : NULL, wish.now);
    if (result == DB_OK)
        result = write_audit(db, e, &leaf);
    if (result == DB_OK) {
        ferry_strbuf_add(&e->out->pem, leaf.pem.text, leaf.pem.n);
        memcpy(e->out->issuer_sha256, leaf.issuer_sha256, CA_HEX_BYTES);
        e->out->result = ENROLL_DONE;
    }
    ferry_strbuf_free(&leaf.pem);
    return result;
}

/* Whose certificate it is to be. DB_ROW: *device is known; DB_OK: *device is to be added; another:
 * the database's. A refusal is settled in out. */
static enum db_result choose_device(struct db *db, struct errand *e, const struct token *token,
                                    struct device *device)
{
    struct device owner;
    const enum db_result by_key = device_find_by_key(db, e->csr->key_sha256, &owner);
    if (by_key != DB_OK && by_key != DB_ROW)
        return by_key;
    if (!token->device[0] && by_key == DB_ROW) {
        *device = owner; // it has proved to be that device, and joins again
        return DB_ROW;
    }
    if (by_key == DB_ROW && strcmp(owner.id, token->device) != 0)
        return key_taken(e);
    enum db_result result = DB_OK;
    if (token->device[0])
        result = device_find(db, token->device, device);
    if (result == DB_OK) {
        *device = (struct device){.created = e->terms->now};
        snprintf(device->fleet, sizeof(device->fleet), "%s", token->fleet);
        if (token->device[0])
            snprintf(device->id, sizeof(device->id), "%s", token->device);
        else if (!device_new_id(device->id))
            return settle(e, ENROLL_FAILED, "there are no random bytes for a new id");
    }
    return result;
}

/* Makes the device's key the one that asks. An earlier one may be in a stranger's hands: what was
 * issued for it counts no longer. */
static enum db_result take_key(struct db *db, const struct errand *e, struct device *device,
                               bool is_known)
{
    const bool is_other = strcmp(device->key_sha256, e->csr->key_sha256) != 0;
    snprintf(e->out->device, sizeof(e->out->device), "%s", device->id);
    if (!is_known) {
        snprintf(device->key_sha256, sizeof(device->key_sha256), "%s", e->csr->key_sha256);
        return device_add(db, device);
    }
    enum db_result result = DB_OK;
    if (is_other && device->key_sha256[0])
        result = certificate_revoke_all(db, device->id, e->terms->now);
    return result == DB_OK && (is_other || device->released)
               ? device_set_key(db, device->id, e->csr->key_sha256, true)
               : result;
}

/* The operator's list of devices shows who waits for a release: a device without a certificate
 * cannot say it itself. Its next report takes the note's place. */
static enum db_result release_needed(struct db *db, struct errand *e, const struct device *device)
{
    struct report r;
    const enum db_result result = report_find(db, device->id, &r);
    if (result != DB_OK && result != DB_ROW)
        return result;
    if (result == DB_OK)
        r = (struct report){0};
    snprintf(r.device, sizeof(r.device), "%s", device->id);
    snprintf(r.state, sizeof(r.state), "needs_release");
    snprintf(r.reason, sizeof(r.reason), "asked to enrol with another key");
    r.at = r.seen = e->terms->now;
    const enum db_result kept = report_keep(db, &r);
    if (kept != DB_OK)
        return kept;
    return settle(e, ENROLL_RELEASE_NEEDED,
                  "device %s has another key; an operator must run "
                  "`ferryd device release DIR %s` first",
                  device->id, device->id);
}

/* A token that counts, and no certificate for it and this key. */
static enum db_result enroll_new(struct db *db, struct errand *e, const struct token *token)
{
    struct device device = {0};
    enum db_result result = choose_device(db, e, token, &device);
    if ((result != DB_OK && result != DB_ROW) || e->is_settled)
        return result;
    const bool is_known = result == DB_ROW;
    const bool is_other =
        is_known && device.key_sha256[0] && strcmp(device.key_sha256, e->csr->key_sha256) != 0;
    if (is_known && device.revoked)
        return revoked(e);
    if (is_other && !device.released)
        return release_needed(db, e, &device);
    // An operator's release lets a device that lost its key in once more, by the token it has.
    const bool is_free = is_other && token->uses_left == 0;
    if (!is_free && token->uses_left == 0)
        return unknown_token(e);
    result = take_key(db, e, &device, is_known);
    if (result == DB_OK && !is_free)
        result = token_take_use(db, token->sha256);
    return result == DB_OK ? issue(db, e) : result;
}

static enum db_result enroll_work(struct db *db, void *ctx)
{
    struct errand *e = ctx;
    struct token token;
    struct certificate c;
    begin(e);
    enum db_result result = token_find(db, e->token_sha256, &token);
    if (result != DB_ROW)
        return result == DB_OK ? unknown_token(e) : result;
    if (token.revoked)
        return unknown_token(e);
    result = certificate_find_enrolled(db, token.sha256, e->csr->key_sha256, &c, &e->out->pem);
    if (result != DB_OK && result != DB_ROW)
        return result;
    if (result == DB_ROW && c.is_revoked)
        return revoked(e);
    if (result == DB_ROW && e->terms->now <= c.not_after)
        return repeat(e, &c);
    if (result == DB_ROW || e->terms->now > token.expires)
        return unknown_token(e);
    return enroll_new(db, e, &token);
}

static enum db_result renew_work(struct db *db, void *ctx)
{
    struct errand *e = ctx;
    struct certificate c, newest;
    struct device owner;
    char issuing[CA_HEX_BYTES];
    begin(e);
    enum db_result result = certificate_find(db, e->cert_sha256, &c);
    if (result != DB_ROW)
        return result == DB_OK
                   ? settle(e, ENROLL_REVOKED, "the certificate is of no device known here")
                   : result;
    if (c.is_revoked)
        return revoked(e);
    if (!certificate_may_renew(&c, e->terms->now, e->terms->renew_expired_days))
        return settle(e, ENROLL_EXPIRED,
                      "the certificate ran out more than %u days ago; the device needs a new token",
                      e->terms->renew_expired_days);
    snprintf(e->out->device, sizeof(e->out->device), "%s", c.device);
    result = device_find_by_key(db, e->csr->key_sha256, &owner);
    if (result == DB_ROW && strcmp(owner.id, c.device) != 0)
        return key_taken(e);
    if (result != DB_OK && result != DB_ROW)
        return result;
    ca_issuing_sha256(e->ca, issuing);
    result = certificate_find_newest(db, c.device, e->csr->key_sha256, issuing,
                                     e->terms->now - REPEAT_S, &newest, &e->out->pem);
    if (result == DB_ROW)
        return repeat(e, &newest);
    if (result == DB_OK)
        result = device_set_key(db, c.device, e->csr->key_sha256, false);
    return result == DB_OK ? issue(db, e) : result;
}

static void run(struct db *db, db_work work, struct errand *e)
{
    // The same key twice at once, or an id that chance gave before: the second one looks again.
    enum db_result result = DB_CONFLICT;
    for (unsigned i = 0; i < ID_ATTEMPTS && result == DB_CONFLICT; i++)
        result = db_transaction(db, work, e);
    if (result == DB_GONE || result == DB_RETRY)
        settle(e, ENROLL_LATER, "the database is away: %.200s", db->detail);
    else if (result != DB_OK && !e->out->why[0])
        settle(e, ENROLL_FAILED, "%.200s", db->detail);
    else if (e->out->pem.failed)
        settle(e, ENROLL_FAILED, "memory ran out");
}

void enroll_by_token(struct db *db, struct ca *ca, const struct enroll_terms *terms,
                     const char *token, const struct csr *csr, struct enroll_answer *out)
{
    struct errand e = {.ca = ca, .terms = terms, .csr = csr, .out = out};
    *out = (struct enroll_answer){0};
    if (!token_hash(token, e.token_sha256)) {
        unknown_token(&e);
        return;
    }
    run(db, enroll_work, &e);
}

void enroll_renew(struct db *db, struct ca *ca, const struct enroll_terms *terms,
                  const char *cert_sha256, const struct csr *csr, struct enroll_answer *out)
{
    struct errand e = {
        .ca = ca, .terms = terms, .csr = csr, .out = out, .cert_sha256 = cert_sha256};
    *out = (struct enroll_answer){0};
    run(db, renew_work, &e);
}
