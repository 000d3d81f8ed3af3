/* agent/client.c - one device's requests to its server. */
#include "agent/client.h"

#include <string.h>

#include "agent/certificate.h"
#include "agent/pem.h"
#include "agent/source_http.h"
#include "agent/text.h"
#include "ferry/bytes.h"

#define CERT_DER_MOST 2048u
#define CERTIFICATE   "CERTIFICATE"
#define REQUEST       "CERTIFICATE REQUEST"

/* One exchange. */
struct call {
    const char *path; // behind the server's address
    const char *body; // NULL: GET
    const char *type; // of the body: a whole header
    bool is_unverified;
    bool with_cert;
    bool with_token;
};

static ferry_err fail(struct ferry_client *c, ferry_err err, uint32_t value, const char *words)
{
    c->detail[0] = '\0';
    ferry_text_add(c->detail, sizeof c->detail, words);
    return ferry_fail(&c->fault, err, value, 0, 0);
}

static ferry_err fail_transport(struct ferry_client *c, ferry_err err)
{
    // Whoever cancels a client is a deadline.
    if (err == FERRY_ERR_CANCELLED)
        return fail(c, FERRY_ERR_NET_TIMEOUT, 0, "not done within the time for one answer");
    return fail(c, err, 0, c->http->detail);
}

/* The whole body, NUL behind it. */
static ferry_err read_body(struct ferry_client *c)
{
    size_t at = 0;
    for (;;) {
        char more;
        const size_t room = sizeof c->body - 1 - at;
        size_t got = 0;
        const ferry_err err =
            c->http->ops->read(c->http, room ? c->body + at : &more, room ? room : 1, &got);
        if (err)
            return fail_transport(c, err);
        if (!got)
            break;
        if (!room)
            return fail(c, FERRY_ERR_NET_LENGTH, (uint32_t)at, "the answer is too long");
        at += got;
    }
    c->body[at] = '\0';
    return strlen(c->body) == at ? FERRY_OK
                                 : fail(c, FERRY_ERR_NET_PROTOCOL, 0, "the answer holds a NUL");
}

static size_t make_headers(const struct call *call, const char *bearer, const char *headers[2])
{
    size_t n = 0;
    if (call->type)
        headers[n++] = call->type;
    if (call->with_token)
        headers[n++] = bearer;
    return n;
}

static ferry_err exchange(struct ferry_client *c, const struct call *call)
{
    const struct ferry_credentials *k = c->credentials;
    char bearer[FERRY_JOIN_TOKEN_BYTES + 32] = "Authorization: Bearer ";
    const char *headers[2];
    ferry_text_add(bearer, sizeof bearer, k->join.token);
    c->url[0] = c->detail[0] = c->http->detail[0] = '\0';
    ferry_text_add(c->url, sizeof c->url, k->join.url);
    ferry_text_add(c->url, sizeof c->url, call->path);
    const struct ferry_http_request req = {
        .url = c->url,
        .body = call->body,
        .body_bytes = call->body ? strlen(call->body) : 0,
        .headers = headers,
        .n_headers = make_headers(call, bearer, headers),
        .ca_pem = call->is_unverified ? NULL : k->ca,
        .cert_pem = call->with_cert ? k->cert : NULL,
        .key_der = call->with_cert ? k->key : NULL,
        .key_der_bytes = call->with_cert ? sizeof k->key : 0,
        .is_unverified = call->is_unverified,
        .connect_timeout_ms =
            c->connect_timeout_ms ? c->connect_timeout_ms : FERRY_HTTP_CONNECT_TIMEOUT_MS,
        .stall_timeout_ms = c->stall_timeout_ms ? c->stall_timeout_ms : FERRY_HTTP_STALL_TIMEOUT_MS,
        .cancel = c->cancel,
    };
    ferry_err err = c->http->ops->open(c->http, &req, &c->head);
    memset(bearer, 0, sizeof bearer);
    if (err)
        return fail_transport(c, err);
    err = read_body(c);
    c->http->ops->close(c->http);
    return err;
}

