/* server/http_client.c - certificates from TLS or from a proxy, and their rows. */
#include "http_client.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http_field.h"
#include "http_tls.h"
#include "operator.h"
#include "store_certificate.h"
#include "thread_db.h"

#define ESCAPED_MOST 8192u // a certificate of ours is 1.2 KB escaped

void http_client_address(struct http_exchange *x)
{
    struct http_client *const client = &x->request.client;
    const char *const said =
        x->request.door == HTTP_PROXY ? http_field(x, HTTP_CLIENT_FIELDS "Address") : NULL;
    const char *const address = said && address_is_numeric(said) ? said : x->connection->address;
    snprintf(client->address, sizeof(client->address), "%s", address);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/** Undoes nginx's $ssl_client_escaped_cert. The caller frees it; NULL: it is none. */
static char *unescape(const char *text)
{
    const size_t n_text = strlen(text);
    char *const out = n_text <= ESCAPED_MOST ? malloc(n_text + 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; out && i < n_text; i++) {
        out[n] = text[i];
        if (text[i] == '%') {
            const int high = digit_of(text[i + 1]), low = high < 0 ? -1 : digit_of(text[i + 2]);
            if (low <= 0 && high <= 0) {
                free(out);
                return NULL;
            }
            out[n] = (char)(high * 16 + low);
            i += 2;
        }
        n++;
    }
    if (out)
        out[n] = '\0';
    return out;
}

/** What the proxy says of its client; its TLS has seen the key's proof, the chain is judged here.
 */
static bool judge_passed_on(struct http_exchange *x, struct ca_client *out)
{
    const char *const escaped = http_field(x, HTTP_CLIENT_FIELDS "Cert");
    char *const pem = escaped && *escaped ? unescape(escaped) : NULL;
    gnutls_datum_t der = {NULL, 0};
    if (!pem)
        return false;
    const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    const bool is_genuine = !gnutls_pem_base64_decode2("CERTIFICATE", &text, &der) &&
                            ca_verify_client(x->server->ca, der.data, der.size, out) == CA_GENUINE;
    gnutls_free(der.data);
    free(pem);
    return is_genuine;
}

/** The certificate, one of ours, whatever its time and its row say. */
static bool take_certificate(struct http_exchange *x, struct ca_client *cert)
{
    struct http_connection *const c = x->connection;
    if (x->request.door == HTTP_PROXY)
        return judge_passed_on(x, cert);
    if (x->request.door != HTTP_DEVICES)
        return false;
    http_tls_judge(c);
    *cert = c->cert;
    return c->has_cert;
}

static unsigned refuse(const char **why, unsigned status, const char *sentence)
{
    *why = sentence;
    return status;
}

/** Reads the row; the device it names is who this is. */
static unsigned check_row(struct http_exchange *x, const struct ca_client *cert, const char **why)
{
    struct certificate row;
    struct http_client *const client = &x->request.client;
    const bool may_be_expired = x->route->need == HTTP_DEVICE_EXPIRED;
    const int64_t now = time(NULL);
    switch (certificate_find(x->request.db, cert->sha256, &row)) {
    case DB_ROW:
        break;
    case DB_OK:
        return refuse(why, 403, "this certificate is not in our records");
    default:
        thread_db_suspect(x->server->db);
        return refuse(why, 503, "the database cannot be reached; try again later");
    }
    if (row.is_revoked)
        return refuse(why, 403, "this certificate is revoked");
    snprintf(client->id, sizeof(client->id), "%s", row.device);
    client->is_expired = now > cert->not_after;
    if (now < cert->not_before)
        return refuse(why, 403, "this certificate is not valid yet");
    if (client->is_expired && !may_be_expired)
        return refuse(why, 403, "this certificate has run out; it may still be renewed");
    if (client->is_expired &&
        !certificate_may_renew(&row, now, x->server->config.renew_expired_days))
        return refuse(why, 403, "this certificate ran out too long ago to be renewed");
    return 0;
}

static unsigned check_device(struct http_exchange *x, const char **why)
{
    struct ca_client cert;
    struct http_client *const client = &x->request.client;
    if (!take_certificate(x, &cert))
        return refuse(why, 401, "this needs a client certificate of ours");
    client->has_cert = true;
    client->cert_expires = cert.not_after;
    memcpy(client->cert_sha256, cert.sha256, sizeof(client->cert_sha256));
    return check_row(x, &cert, why);
}

unsigned http_client_check(struct http_exchange *x, const char **why)
{
    if (x->route->need == HTTP_ANYONE)
        return 0;
    if (x->route->need == HTTP_OPERATOR)
        return operator_check(x->server, &x->request, why);
    return check_device(x, why);
}
