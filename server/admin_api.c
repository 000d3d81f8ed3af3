/* server/admin_api.c - devices and tokens over HTTP; the work is admin_device.c's, admin_token.c's.
 */
#include "admin_api.h"

#include <stdlib.h>
#include <string.h>

#include "admin_device.h"
#include "admin_http.h"
#include "admin_token.h"
#include "json.h"
#include "store_fleet.h"

#define ROWS_USUAL 100u
#define ROWS_MOST  1000u

static const char *const no_keys[] = {NULL};

static void summary(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct fleet_counts n;
    admin_begin(&c, s, req, r);
    const int64_t fresh = c.a.now - 2 * (int64_t)s->config.poll_seconds;
    if (admin_db(&c.a, fleet_count(req->db, fresh, &n)) == ADMIN_DONE) {
        cJSON_AddNumberToObject(c.answer, "devices", (double)n.devices);
        cJSON_AddNumberToObject(c.answer, "seen_lately", (double)n.seen);
        cJSON_AddNumberToObject(c.answer, "updating", (double)n.installing);
        cJSON_AddNumberToObject(c.answer, "need_attention", (double)n.failed);
        cJSON_AddNumberToObject(c.answer, "revoked", (double)n.revoked);
    }
    admin_answer(&c);
}

/** A list on its way. */
struct listing {
    struct admin_call *c;
    cJSON *rows;
    unsigned n;
    char last[HTTP_ID_BYTES];
};

static void list_device(void *ctx, const struct device *d, const struct report *report)
{
    struct listing *const l = ctx;
    cJSON *const row = device_json(d);
    cJSON_AddItemToObject(row, "report", report_json(report));
    cJSON_AddItemToArray(l->rows, row);
    l->n++;
    memcpy(l->last, d->id, sizeof(l->last));
}

static bool read_most(struct admin_call *c, unsigned *out)
{
    const char *const text = admin_argument(c->req, "most", "");
    *out = ROWS_USUAL;
    if (!text[0])
        return true;
    const size_t n = strlen(text);
    *out = n <= 4 && strspn(text, "0123456789") == n ? (unsigned)strtoul(text, NULL, 10) : 0;
    if (*out >= 1 && *out <= ROWS_MOST)
        return true;
    admin_end(&c->a, ADMIN_MISUSED, "most=%.40s: a number from 1 to %u", text, ROWS_MOST);
    return false;
}

static void list_devices(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct fleet_filter filter = {.after = admin_argument(req, "after", ""),
                                  .start = admin_argument(req, "start", ""),
                                  .fleet = admin_argument(req, "group", ""),
                                  .state = admin_argument(req, "state", "")};
    admin_begin(&c, s, req, r);
    struct listing l = {&c, cJSON_AddArrayToObject(c.answer, "devices"), 0, ""};
    if (read_most(&c, &filter.most) &&
        admin_db(&c.a, fleet_list(req->db, &filter, list_device, &l)) == ADMIN_DONE)
        cJSON_AddStringToObject(c.answer, "next", l.n == filter.most ? l.last : "");
    admin_answer(&c);
}

static void add_certificate(void *ctx, const struct certificate *row)
{
    const struct listing *const l = ctx;
    cJSON_AddItemToArray(l->rows, certificate_json(row, l->c->a.now));
}

static void add_event(void *ctx, const struct report *e)
{
    const struct listing *const l = ctx;
    cJSON_AddItemToArray(l->rows, event_json(e));
}

static void show_device(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct device d;
    struct report report = {0};
    admin_begin(&c, s, req, r);
    if (admin_device_find(&c.a, req->after, &d) == ADMIN_DONE &&
        admin_db(&c.a, report_find(req->db, d.id, &report)) == ADMIN_DONE) {
        cJSON *const row = device_json(&d);
        cJSON_AddItemToObject(c.answer, "device", row);
        cJSON_AddItemToObject(row, "report", report_json(&report));
        struct listing l = {&c, cJSON_AddArrayToObject(row, "certificates"), 0, ""};
        enum db_result result = certificate_list(req->db, d.id, add_certificate, &l);
        l.rows = cJSON_AddArrayToObject(row, "history");
        if (result == DB_OK)
            result = report_history(req->db, d.id, add_event, &l);
        admin_db(&c.a, result);
    }
    admin_answer(&c);
}