/* A status that no call expects: the server's own words are better than its number. */
static ferry_err fail_status(struct ferry_client *c, ferry_err err)
{
    static const char key[] = "\"message\":\"";
    const char *from = strstr(c->body, key);
    (void)fail(c, err, c->head.status, c->head.reason);
    if (!from)
        return err;
    from += strlen(key);
    c->detail[0] = '\0';
    ferry_text_add_n(c->detail, sizeof c->detail, from, strcspn(from, "\"\\"));
    return err;
}

/* ---- trust ---- */

ferry_err ferry_client_pin(struct ferry_client *c)
{
    uint8_t pin[FERRY_SHA256_BYTES];
    uint8_t der[CERT_DER_MOST];
    struct ferry_pem block;
    struct ferry_credentials *k = c->credentials;
    if (!ferry_text_hex(k->join.pin, pin, sizeof pin))
        return fail(c, FERRY_ERR_NOT_ENROLLED, 0, "no root certificate is pinned");
    ferry_err err = exchange(c, &(struct call){.path = "/api/v1/cacerts", .is_unverified = true});
    if (!err && c->head.status != 200)
        err = fail_status(c, FERRY_ERR_NET_STATUS);
    if (err)
        return err;
    for (const char *at = c->body; !ferry_pem_next(&at, CERTIFICATE, der, sizeof der, &block);) {
        struct ferry_sha256 hash;
        uint8_t seen[FERRY_SHA256_BYTES];
        ferry_sha256_init(&hash);
        ferry_sha256_update(&hash, der, block.n_der);
        ferry_sha256_finish(&hash, seen);
        if (!ferry_equal_const_time(seen, pin, sizeof pin) || block.n_text + 2 > sizeof k->ca)
            continue;
        memcpy(k->ca, block.text, block.n_text);
        memcpy(k->ca + block.n_text, "\n", 2);
        return ferry_credentials_keep(c->store, "ca", k->ca);
    }
    return fail(c, FERRY_ERR_PIN, 0, k->join.url);
}

/* ---- certificates ---- */

static ferry_err sign(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    struct ferry_client *c = ctx;
    return c->identity->ops->sign(c->identity, c->credentials->key, digest, rs);
}

/* Stored before it is certified: after a cut the same key asks again. */
static ferry_err make_key(struct ferry_client *c)
{
    struct ferry_credentials *k = c->credentials;
    if (k->has_key)
        return FERRY_OK;
    ferry_err err = c->identity->ops->make(c->identity, k->key);
    if (!err)
        err = c->store->ops->set(c->store, FERRY_STORE_BLOB, "key", k->key, sizeof k->key);
    k->has_key = !err;
    return err ? fail(c, err, 0, "the device's key") : FERRY_OK;
}

static ferry_err make_request(struct ferry_client *c, char *pem, size_t n_pem)
{
    uint8_t der[FERRY_CSR_BYTES];
    size_t n_der = 0;
    const struct ferry_credentials *k = c->credentials;
    const struct ferry_signer signer = {sign, c};
    // The name is a courtesy: the server writes its own.
    const char *name = k->join.id[0] ? k->join.id : "device";
    ferry_err err = ferry_csr_write(ferry_identity_point(k->key), name, &signer, der, &n_der);
    if (!err)
        err = ferry_pem_write(REQUEST, der, n_der, pem, n_pem);
    return err ? fail(c, err, 0, "the certificate request") : FERRY_OK;
}

static bool holds(const uint8_t *der, size_t n, const uint8_t *part, size_t n_part)
{
    for (size_t i = 0; n >= n_part && i <= n - n_part; i++)
        if (memcmp(der + i, part, n_part) == 0)
            return true;
    return false;
}

/* The answer is kept if its first certificate is for this device's key: any other would lock the
 * device out, and a server that mixes up two devices is not unheard of. */
static ferry_err keep_certificate(struct ferry_client *c)
{
    uint8_t der[CERT_DER_MOST];
    struct ferry_pem block;
    struct ferry_credentials *k = c->credentials;
    const char *at = c->body;
    if (strlen(c->body) >= sizeof k->cert)
        return fail(c, FERRY_ERR_NET_LENGTH, (uint32_t)strlen(c->body),
                    "the certificate is too long");
    if (ferry_pem_next(&at, CERTIFICATE, der, sizeof der, &block) ||
        !holds(der, block.n_der, ferry_identity_point(k->key), FERRY_KEY_POINT_BYTES))
        return fail(c, FERRY_ERR_NET_PROTOCOL, 0,
                    "the answer holds no certificate for this device's key");
    memcpy(k->cert, c->body, strlen(c->body) + 1);
    const ferry_err err = ferry_credentials_keep(c->store, "cert", k->cert);
    return err ? fail(c, err, 0, "the certificate") : FERRY_OK;
}

