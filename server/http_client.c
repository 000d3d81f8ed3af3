/* server/http_client.c - certificates from TLS or from a proxy, and their rows. */
#include "http_client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client_cert.h"
#include "http_field.h"
#include "http_tls.h"
#include "metrics.h"
#include "operator.h"
#include "store_certificate.h"
#include "thread_db.h"

void http_client_address(struct http_exchange *x)
{
    struct http_client *const client = &x->request.client;
    const char *const said =
        x->request.door == HTTP_PROXY ? http_field(x, HTTP_CLIENT_FIELDS "Address") : NULL;
    const char *const address = said && address_is_numeric(said) ? said : x->connection->address;
    snprintf(client->address, sizeof(client->address), "%s", address);
}

/** What the proxy says of its client; its TLS has seen the key's proof, the chain is judged here.
 */
static bool judge_passed_on(struct http_exchange *x, struct ca_client *out)
{
    struct server *const s = x->server;
    const char *const escaped = http_field(x, HTTP_CLIENT_FIELDS "Cert");
    bool is_new = false;
    if (!escaped || !*escaped)
        return false;
    const bool is_genuine =
        client_cert_judge_escaped(s->client_certs, s->ca, escaped, out, &is_new);
    metrics_add(s->metrics, METRIC_VERIFIED, is_new);
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
    if (client->is_expired &&
        !certificate_may_renew(&row, now, x->server->config.renew_expired_days))
        return refuse(why, 403, "this certificate ran out too long ago to be renewed");
    client->must_renew = client->is_expired && !may_be_expired;
    if (client->must_renew)
        return refuse(why, 403, "this certificate has run out; it may still be renewed");
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
