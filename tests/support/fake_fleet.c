/* tests/support/fake_fleet.c - see the header. */
#include "fake_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/pem.h"
#include "ferry/crypto.h"

/* Certificates as far as the agent looks: serial, algorithm, issuer, validity, subject. */
static const uint8_t root[] = {0x30, 0x15, 0x30, 0x13, 0x02, 0x01, 0x07, 0x30,
                               0x00, 0x30, 0x04, 'r',  'o',  'o',  't',  0x30,
                               0x00, 0x30, 0x04, 'r',  'o',  'o',  't'};
static const uint8_t other[] = {0x30, 0x0b, 0x30, 0x09, 0x02, 0x01, 0x08,
                                0x30, 0x00, 0x30, 0x02, 'n',  'o'};

static struct fake_fleet *as_fleet(struct ferry_http *h)
{
    return (struct fake_fleet *)(void *)h;
}

static void hex_of(const uint8_t *data, size_t n, char out[65])
{
    struct ferry_sha256 h;
    uint8_t sha[32];
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, data, n);
    ferry_sha256_finish(&h, sha);
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", sha[i]);
}

const char *fake_fleet_join(char out[512])
{
    char pin[65];
    hex_of(root, sizeof root, pin);
    snprintf(out, 512, "ferry1:" FAKE_JOIN_URL "#%s#" FAKE_TOKEN "#dev-1", pin);
    return out;
}

static void answer(struct fake_fleet *f, struct ferry_http_head *head, uint16_t status)
{
    head->status = status;
    f->body = (const uint8_t *)f->text;
    f->n_body = status == 204 ? 0 : (uint32_t)strlen(f->text);
}

static void put_pem(char *to, size_t n, const uint8_t *der, size_t n_der)
{
    if (ferry_pem_write("CERTIFICATE", der, n_der, to, n))
        abort();
}

/* A certificate is whatever holds the public key of the request. */
static void certify(struct fake_fleet *f, const struct ferry_http_request *req,
                    struct ferry_http_head *head)
{
    uint8_t der[FERRY_CSR_BYTES];
    char copy[1024];
    struct ferry_pem block;
    const char *at = copy;
    snprintf(copy, sizeof copy, "%.*s", (int)req->body_bytes, (const char *)req->body);
    if (ferry_pem_next(&at, "CERTIFICATE REQUEST", der, sizeof der, &block)) {
        snprintf(f->text, sizeof f->text, "{\"ok\":false,\"message\":\"no request\"}");
        answer(f, head, 400);
        return;
    }
    if (f->lies_about_key)
        memset(der, 0, sizeof der);
    put_pem(f->text, sizeof f->text, der, block.n_der);
    snprintf(head->device_id, sizeof head->device_id, "dev-1");
    answer(f, head, 200);
}

static void enrol(struct fake_fleet *f, const struct ferry_http_request *req,
                  struct ferry_http_head *head)
{
    if (f->enrol_status) {
        snprintf(f->text, sizeof f->text, "{\"ok\":false,\"message\":\"not you\"}");
        answer(f, head, f->enrol_status);
        return;
    }
    if (f->first_key_is_taken) {
        char asks[sizeof f->taken];
        snprintf(asks, sizeof asks, "%.*s", (int)req->body_bytes, (const char *)req->body);
        if (!f->taken[0])
            memcpy(f->taken, asks, sizeof asks);
        if (strcmp(asks, f->taken) == 0) {
            snprintf(f->text, sizeof f->text,
                     "{\"ok\":false,\"error\":\"key_taken\",\"message\":\"not yours\"}");
            answer(f, head, 409);
            return;
        }
    }
    f->n_enrolled++;
    certify(f, req, head);
}

static void manifest(struct fake_fleet *f, const struct ferry_http_request *req,
                     struct ferry_http_head *head)
{
    char sha[65];
    f->n_checks++;
    head->poll_s = f->poll_s;
    head->wants_renewal = f->wants_renewal;
    if (f->check_status) {
        f->text[0] = '\0';
        head->retry_after_s = f->retry_after_s;
        answer(f, head, f->check_status);
        return;
    }
    const bool is_updater = strstr(req->url, "project=updater") != NULL;
    const struct fake_release *offer = is_updater ? &f->updater : &f->offer;
    hex_of(offer->image, offer->n, sha);
    if (!offer->n || strstr(req->url, sha)) {
        answer(f, head, 204);
        return;
    }
    snprintf(f->text, sizeof f->text,
             "{\"firmware\":\"/api/v1/firmware/%s.bin\",\"sha\":\"%s\",\"length\":%u,"
             "\"version\":\"%s\",\"serial\":%u}",
             sha, sha, offer->n - f->lies_about_length, offer->version, offer->serial);
    answer(f, head, 200);
}