/* Whether the refusal has this name; docs/design/server.md lists them. */
static bool is_refused_as(const struct ferry_client *c, const char *name)
{
    static const char key[] = "\"error\":\"";
    const char *from = strstr(c->body, key);
    if (!from)
        return false;
    from += strlen(key);
    return strncmp(from, name, strlen(name)) == 0 && from[strlen(name)] == '"';
}

static ferry_err refused(struct ferry_client *c)
{
    switch (c->head.status) {
    case 409:
        return fail_status(c, is_refused_as(c, "key_taken") ? FERRY_ERR_ENROL
                                                            : FERRY_ERR_RELEASE_NEEDED);
    case 400:
    case 401:
    case 403:
        return fail_status(c, FERRY_ERR_ENROL);
    default:
        return fail_status(c, FERRY_ERR_NET_STATUS);
    }
}

static ferry_err keep_id(struct ferry_client *c)
{
    struct ferry_credentials *k = c->credentials;
    if (!c->head.device_id[0] || strcmp(c->head.device_id, k->join.id) == 0)
        return FERRY_OK;
    memcpy(k->join.id, c->head.device_id, sizeof k->join.id);
    return ferry_store_set_text(c->store, "id", k->join.id);
}

/* Sends a request with the token; the answer is a certificate. */
static ferry_err ask_to_enrol(struct ferry_client *c)
{
    char request[FERRY_PEM_BYTES(FERRY_CSR_BYTES, REQUEST)];
    ferry_err err = make_key(c);
    if (!err)
        err = make_request(c, request, sizeof request);
    if (!err)
        err = exchange(c, &(struct call){.path = "/api/v1/enroll",
                                         .body = request,
                                         .type = "Content-Type: application/x-pem-file",
                                         .with_token = true});
    return !err && c->head.status != 200 ? refused(c) : err;
}

ferry_err ferry_client_enrol(struct ferry_client *c)
{
    struct ferry_credentials *k = c->credentials;
    if (!k->join.url[0] || !k->join.token[0])
        return fail(c, FERRY_ERR_NOT_ENROLLED, 0, "give it a join string");
    ferry_err err = k->ca[0] ? FERRY_OK : ferry_client_pin(c);
    if (!err)
        err = ask_to_enrol(c);
    if (err == FERRY_ERR_ENROL && is_refused_as(c, "key_taken")) {
        k->has_key = false; // another device's, or of this one under another id
        err = ask_to_enrol(c);
    }
    if (!err)
        err = keep_id(c);
    if (!err)
        err = keep_certificate(c);
    if (err)
        return err;
    memset(k->join.token, 0, sizeof k->join.token);
    return c->store->ops->drop(c->store, "token");
}

/* The roots of an answer, one after the other; what stands between them, issuing and cross
 * certificates, comes with each handshake. */
static size_t collect_roots(const char *answer, char *out, size_t n_out)
{
    uint8_t der[CERT_DER_MOST];
    struct ferry_pem block;
    size_t n = 0;
    while (!ferry_pem_next(&answer, CERTIFICATE, der, sizeof der, &block)) {
        if (!ferry_certificate_is_root(der, block.n_der) || block.n_text + 2 > n_out - n)
            continue;
        memcpy(out + n, block.text, block.n_text);
        n += block.n_text;
        out[n++] = '\n';
        out[n] = '\0';
    }
    return n;
}

/* The roots that are good by now, said by a server that the old ones vouch for. */
static ferry_err refresh_roots(struct ferry_client *c)
{
    struct ferry_credentials *k = c->credentials;
    ferry_err err = exchange(c, &(struct call){.path = "/api/v1/cacerts"});
    if (!err && c->head.status != 200)
        err = fail_status(c, FERRY_ERR_NET_STATUS);
    if (err)
        return err;
    const size_t n = collect_roots(c->body, k->ca, sizeof k->ca);
    if (!n) {
        // What was there before is still in the store.
        const ferry_err kept = ferry_credentials_load(k, c->store);
        return kept ? kept
                    : fail(c, FERRY_ERR_NET_PROTOCOL, 0, "the answer holds no root certificates");
    }
    return ferry_credentials_keep(c->store, "ca", k->ca);
}

