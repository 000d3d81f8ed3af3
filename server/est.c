/* server/est.c - Enrolment over Secure Transport (RFC 7030, with RFC 8951's reading of base64).
 * The same rules as enroll_api.c behind the forms that EST clients know: PKCS#10 in base64 in,
 * certs-only PKCS#7 in base64 out, in one line, because some clients stumble over line breaks. The
 * password of HTTP Basic is the token; whoever the user calls himself is not looked at. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>
#include <strings.h>

#include "ca.h"
#include "enroll_http.h"
#include "pkcs7.h"
#include "server.h"

#define DOORS         (HTTP_DEVICES | HTTP_PROXY)
#define PASSWORD_MOST 256u

static void answer_pkcs7(struct http_reply *r, const struct ferry_strbuf *der, const char *type)
{
    r->status = 200;
    r->type = type;
    http_add_header(r, "Content-Transfer-Encoding: base64");
    pkcs7_add_base64(&r->body, der->text, der->n);
    ferry_strbuf_add(&r->body, "\n", 1);
}

static void cacerts(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct ferry_strbuf der = {0};
    (void)req;
    if (ca_chain_pkcs7(s->ca, &der))
        answer_pkcs7(r, &der, "application/pkcs7-mime");
    else
        http_refuse(r, 500, "memory ran out");
    ferry_strbuf_free(&der);
}

/* EST answers with the certificate alone; what is above it is in cacerts. */
static void answer_certificate(struct http_reply *r, const struct ferry_strbuf *pem)
{
    const gnutls_datum_t in = {(unsigned char *)pem->text, (unsigned)pem->n};
    gnutls_datum_t der = {0};
    struct ferry_strbuf out = {0};
    if (gnutls_pem_base64_decode2("CERTIFICATE", &in, &der) != 0) {
        http_refuse(r, 500, "memory ran out");
        return;
    }
    struct pkcs7_cert cert = {der.data, der.size};
    pkcs7_add(&out, &cert, 1);
    answer_pkcs7(r, &out, "application/pkcs7-mime; smime-type=certs-only");
    ferry_strbuf_free(&out);
    gnutls_free(der.data);
}

static void answer_refusal(struct http_reply *r, const struct enroll_refusal *no)
{
    http_refuse_as(r, no->status, no->name, no->why);
    if (no->retry_after_s)
        http_add_header(r, "Retry-After: %u", no->retry_after_s);
    if (no->status == 401)
        http_add_header(r, "WWW-Authenticate: Basic realm=\"ferry\"");
}

static void answer(struct server *s, const struct http_request *req, const char *token,
                   struct http_reply *r)
{
    struct enroll_answer out;
    struct enroll_refusal no;
    if (enroll_http(s, req, CSR_BASE64, token, &out, &no))
        answer_certificate(r, &out.pem);
    else
        answer_refusal(r, &no);
    ferry_strbuf_free(&out.pem);
}

/* The password of "Basic BASE64(USER:PASSWORD)". */
static bool read_password(const char *header, char password[PASSWORD_MOST])
{
    gnutls_datum_t in, text = {0};
    if (!header || strncasecmp(header, "Basic ", 6) != 0)
        return false;
    in.data = (unsigned char *)(uintptr_t)(header + 6);
    in.size = (unsigned)strlen(header + 6);
    if (in.size > PASSWORD_MOST || gnutls_base64_decode2(&in, &text) != 0)
        return false;
    const unsigned char *const colon = memchr(text.data, ':', text.size);
    const size_t n = colon ? (size_t)(text.data + text.size - colon) - 1 : 0;
    if (colon) {
        memcpy(password, colon + 1, n); // shorter than its base64
        password[n] = '\0';
    }
    gnutls_memset(text.data, 0, text.size);
    gnutls_free(text.data);
    return colon != NULL;
}

static void enroll(struct server *s, const struct http_request *req, struct http_reply *r)
{
    char password[PASSWORD_MOST];
    if (read_password(http_header(req, "Authorization"), password)) {
        answer(s, req, password, r);
        return;
    }
    struct enroll_refusal no;
    enroll_http_no_token(&no);
    answer_refusal(r, &no);
}

static void reenroll(struct server *s, const struct http_request *req, struct http_reply *r)
{
    answer(s, req, NULL, r);
}

const struct http_route est_routes[] = {
    {"GET", "/.well-known/est/cacerts", DOORS, HTTP_ANYONE, 0, cacerts},
    {"POST", "/.well-known/est/simpleenroll", DOORS, HTTP_ANYONE, CSR_MOST_BYTES, enroll},
    {"POST", "/.well-known/est/simplereenroll", DOORS, HTTP_DEVICE_EXPIRED, CSR_MOST_BYTES,
     reenroll},
    {0},
};
