/* tests/fuzz/fuzz_est.c - an EST client that sends any bytes: the first line is its Authorization,
 * the rest its body. The rules of enrolment are played: any token with a good request gets a fixed
 * certificate. A refusal is one; an answer is one line of base64 around certificates. */
#include "fuzz.h"

#include <gnutls/gnutls.h>
#include <stdarg.h>
#include <string.h>

#include "server/ca.h"
#include "server/enroll_http.h"

static const char leaf[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
static char authorization[512];
static unsigned n_certificates;

const char *http_header(const struct http_request *req, const char *name)
{
    (void)req;
    FUZZ_MUST(strcmp(name, "Authorization") == 0);
    return authorization[0] ? authorization : NULL;
}

void http_add_header(struct http_reply *r, const char *fmt, ...)
{
    (void)fmt;
    FUZZ_MUST(r->n_headers++ < sizeof(r->headers) / sizeof(r->headers[0]));
}

void http_refuse(struct http_reply *r, unsigned status, const char *fmt, ...)
{
    (void)fmt;
    r->status = status;
}

void http_refuse_as(struct http_reply *r, unsigned status, const char *name, const char *sentence)
{
    FUZZ_MUST(name[0] && sentence[0]);
    r->status = status;
}

void enroll_http_no_token(struct enroll_refusal *no)
{
    *no = (struct enroll_refusal){.status = 401, .name = "token_unknown", .why = "no token"};
}

bool enroll_http(struct server *s, const struct http_request *req, enum csr_form form,
                 const char *token, struct enroll_answer *out, struct enroll_refusal *no)
{
    struct csr csr;
    char why[CSR_WHY_BYTES];
    (void)s;
    *out = (struct enroll_answer){0};
    FUZZ_MUST(form == CSR_BASE64 && token && strlen(token) < strlen(authorization));
    if (!csr_read(req->body, req->n_body, form, &csr, why)) {
        *no = (struct enroll_refusal){.status = 400, .name = "csr_refused", .why = "bad"};
        return false;
    }
    csr_free(&csr);
    ferry_strbuf_addf(&out->pem, "%s", leaf);
    n_certificates++;
    return true;
}

static void check_answer(const struct http_reply *r)
{
    gnutls_datum_t der = {0};
    const gnutls_datum_t text = {(unsigned char *)r->body.text, (unsigned)r->body.n - 1};
    FUZZ_MUST(r->body.text[r->body.n - 1] == '\n' && !memchr(text.data, '\n', text.size));
    FUZZ_MUST(gnutls_base64_decode2(&text, &der) == 0);
    FUZZ_MUST(der.size > 2 && der.data[0] == 0x30 && der.data[1] == der.size - 2);
    gnutls_free(der.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct http_reply r = {0};
    const uint8_t *line_end = memchr(data, '\n', n);
    const size_t n_line = line_end ? (size_t)(line_end - data) : n;
    if (n_line >= sizeof(authorization) || memchr(data, '\0', n_line))
        return 0; // the gate lets no such field in
    memcpy(authorization, data, n_line);
    authorization[n_line] = '\0';
    const size_t skip = line_end ? n_line + 1 : n_line;
    const struct http_request req = {.method = "POST", .body = data + skip, .n_body = n - skip};
    const unsigned before = n_certificates;
    for (const struct http_route *route = est_routes; route->path; route++)
        if (strstr(route->path, "/simpleenroll"))
            route->handle(NULL, &req, &r);
    FUZZ_MUST(r.status == 200 || r.status == 400 || r.status == 401);
    FUZZ_MUST((r.status == 200) == (n_certificates == before + 1));
    if (r.status == 200)
        check_answer(&r);
    ferry_strbuf_free(&r.body);
    return 0;
}
