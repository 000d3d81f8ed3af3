/* server/enroll_api.c - the authority's door for small devices: PEM in, PEM out, refusals as JSON.
 * A chip needs no PKCS#7 parser for it. Paths and answers: docs/design/server.md "What devices
 * ask". */
#include <string.h>
#include <strings.h>

#include "ca.h"
#include "enroll_http.h"
#include "server.h"

#define DOORS (HTTP_DEVICES | HTTP_PROXY)

static void answer_refusal(struct http_reply *r, const struct enroll_refusal *no)
{
    http_refuse_as(r, no->status, no->name, no->why);
    if (no->retry_after_s)
        http_add_header(r, "Retry-After: %u", no->retry_after_s);
}

static void answer(struct server *s, const struct http_request *req, const char *token,
                   struct http_reply *r)
{
    struct enroll_answer out;
    struct enroll_refusal no;
    if (enroll_http(s, req, CSR_PEM, token, &out, &no)) {
        r->status = 200;
        r->type = "application/x-pem-file";
        http_add_header(r, "Ferry-Device: %s", out.device);
        ferry_strbuf_add(&r->body, out.pem.text, out.pem.n);
        ca_add_issuer_pem(s->ca, out.issuer_sha256, &r->body);
    } else {
        answer_refusal(r, &no);
    }
    ferry_strbuf_free(&out.pem);
}

static void enroll(struct server *s, const struct http_request *req, struct http_reply *r)
{
    const char *const header = http_header(req, "Authorization");
    if (header && strncasecmp(header, "Bearer ", 7) == 0) {
        answer(s, req, header + 7, r);
        return;
    }
    struct enroll_refusal no;
    enroll_http_no_token(&no);
    http_add_header(r, "WWW-Authenticate: Bearer realm=\"ferry\"");
    answer_refusal(r, &no);
}

static void renew(struct server *s, const struct http_request *req, struct http_reply *r)
{
    answer(s, req, NULL, r);
}

static void cacerts(struct server *s, const struct http_request *req, struct http_reply *r)
{
    (void)req;
    r->status = 200;
    r->type = "application/x-pem-file";
    ca_roots_pem(s->ca, &r->body);
}

const struct http_route enroll_routes[] = {
    {"GET", "/api/v1/cacerts", DOORS, HTTP_ANYONE, 0, cacerts},
    {"POST", "/api/v1/enroll", DOORS, HTTP_ANYONE, CSR_MOST_BYTES, enroll},
    {"POST", "/api/v1/renew", DOORS, HTTP_DEVICE_EXPIRED, CSR_MOST_BYTES, renew},
    {0},
};
