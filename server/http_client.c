/* server/http_client.c - certificates from TLS or from a proxy, and their rows. A certificate says
 * who asks; from when to when it is good is read from its row, which holds what was signed. */
#include "http_client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client_cert.h"
#include "hex.h"
#include "http_field.h"
#include "http_tls.h"
#include "metrics.h"
#include "operator.h"
#include "store_certificate.h"
#include "thread_db.h"

#define CERT_FIELD  HTTP_CLIENT_FIELDS "Cert"
#define SERIAL_MOST 40u // digits: RFC 5280 allows 20 bytes

void http_client_address(struct http_exchange *x)
{
    struct http_client *const client = &x->request.client;
    const char *const said =
        x->request.door == HTTP_PROXY ? http_field(x, HTTP_CLIENT_FIELDS "Address") : NULL;
    const char *const address = said && address_is_numeric(said) ? said : x->connection->address;
    snprintf(client->address, sizeof(client->address), "%s", address);
}

/** A certificate that the proxy passes on; its TLS has seen the key's proof, the chain is judged
 * here. */
static bool judge_passed_on(struct http_exchange *x, char sha256[CA_HEX_BYTES])
{
    struct server *const s = x->server;
    const char *const escaped = http_field(x, CERT_FIELD);
    bool is_new = false;
    if (!escaped || !*escaped)
        return false;
    const bool is_genuine =
        client_cert_judge_escaped(s->client_certs, s->ca, escaped, sha256, &is_new);
    metrics_add(s->metrics, METRIC_VERIFIED, is_new);
    return is_genuine;
}

/** The certificate that was shown: one of ours, whatever its time and its row say. */
static bool take_certificate(struct http_exchange *x, char sha256[CA_HEX_BYTES])
{
    struct http_connection *const c = x->connection;
    if (x->request.door == HTTP_PROXY)
        return judge_passed_on(x, sha256);
    if (x->request.door != HTTP_DEVICES)
        return false;
    http_tls_judge(c);
    memcpy(sha256, c->cert_sha256, CA_HEX_BYTES);
    return c->has_cert;
}

/** The serial number of a certificate whose chain the proxy has verified by our CA certificates:
 * said in the place of the certificate, because it is less to send and to read. */
static bool take_serial(const struct http_exchange *x, char serial[SERIAL_MOST + 1])
{
    static const char prefix[] = "serial=";
    const char *said = x->request.door == HTTP_PROXY ? http_field(x, CERT_FIELD) : NULL;
    if (!said || strncmp(said, prefix, sizeof(prefix) - 1) != 0)
        return false;
    said += sizeof(prefix) - 1;
    const size_t n = strlen(said);
    if (!n || n > SERIAL_MOST)
        return false;
    for (size_t i = 0; i <= n; i++) // nginx writes capitals
        serial[i] = said[i] >= 'A' && said[i] <= 'F' ? (char)(said[i] - 'A' + 'a') : said[i];
    return hex_is(serial, n);
}

/** Finds the row of what the client has shown. *is_shown: that is a certificate of ours. */
static enum db_result find_row(struct http_exchange *x, struct certificate *row, bool *is_shown)
{
    struct http_client *const client = &x->request.client;
    char serial[SERIAL_MOST + 1];
    if (!take_serial(x, serial)) {
        *is_shown = take_certificate(x, client->cert_sha256);
        return *is_shown ? certificate_find(x->request.db, client->cert_sha256, row) : DB_OK;
    }
    const enum db_result result = certificate_find_serial(x->request.db, serial, row);
    // The proxy may still know a CA that was forgotten here.
    *is_shown = result != DB_ROW || ca_is_issuing(x->server->ca, row->issuer_sha256);
    if (result == DB_ROW)
        memcpy(client->cert_sha256, row->sha256, CA_HEX_BYTES);
    return result;
}

static unsigned refuse(const char **why, unsigned status, const char *sentence)
{
    *why = sentence;
    return status;
}

/** Judges the row; the device it names is who this is. */
static unsigned check_row(struct http_exchange *x, const struct certificate *row, const char **why)
{
    struct http_client *const client = &x->request.client;
    const int64_t now = time(NULL);
    if (row->is_revoked)
        return refuse(why, 403, "this certificate is revoked");
    snprintf(client->id, sizeof(client->id), "%s", row->device);
    snprintf(client->coming, sizeof(client->coming), "%s", row->coming);
    client->seen = row->seen;
    client->cert_expires = row->not_after;
    client->should_renew = certificate_should_renew(row, x->server->ca, now);
    client->is_expired = now > row->not_after;
    if (now < row->not_before)
        return refuse(why, 403, "this certificate is not valid yet");
    if (client->is_expired &&
        !certificate_may_renew(row, now, x->server->config.renew_expired_days))
        return refuse(why, 403, "this certificate ran out too long ago to be renewed");
    client->must_renew = client->is_expired && x->route->need != HTTP_DEVICE_EXPIRED;
    if (client->must_renew)
        return refuse(why, 403, "this certificate has run out; it may still be renewed");
    return 0;
}

static unsigned check_device(struct http_exchange *x, const char **why)
{
    struct certificate row;
    bool is_shown = false;
    const enum db_result result = find_row(x, &row, &is_shown);
    if (!is_shown)
        return refuse(why, 401, "this needs a client certificate of ours");
    if (result == DB_ROW)
        return check_row(x, &row, why);
    if (result == DB_OK)
        return refuse(why, 403, "this certificate is not in our records");
    thread_db_suspect(x->server->db);
    return refuse(why, 503, "the database cannot be reached; try again later");
}

unsigned http_client_check(struct http_exchange *x, const char **why)
{
    if (x->route->need == HTTP_ANYONE)
        return 0;
    if (x->route->need == HTTP_OPERATOR)
        return operator_check(x->server, &x->request, why);
    return check_device(x, why);
}
