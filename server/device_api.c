/* server/device_api.c - the three requests of a device. All it says of itself is a claim: it
 * chooses among what it may have anyway. */
#include "device_api.h"

#include <gnutls/crypto.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blobs.h"
#include "ferry/version.h"
#include "hex.h"
#include "json.h"
#include "server.h"
#include "store_report.h"
#include "unicode.h"

#define DOORS       (HTTP_DEVICES | HTTP_PROXY)
#define REPORT_MOST 4096u
#define LATER_S     10
#define SEEN_S      60 // how old "last seen" may grow before a poll writes it
#define JITTER_PCT  20

static void later(struct http_reply *r)
{
    http_refuse(r, 503, "the server cannot reach its database; try again in %d seconds", LATER_S);
    http_add_header(r, "Retry-After: %d", LATER_S);
}

/** The seconds until the next question, 20 % less or more: a fleet that lost its power together
 * must not come back together. */
static unsigned poll_seconds(uint32_t mean_s)
{
    uint32_t random = 0;
    const uint32_t span = mean_s * 2 * JITTER_PCT / 100;
    if (!span || gnutls_rnd(GNUTLS_RND_NONCE, &random, sizeof(random)) != 0)
        return mean_s;
    return mean_s - span / 2 + random % (span + 1);
}

/** What a device says of itself when it asks. */
struct claim {
    const char *project, *chip, *version, *sha256;
    int64_t serial, slot_bytes; // 0: not said
};

static bool read_count(const struct http_request *req, const char *name, int64_t *out,
                       struct http_reply *r)
{
    const char *const text = http_argument(req, name);
    char *end = NULL;
    *out = 0;
    if (!text || !text[0])
        return true;
    if (strspn(text, "0123456789") == strlen(text) && strlen(text) <= 16)
        *out = strtoll(text, &end, 10);
    if (end)
        return true;
    http_refuse(r, 400, "%s is no number", name);
    return false;
}

static bool read_word(const struct http_request *req, const char *name, const char **out,
                      struct http_reply *r)
{
    const char *const text = http_argument(req, name);
    *out = text ? text : "";
    if (strlen(*out) < REPORT_TEXT_BYTES && ferry_utf8_is_valid(*out, strlen(*out)))
        return true;
    http_refuse(r, 400, "%s is no text of at most %u bytes", name, REPORT_TEXT_BYTES - 1);
    return false;
}

static bool read_claim(const struct http_request *req, struct claim *out, struct http_reply *r)
{
    if (!read_word(req, "project", &out->project, r) || !read_word(req, "chip", &out->chip, r) ||
        !read_word(req, "version", &out->version, r) || !read_word(req, "sha", &out->sha256, r) ||
        !read_count(req, "serial", &out->serial, r) ||
        !read_count(req, "slot_bytes", &out->slot_bytes, r))
        return false;
    if (out->project[0] && out->chip[0])
        return true;
    http_refuse(r, 400, "project and chip must be said: they choose the release");
    return false;
}

/** What every answer about releases tells beside: when to come again, whether to renew. */
static void add_advice(const struct server *s, const struct http_client *client,
                       struct http_reply *r)
{
    if (client->should_renew)
        http_add_header(r, "Ferry-Renew: 1");
    http_add_header(r, "Ferry-Poll: %u", poll_seconds(s->config.poll_seconds));
}

/** Notes that it was there, but not at every question of an eager device. */
static enum db_result note_seen(const struct http_request *req, int64_t now)
{
    const struct http_client *const client = &req->client;
    const bool is_fresh = client->seen <= now && now - client->seen < SEEN_S && !client->coming[0];
    return is_fresh ? DB_OK : report_seen(req->db, client->id, now);
}

void device_manifest(const struct release *release, const char *prefix, struct ferry_strbuf *out)
{
    char crc[9], path[128];
    cJSON *const root = cJSON_CreateObject();
    snprintf(crc, sizeof(crc), "%08" PRIx32, release->crc32);
    snprintf(path, sizeof(path), "%s%s.bin", prefix, release->sha256);
    cJSON_AddStringToObject(root, "firmware", path);
    cJSON_AddStringToObject(root, "sha", release->sha256);
    cJSON_AddNumberToObject(root, "length", (double)release->length);
    cJSON_AddStringToObject(root, "version", release->version);
    cJSON_AddNumberToObject(root, "serial", (double)release->serial);
    cJSON_AddStringToObject(root, "crc32", crc);
    char *const text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    ferry_strbuf_addf(out, "%s\n", text ? text : "");
    out->failed = out->failed || !text;
    cJSON_free(text);
}

/** True if the device asked with the ETag that this release has. */
static bool knows(const struct http_request *req, const struct release *release)
{
    const char *const etag = http_header(req, "If-None-Match");
    return etag && strstr(etag, release->sha256);
}

/** True if the device has no use for the release. Bytes and serial numbers say it exactly; a client
 * that tells its version alone is told what is newer by that, or cannot be compared. */
