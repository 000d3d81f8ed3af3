/* server/enroll_http.c - the order of the checks is that of their cost: counting, parsing, signing.
 */
#include "enroll_http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "log.h"
#include "metrics.h"
#include "rate_limits.h"
#include "server.h"

#define LATER_S 10

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool refuse(struct enroll_refusal *no, unsigned status, const char *name, const char *why)
{
    *no = (struct enroll_refusal){.status = status, .name = name};
    snprintf(no->why, sizeof(no->why), "%s", why);
    return false;
}

void enroll_http_no_token(struct enroll_refusal *no)
{
    refuse(no, 401, "token_unknown", "there is no token in the request");
}

static bool take(struct server *s, enum limit_kind kind, const void *name, size_t n,
                 const char *whose, struct enroll_refusal *no)
{
    unsigned wait_s;
    if (limits_take(s->limits, kind, name, n, monotonic_ms(), &wait_s))
        return true;
    refuse(no, 429, "rate", "");
    snprintf(no->why, sizeof(no->why), "%s asked too often; the next try may come in %u seconds",
             whose, wait_s);
    no->retry_after_s = wait_s;
    return false;
}

/* What asks is counted by its address and by what it shows. */
static bool check_limits(struct server *s, const struct http_request *req, const char *token,
                         struct enroll_refusal *no)
{
    const struct http_client *c = &req->client;
    char key[HTTP_ADDRESS_BYTES];
    address_key(c->address, key);
    if (!take(s, LIMIT_ENROL_ADDRESS, key, strlen(key), "this address", no))
        return false;
    return token ? take(s, LIMIT_ENROL_TOKEN, token, strlen(token), "this token", no)
                 : take(s, LIMIT_ENROL_TOKEN, c->cert_sha256, strlen(c->cert_sha256), "this device",
                        no);
}

/* A new certificate does not count as a try: behind one NAT, a batch with one token enrols at once.
 * Uses of the token bound it, and all signatures together. Who renews is counted all the same: no
 * uses bound that. */
static void uncount(struct server *s, const struct http_request *req, const char *token)
{
    char key[HTTP_ADDRESS_BYTES];
    address_key(req->client.address, key);
    limits_give_back(s->limits, LIMIT_ENROL_ADDRESS, key, strlen(key));
    if (token)
        limits_give_back(s->limits, LIMIT_ENROL_TOKEN, token, strlen(token));
}

/* All signatures are counted together. */
static bool may_sign(void *ctx, unsigned *wait_s)
{
    struct server *const s = ctx;
    return limits_take(s->limits, LIMIT_SIGNATURES, "", 0, monotonic_ms(), wait_s);
}

static const struct outcome {
    enum enroll_result result;
    unsigned status;
    const char *name;
} outcomes[] = {
    {ENROLL_LATER, 503, "later"},
    {ENROLL_TOKEN_UNKNOWN, 401, "token_unknown"},
    {ENROLL_RELEASE_NEEDED, 409, "release_needed"},
    {ENROLL_REVOKED, 403, "revoked"},
    {ENROLL_EXPIRED, 403, "expired"},
    {ENROLL_KEY_TAKEN, 409, "key_taken"},
    {ENROLL_RATE, 429, "rate"},
    {ENROLL_FAILED, 500, "failed"},
};

static bool refuse_as(const struct enroll_answer *out, struct enroll_refusal *no)
{
    const struct outcome *o = outcomes;
    while (o->result != out->result && o->result != ENROLL_FAILED)
        o++;
    // What broke inside is for the log: a stranger has no use for it.
    if (o->status >= 500) {
        char quoted[LOG_QUOTED_BYTES];
        log_line(LOG_LEVEL_ERROR, "enrol", "why=%s", log_quoted(quoted, out->why));
    }
    refuse(no, o->status, o->name,
           o->status == 500   ? "the server could not issue a certificate; its log says why"
           : o->status == 503 ? "the server cannot reach its database; try again later"
                              : out->why);
    no->retry_after_s = o->status == 503 ? LATER_S : out->wait_s;
    return false;
}

bool enroll_http(struct server *s, const struct http_request *req, enum csr_form form,
                 const char *token, struct enroll_answer *out, struct enroll_refusal *no)
{
    struct csr csr;
    char why[CSR_WHY_BYTES];
    *out = (struct enroll_answer){0};
    const struct enroll_terms terms = {.now = time(NULL),
                                       .certificate_days = s->config.certificate_days,
                                       .renew_expired_days = s->config.renew_expired_days,
                                       .may_sign = may_sign,
                                       .ctx = s};
    if (!check_limits(s, req, token, no))
        return false;
    if (!csr_read(req->body, req->n_body, form, &csr, why)) {
        refuse(no, 400, "csr_refused", "");
        snprintf(no->why, sizeof(no->why), "the certificate request is refused: %s", why);
        return false;
    }
    if (token)
        enroll_by_token(req->db, s->ca, &terms, token, &csr, out);
    else
        enroll_renew(req->db, s->ca, &terms, req->client.cert_sha256, &csr, out);
    csr_free(&csr);
    if (out->result != ENROLL_DONE)
        return refuse_as(out, no);
    metrics_add(s->metrics, METRIC_ISSUED, !out->is_repeated);
    if (!out->is_repeated)
        uncount(s, req, token);
    return true;
}
