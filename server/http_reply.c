/* server/http_reply.c - statuses, headers and bodies from memory. */
#include "http_reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cjson/cJSON.h>

#include "http_blob.h"
#include "http_watch.h"
#include "metrics.h"
#include "unicode.h"

void http_add_header(struct http_reply *r, const char *fmt, ...)
{
    const size_t most = sizeof(r->headers) / sizeof(r->headers[0]);
    va_list ap;
    if (r->n_headers == most)
        return;
    va_start(ap, fmt);
    const int n = vsnprintf(r->headers[r->n_headers], sizeof(r->headers[0]), fmt, ap);
    va_end(ap);
    // What does not fit is left out, not cut: half a value is another value.
    r->n_headers += n > 0 && (size_t)n < sizeof(r->headers[0]);
}

static bool has_header(const struct http_reply *r, const char *name)
{
    const size_t n = strlen(name);
    for (unsigned i = 0; i < r->n_headers; i++)
        if (!strncasecmp(r->headers[i], name, n) && r->headers[i][n] == ':')
            return true;
    return false;
}

static const char *default_name(unsigned status)
{
    switch (status) {
    case 400:
        return "bad_request";
    case 401:
        return "unauthorized";
    case 403:
        return "forbidden";
    case 404:
        return "not_found";
    case 405:
        return "method";
    case 413:
        return "too_large";
    case 429:
        return "rate";
    case 503:
        return "unavailable";
    default:
        return "refused";
    }
}

void http_refuse(struct http_reply *r, unsigned status, const char *fmt, ...)
{
    char sentence[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(sentence, sizeof(sentence), fmt, ap);
    va_end(ap);
    ferry_utf8_mend(sentence); // it may quote somebody
    http_refuse_as(r, status, default_name(status), sentence);
}

void http_refuse_as(struct http_reply *r, unsigned status, const char *name, const char *sentence)
{
    cJSON *const root = cJSON_CreateObject();
    cJSON_AddFalseToObject(root, "ok");
    cJSON_AddStringToObject(root, "error", name);
    cJSON_AddStringToObject(root, "message", sentence);
    char *const text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    r->status = status;
    r->type = "application/json";
    r->blob = NULL;
    ferry_strbuf_clear(&r->body);
    ferry_strbuf_addf(&r->body, "%s\n", text ? text : "{\"ok\":false}");
    cJSON_free(text);
}

static void add(struct MHD_Response *response, const char *name, const char *value)
{
    // Out of memory: the answer lacks a field that a client can do without.
    (void)MHD_add_response_header(response, name, value);
}

static void add_own(struct MHD_Response *response, const struct http_reply *r)
{
    for (unsigned i = 0; i < r->n_headers; i++) {
        char name[64];
        const char *const line = r->headers[i];
        const size_t n = strcspn(line, ":");
        if (!line[n] || n >= sizeof(name))
            continue;
        memcpy(name, line, n);
        name[n] = '\0';
        add(response, name, line + n + 1 + strspn(line + n + 1, " "));
    }
}

/** An answer that takes longer than this is one that nobody wants to have. */
static int64_t answer_deadline(const struct http_exchange *x)
{
    const struct config *const c = &x->server->config;
    return http_now_ms() + c->idle_seconds * INT64_C(1000) +
           (int64_t)(x->n_answer * 1000 / c->least_rate);
}

enum MHD_Result http_reply_queue(struct http_exchange *x, unsigned status,
                                 struct MHD_Response *response, bool is_last)
{
    if (!response)
        return MHD_NO;
    add(response, "X-Content-Type-Options", "nosniff");
    if (is_last || http_is_draining(x->server->listeners))
        add(response, "Connection", "close");
    x->status = status;
    http_watch_phase(x->connection, HTTP_ANSWER, answer_deadline(x));
    const enum MHD_Result done = MHD_queue_response(x->mhd, status, response);
    MHD_destroy_response(response);
    return done;
}

/** The text becomes the library's. */
static struct MHD_Response *body_response(struct ferry_strbuf *body)
{
    if (!body->n) {
        ferry_strbuf_free(body);
        return MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *const response =
        MHD_create_response_from_buffer(body->n, body->text, MHD_RESPMEM_MUST_FREE);
    if (response)
        *body = (struct ferry_strbuf){0};
    return response;
}

enum MHD_Result http_reply_send(struct http_exchange *x, struct http_reply *r)
{
    struct MHD_Response *response;
    unsigned status = r->status;
    if (r->body.failed)
        return MHD_NO;
    if (r->blob) {
        response = http_blob_response(x, r, &status);
    } else {
        x->n_answer = x->is_head ? 0 : r->body.n;
        response = body_response(&r->body);
        if (response && status != 204 && status != 304)
            add(response, "Content-Type", r->type ? r->type : "text/plain; charset=utf-8");
    }
    if (!response)
        return MHD_NO;
    add_own(response, r);
    if (!has_header(r, "Cache-Control"))
        add(response, "Cache-Control",
            !r->is_public ? "no-store"
            : r->blob     ? "public, max-age=31536000, immutable"
                          : "public, max-age=60");
    return http_reply_queue(x, status, response, false);
}

enum MHD_Result http_reply_refuse(struct http_exchange *x, unsigned status, const char *sentence,
                                  bool is_last)
{
    struct http_reply r = {0};
    http_refuse_as(&r, status, default_name(status), sentence);
    if (r.body.failed) {
        ferry_strbuf_free(&r.body);
        return MHD_NO;
    }
    x->n_answer = r.body.n;
    struct MHD_Response *const response = body_response(&r.body);
    ferry_strbuf_free(&r.body);
    if (!response)
        return MHD_NO;
    add(response, "Content-Type", r.type);
    add(response, "Cache-Control", "no-store");
    if (status == 405)
        add(response, "Allow", x->allow);
    if (status == 429)
        add(response, "Retry-After", x->retry_after);
    if (status == 503) // a client that is not told would ask again at once
        add(response, "Retry-After", "10");
    if (x->request.client.must_renew) // it has no clock to see that by itself
        add(response, "Ferry-Renew", "1");
    return http_reply_queue(x, status, response, is_last);
}