static void firmware(struct fake_fleet *f, const struct ferry_http_request *req,
                     struct ferry_http_head *head)
{
    const struct fake_release *all[] = {&f->offer, &f->also, &f->updater};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char sha[65];
        hex_of(all[i]->image, all[i]->n, sha);
        if (!all[i]->n || !strstr(req->url, sha))
            continue;
        f->n_downloads++;
        f->last_offset = req->off_bytes;
        head->status = req->off_bytes ? 206 : 200;
        head->has_range = req->off_bytes != 0;
        head->range_first = req->off_bytes;
        head->range_total = all[i]->n;
        f->body = all[i]->image + req->off_bytes;
        f->n_body = all[i]->n - req->off_bytes;
        head->has_length = true;
        head->length_bytes = f->n_body;
        snprintf(head->etag, sizeof head->etag, "\"%s\"", sha);
        f->is_cut = f->cut_after && f->n_cuts;
        f->left = f->cut_after;
        return;
    }
    f->text[0] = '\0';
    answer(f, head, 404);
}

static void report(struct fake_fleet *f, const struct ferry_http_request *req,
                   struct ferry_http_head *head)
{
    char state[32] = "";
    f->n_reports++;
    snprintf(f->last_report, sizeof f->last_report, "%.*s", (int)req->body_bytes,
             (const char *)req->body);
    (void)sscanf(f->last_report, "{\"state\":\"%31[a-z_]", state);
    if (strlen(f->states) + sizeof state < sizeof f->states) {
        strcat(f->states, state);
        strcat(f->states, " ");
    }
    answer(f, head, 204);
}

static ferry_err open_fake(struct ferry_http *h, const struct ferry_http_request *req,
                           struct ferry_http_head *head)
{
    struct fake_fleet *f = as_fleet(h);
    const char *path = req->url + strlen(FAKE_JOIN_URL);
    ferry_http_head_begin(head);
    f->n_requests++;
    f->at = 0;
    f->is_cut = false;
    f->text[0] = '\0';
    if (f->is_away)
        return FERRY_ERR_NET_CONNECT;
    if (req->is_unverified && (req->cert_pem || req->key_der || req->n_headers))
        f->saw_untrusted_secret = true;
    if (!req->is_unverified && (!req->ca_pem || f->is_other))
        return FERRY_ERR_NET_TLS;
    if (strncmp(path, "/api/v1/cacerts", 15) == 0) {
        put_pem(f->text, sizeof f->text, f->is_other ? other : root,
                f->is_other ? sizeof other : sizeof root);
        answer(f, head, 200);
    } else if (strncmp(path, "/api/v1/enroll", 14) == 0) {
        enrol(f, req, head);
    } else if (!req->cert_pem || !req->key_der) {
        answer(f, head, 401);
    } else if (strncmp(path, "/api/v1/renew", 13) == 0) {
        f->n_renewed++;
        f->wants_renewal = f->wants_ever_more;
        f->is_expired = false;
        certify(f, req, head);
    } else if (f->is_expired) {
        head->wants_renewal = true;
        answer(f, head, 403);
    } else if (strncmp(path, "/api/v1/manifest", 16) == 0) {
        manifest(f, req, head);
    } else if (strncmp(path, "/api/v1/firmware/", 17) == 0) {
        firmware(f, req, head);
    } else {
        report(f, req, head);
    }
    return FERRY_OK;
}

static ferry_err read_fake(struct ferry_http *h, void *dst, size_t n, size_t *got)
{
    struct fake_fleet *f = as_fleet(h);
    uint32_t take = f->n_body - f->at;
    if (take > n)
        take = (uint32_t)n;
    if (f->is_cut && take > f->left)
        take = f->left;
    if (f->is_cut && !take) {
        f->n_cuts--;
        return FERRY_ERR_NET_CLOSED;
    }
    memcpy(dst, f->body + f->at, take);
    if (f->lies_about_bytes && take && f->body != (const uint8_t *)f->text && f->at > 4096)
        *(uint8_t *)dst ^= 1;
    f->at += take;
    f->left -= f->is_cut ? take : 0;
    f->n_bytes += f->body == (const uint8_t *)f->text ? 0 : take;
    *got = take;
    return FERRY_OK;
}

static void close_fake(struct ferry_http *h)
{
    (void)h;
}

void fake_fleet_init(struct fake_fleet *f)
{
    static const struct ferry_http_ops ops = {open_fake, read_fake, close_fake};
    memset(f, 0, sizeof *f);
    f->http.ops = &ops;
}

static ferry_err make(struct ferry_identity *id, uint8_t key[FERRY_KEY_DER_BYTES])
{
    (void)id;
    static uint8_t n; // each key is another
    n++;
    for (size_t i = 0; i < FERRY_KEY_DER_BYTES; i++)
        key[i] = (uint8_t)(i * 7 + n);
    key[FERRY_KEY_DER_BYTES - FERRY_KEY_POINT_BYTES] = 0x04;
    return FERRY_OK;
}

static ferry_err sign(struct ferry_identity *id, const uint8_t key[FERRY_KEY_DER_BYTES],
                      const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    (void)id;
    (void)key;
    memcpy(rs, digest, 32);
    memcpy(rs + 32, digest, 32);
    return FERRY_OK;
}

void fake_identity_init(struct ferry_identity *id)
{
    static const struct ferry_identity_ops ops = {make, sign};
    id->ops = &ops;
}