/** POST .../ID/release, revoke or restore. */
static void decide(struct server *s, const struct http_request *req, struct http_reply *r)
{
    static const char *const verbs[] = {
        [DEVICE_RELEASE] = "release", [DEVICE_REVOKE] = "revoke", [DEVICE_RESTORE] = "restore"};
    const size_t n_verbs = sizeof(verbs) / sizeof(verbs[0]);
    struct admin_call c;
    char id[HTTP_ID_BYTES + 1];
    const char *verb;
    size_t i = 0;
    admin_begin(&c, s, req, r);
    if (admin_split(&c, id, &verb) && admin_body(&c, no_keys)) {
        while (i < n_verbs && strcmp(verbs[i], verb) != 0)
            i++;
        if (i == n_verbs)
            admin_end(&c.a, ADMIN_NOT_FOUND,
                      "'%.40s' is nothing that a device can be told: release, revoke or restore",
                      verb);
        else
            admin_device_decide(&c.a, id, (enum device_decision)i);
        cJSON_AddStringToObject(c.answer, "device", id);
    }
    admin_answer(&c);
}

static void remove_device(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    admin_begin(&c, s, req, r);
    admin_device_decide(&c.a, req->after, DEVICE_REMOVE);
    cJSON_AddStringToObject(c.answer, "device", req->after);
    admin_answer(&c);
}

static void list_token(void *ctx, const struct token *t)
{
    const struct listing *const l = ctx;
    cJSON_AddItemToArray(l->rows, token_json(t, l->c->a.now));
}

static void list_tokens(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    admin_begin(&c, s, req, r);
    struct listing l = {&c, cJSON_AddArrayToObject(c.answer, "tokens"), 0, ""};
    admin_db(&c.a, token_list(req->db, list_token, &l));
    admin_answer(&c);
}

/** Texts of a wish; longer than anything that is right. */
struct token_words {
    char device[HTTP_ID_BYTES + 1], group[HTTP_ID_BYTES + 1];
    config_text url;
};

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static bool read_count(struct admin_call *c, const char *key, int64_t usual, int64_t *out)
{
    char why[JSON_WHY_BYTES];
    *out = usual;
    if (!cJSON_GetObjectItemCaseSensitive(c->said, key) || json_number(c->said, key, out, why))
        return true;
    admin_end(&c->a, ADMIN_MISUSED, "the body: %s", why);
    return false;
}

static bool read_wish(struct admin_call *c, struct token_words *words, struct token_wish *out)
{
    static const char *const keys[] = {"device", "group", "uses", "seconds", "url", NULL};
    if (!admin_body(c, keys) || !admin_text(c, "device", words->device, sizeof(words->device)) ||
        !admin_text(c, "group", words->group, sizeof(words->group)) ||
        !admin_text(c, "url", words->url, sizeof(words->url)) ||
        !read_count(c, "uses", 1, &out->uses) ||
        !read_count(c, "seconds", TOKEN_SPAN_S, &out->seconds))
        return false;
    out->device = or_null(words->device);
    out->group = or_null(words->group);
    out->url = or_null(words->url);
    return true;
}

static void new_token(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct token_words words;
    struct token_wish wish;
    struct token token;
    struct ca_entry root;
    char join[ADMIN_JOIN_BYTES] = "";
    admin_begin(&c, s, req, r);
    ca_at(s->ca, 0, &root);
    if (read_wish(&c, &words, &wish) &&
        admin_token_new(&c.a, &s->config, root.sha256, &wish, &token, join) == ADMIN_DONE) {
        cJSON_AddStringToObject(c.answer, "join", join);
        cJSON_AddItemToObject(c.answer, "token", token_json(&token, c.a.now));
    }
    admin_answer(&c);
    explicit_bzero(join, sizeof(join));
}

static void revoke_token(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct admin_call c;
    struct token token;
    admin_begin(&c, s, req, r);
    if (admin_token_revoke(&c.a, req->after, &token) == ADMIN_DONE)
        cJSON_AddItemToObject(c.answer, "token", token_json(&token, c.a.now));
    admin_answer(&c);
}

#define OPERATORS HTTP_ADMIN, HTTP_OPERATOR

const struct http_route admin_routes[] = {
    {"GET", "/api/v1/summary", OPERATORS, 0, summary},
    {"GET", "/api/v1/devices", OPERATORS, 0, list_devices},
    {"GET", "/api/v1/devices/*", OPERATORS, 0, show_device},
    {"POST", "/api/v1/devices/*", OPERATORS, ADMIN_BODY_MOST, decide},
    {"DELETE", "/api/v1/devices/*", OPERATORS, 0, remove_device},
    {"GET", "/api/v1/tokens", OPERATORS, 0, list_tokens},
    {"POST", "/api/v1/tokens", OPERATORS, ADMIN_BODY_MOST, new_token},
    {"DELETE", "/api/v1/tokens/*", OPERATORS, 0, revoke_token},
    {0},
};