ferry_err ferry_client_renew(struct ferry_client *c)
{
    char request[FERRY_PEM_BYTES(FERRY_CSR_BYTES, REQUEST)];
    ferry_err err = make_request(c, request, sizeof request);
    if (!err)
        err = exchange(c, &(struct call){.path = "/api/v1/renew",
                                         .body = request,
                                         .type = "Content-Type: application/x-pem-file",
                                         .with_cert = true});
    if (!err && c->head.status != 200)
        err = refused(c);
    if (!err)
        err = keep_certificate(c);
    return err ? err : refresh_roots(c);
}

/* ---- releases ---- */

static void add_hex(char *out, size_t n_out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        const char two[3] = {digits[bytes[i] >> 4], digits[bytes[i] & 15], '\0'};
        ferry_text_add(out, n_out, two);
    }
}

/* name=value, the value with everything escaped but letters, digits and - . _ ~ */
static void add_query(char *out, size_t n_out, const char *name, const char *value)
{
    ferry_text_add(out, n_out, strchr(out, '?') ? "&" : "?");
    ferry_text_add(out, n_out, name);
    ferry_text_add(out, n_out, "=");
    for (; *value; value++) {
        const uint8_t byte = (uint8_t)*value;
        const bool is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                              (byte >= 'A' && byte <= 'Z') || strchr("-._~", byte);
        if (!is_plain)
            ferry_text_add(out, n_out, "%");
        if (is_plain)
            ferry_text_add_n(out, n_out, value, 1);
        else
            add_hex(out, n_out, &byte, 1);
    }
}

static void add_query_number(char *out, size_t n_out, const char *name, uint64_t n)
{
    char digits[24] = "";
    ferry_text_add_number(digits, sizeof digits, n);
    add_query(out, n_out, name, digits);
}

ferry_err ferry_client_check(struct ferry_client *c, const struct ferry_client_question *q,
                             struct ferry_manifest *m, bool *has_offer)
{
    char path[FERRY_CLIENT_PATH_BYTES] = "/api/v1/manifest";
    char sha[2 * FERRY_SHA256_BYTES + 1] = "";
    const struct ferry_release *now = q->installed;
    add_query(path, sizeof path, "project", q->project);
    add_query(path, sizeof path, "chip", q->chip);
    if (now) {
        add_hex(sha, sizeof sha, now->sha256, sizeof now->sha256);
        add_query(path, sizeof path, "version", now->version);
        add_query(path, sizeof path, "sha", sha);
    }
    if (now && now->has_serial)
        add_query_number(path, sizeof path, "serial", now->serial);
    add_query_number(path, sizeof path, "slot_bytes", q->slot_bytes);
    ferry_err err = exchange(c, &(struct call){.path = path, .with_cert = true});
    if (err)
        return err;
    *has_offer = c->head.status == 200;
    if (c->head.status == 204)
        return FERRY_OK;
    if (c->head.status != 200)
        return fail_status(c, FERRY_ERR_NET_STATUS);
    // The reader knows a manifest by its name; what it resolves against is the origin.
    c->url[0] = '\0';
    ferry_text_add(c->url, sizeof c->url, c->credentials->join.url);
    ferry_text_add(c->url, sizeof c->url, "/api/v1/manifest.json");
    err = ferry_manifest_parse(m, c->url, c->body, strlen(c->body));
    return err ? fail(c, err, 0, m->detail) : FERRY_OK;
}

ferry_err ferry_client_report(struct ferry_client *c, const char *json)
{
    const ferry_err err = exchange(c, &(struct call){.path = "/api/v1/report",
                                                     .body = json,
                                                     .type = "Content-Type: application/json",
                                                     .with_cert = true});
    if (!err && c->head.status / 100 != 2)
        return fail_status(c, FERRY_ERR_NET_STATUS);
    return err;
}