static bool has_it(const struct claim *c, const struct release *release)
{
    if (c->sha256[0] || c->serial)
        return strcmp(release->sha256, c->sha256) == 0 ||
               (c->serial && c->serial >= release->serial);
    const enum ferry_order order = ferry_version_compare(release->version, c->version);
    return c->version[0] && (order == FERRY_ORDER_SAME || order == FERRY_ORDER_OLDER);
}

static void manifest(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct claim claim;
    struct release release;
    if (!read_claim(req, &claim, r))
        return;
    enum db_result result = release_for_device(req->db, req->client.id, claim.project, claim.chip,
                                               claim.slot_bytes, &release);
    const bool is_there = result == DB_ROW;
    if (result == DB_OK || is_there)
        result = note_seen(req, time(NULL));
    if (result != DB_OK) {
        later(r);
        return;
    }
    add_advice(s, &req->client, r);
    r->status = 204;
    if (!is_there || has_it(&claim, &release))
        return;
    http_add_header(r, "ETag: \"%s\"", release.sha256);
    r->status = knows(req, &release) ? 304 : 200;
    r->type = "application/json";
    if (r->status == 200)
        device_manifest(&release, "/api/v1/firmware/", &r->body);
}

bool device_firmware_name(const char *after, char sha256[RELEASE_HEX_BYTES])
{
    const size_t n = RELEASE_HEX_BYTES - 1;
    if (strlen(after) != n + 4 || strcmp(after + n, ".bin") != 0)
        return false;
    memcpy(sha256, after, n);
    sha256[n] = '\0';
    return hex_is(sha256, n);
}

/** Any release, whose blob is there since it was added: a device goes back to an older one when the
 * newer fails. */
static void firmware(struct server *s, const struct http_request *req, struct http_reply *r)
{
    char sha256[RELEASE_HEX_BYTES];
    if (!device_firmware_name(req->after, sha256) || !blobs_has(s->blobs_fd, sha256)) {
        http_refuse(r, 404, "there is no such firmware");
        return;
    }
    // Who looks at the fleet sees it; a disk that is full stops no download.
    if (strcmp(req->method, "GET") == 0 && strcmp(req->client.coming, sha256) != 0)
        (void)report_coming(req->db, req->client.id, sha256, time(NULL));
    r->status = 200;
    r->type = "application/octet-stream";
    ferry_strbuf_addf(&r->body, "%s", sha256);
    r->blob = r->body.text;
}

static bool is_state(const char *word)
{
    static const char *const states[] = {"idle",   "downloading", "installed",     "confirmed",
                                         "failed", "rolled_back", "needs_release", "no_rollback"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strcmp(states[i], word) == 0)
            return true;
    return false;
}

static bool read_report(const struct http_request *req, struct report *out,
                        char why[JSON_WHY_BYTES])
{
    cJSON *const root = json_read(req->body, req->n_body, why);
    if (!root)
        return false;
    const bool is_read = json_text(root, "state", out->state, sizeof(out->state), why) &&
                         json_text(root, "version", out->version, sizeof(out->version), why) &&
                         json_text(root, "project", out->project, sizeof(out->project), why) &&
                         json_text(root, "chip", out->chip, sizeof(out->chip), why) &&
                         json_text(root, "reason", out->reason, sizeof(out->reason), why) &&
                         json_text(root, "sha", out->sha256, sizeof(out->sha256), why) &&
                         json_number(root, "serial", &out->serial, why) &&
                         json_number(root, "slot_bytes", &out->slot_bytes, why) &&
                         json_number(root, "wear_percent", &out->wear_percent, why);
    cJSON_Delete(root);
    if (!is_read)
        return false;
    if (!is_state(out->state))
        snprintf(why, JSON_WHY_BYTES, "'%.33s' is no state", out->state);
    else if (out->sha256[0] && !hex_is(out->sha256, RELEASE_HEX_BYTES - 1))
        snprintf(why, JSON_WHY_BYTES, "'sha' is no SHA-256 in 64 lower-case hex digits");
    else
        return true;
    return false;
}

static enum db_result keep(struct db *db, void *ctx)
{
    return report_keep(db, ctx);
}

static void report(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct report said = {.at = time(NULL)};
    char why[JSON_WHY_BYTES];
    (void)s;
    said.seen = said.at;
    snprintf(said.device, sizeof(said.device), "%s", req->client.id);
    if (!read_report(req, &said, why))
        http_refuse(r, 400, "%s", why);
    else if (db_transaction(req->db, keep, &said) != DB_OK)
        later(r);
    else
        r->status = 204;
}

const struct http_route device_routes[] = {
    {"GET", "/api/v1/manifest", DOORS, HTTP_DEVICE, 0, manifest},
    {"GET", "/api/v1/firmware/*", DOORS, HTTP_DEVICE, 0, firmware},
    {"POST", "/api/v1/report", DOORS, HTTP_DEVICE, REPORT_MOST, report},
    {0},
};
