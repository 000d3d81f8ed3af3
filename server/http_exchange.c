/* server/http_exchange.c - gate, route, limits, client, body, handler, reply: in this order, so
 * that the cheapest refusal comes first and nobody unknown sends a body. */
#include "http_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "http_body.h"
#include "http_client.h"
#include "http_field.h"
#include "http_gate.h"
#include "http_reply.h"
#include "http_watch.h"
#include "log.h"
#include "metrics.h"
#include "rate_limits.h"
#include "routes.h"
#include "thread_db.h"

void *http_exchange_begin(void *door, const char *target, struct MHD_Connection *mhd)
{
    struct http_door_state *const d = door;
    struct http_exchange *const x = malloc(sizeof(*x));
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (!x || !info || !info->socket_context) {
        free(x);
        return NULL;
    }
    // Of the texts at its end only what is used: 4 KB for every request would be a microsecond.
    memset(x, 0, offsetof(struct http_exchange, path) + 1);
    x->server = d->server;
    x->connection = info->socket_context;
    x->mhd = mhd;
    x->upload_fd = -1;
    x->began_ms = http_now_ms();
    x->raw = target ? target : "";
    x->n_raw = strlen(x->raw);
    snprintf(x->target, sizeof(x->target), "%s", x->raw);
    x->is_target_bad = !http_gate_path(x->raw);
    // The first head of a connection keeps the deadline that it has since the connection began.
    if (atomic_load(&x->connection->phase) == HTTP_IDLE)
        http_watch_phase(x->connection, HTTP_HEAD,
                         x->began_ms + d->server->config.header_seconds * INT64_C(1000));
    return x;
}

static unsigned refuse(struct http_exchange *x, unsigned status, const char *why)
{
    x->refuse = status;
    x->why = why;
    return status;
}

/** What the fields of a head show to gate and layout. */
struct head {
    struct http_gate gate;
    struct http_layout layout;
    size_t n_bytes;
    const char *length;
    size_t n_length;
    unsigned n_whose[3]; // fields that say who asks
};

static bool is_named(const char *name, size_t n_name, const char *word)
{
    return n_name == strlen(word) && !strncasecmp(name, word, n_name);
}

/** Who says twice who it is could be believed to be either. */
static bool is_whose_twice(struct head *h, const char *name, size_t n_name)
{
    static const char *const words[] = {"Authorization", HTTP_CLIENT_FIELDS "Cert",
                                        HTTP_CLIENT_FIELDS "Address"};
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (is_named(name, n_name, words[i]))
            return h->n_whose[i]++ > 0;
    return false;
}

static enum MHD_Result see_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t n_name, const char *value, size_t n_value)
{
    struct head *const h = cls;
    (void)kind;
    if (!value)
        n_value = 0;
    http_gate_field(&h->gate, name, n_name, value ? value : "", n_value);
    http_layout_field(&h->layout, name, n_name, value ? value : name, n_value);
    h->n_bytes += n_name + n_value + 4;
    h->gate.is_refused |= is_whose_twice(h, name, n_name);
    if (is_named(name, n_name, "Content-Length")) {
        h->length = value;
        h->n_length = n_value;
    }
    return MHD_YES;
}

/** From 1.0 on the library is as strict as it is told to be, and keeps its pieces elsewhere. */
static bool has_layout(void)
{
    return !strncmp(MHD_get_version(), "0.", 2);
}

/** Digits only; the library has refused what does not fit into 64 bits. */
static bool read_length(const struct head *h, size_t *out)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_length; i++) {
        if (h->length[i] < '0' || h->length[i] > '9' || n > (SIZE_MAX - 9) / 10)
            return false;
        n = n * 10 + (size_t)(h->length[i] - '0');
    }
    *out = n;
    return !h->length || h->n_length > 0;
}

/** 0, or the status of what is no request that a strict server takes. */
static unsigned check_head(struct http_exchange *x, const char *method, const char *version)
{
    struct head h = {0};
    const union MHD_ConnectionInfo *const info =
        MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    http_layout_begin(&h.layout, method, x->raw, x->n_raw, version, info ? info->header_size : 0);
    MHD_get_connection_values_n(x->mhd, MHD_HEADER_KIND, see_field, &h);
    if (x->n_raw >= sizeof(x->target))
        return refuse(x, 414, "the path is longer than 2048 bytes");
    if (h.n_bytes > HTTP_HEAD_MOST || h.gate.n_fields > HTTP_GATE_FIELDS)
        return refuse(x, 431, "the head is longer than 8192 bytes, or has more than 64 fields");
    if (h.gate.n_encoding == 1 && !h.gate.n_length)
        return refuse(x, 411, "a body needs a Content-Length here; chunks are not taken");
    if (h.gate.is_refused || x->is_target_bad || !read_length(&h, &x->expected) ||
        (has_layout() && !http_layout_is_whole(&h.layout)))
        return refuse(x, 400, "this request can be read in two ways");
    if (!http_gate_line(method, version) || (!strcmp(version, "HTTP/1.1") && h.gate.n_host != 1))
        return refuse(x, 400, "this is no request of HTTP/1.1");
    return 0;
}

static unsigned refuse_for(struct http_exchange *x, unsigned seconds, const char *why)
{
    snprintf(x->retry_after, sizeof(x->retry_after), "%u", seconds);
    return refuse(x, 429, why);
}

/** Too many, from one address or altogether. Who is asked to wait is asked for different times, or
 * all would come back at once. */
static unsigned check_limits(struct http_exchange *x)
{
    const struct config *const config = &x->server->config;
    const struct http_door_state *const d = x->connection->door;
    const unsigned open = atomic_load(&d->open);
    char key[HTTP_ADDRESS_BYTES];
    unsigned wait_s = 1;
    if (d->kind != HTTP_ADMIN && (uint64_t)open * 100 > (uint64_t)d->most * config->shed_pct)
        return refuse_for(x, 30 + (unsigned)((uint64_t)x->began_ms * 2654435761u >> 16) % 60,
                          "too many devices ask at once; come back later");
    address_key(x->request.client.address, key);
    if (!limits_take(x->server->limits, LIMIT_REQUESTS, key, strlen(key), x->began_ms, &wait_s))
        return refuse_for(x, wait_s, "too many requests from this address; come back later");
    return 0;
}

static unsigned check_route(struct http_exchange *x, const char *method)
{
    struct routes_found found;
    routes_find(&found, method, x->path, x->request.door);
    x->route = found.route;
    x->request.after = found.after;
    snprintf(x->allow, sizeof(x->allow), "%s", found.allow);
    if (!x->route)
        return *x->allow ? refuse(x, 405, "this path is not asked in this way")
                         : refuse(x, 404, "there is nothing at this path");
    const size_t most =
        x->route->body_most == HTTP_UPLOAD ? x->server->config.upload_most : x->route->body_most;
    const char *why = NULL;
    x->request.db = thread_db_get(x->server->db);
    const unsigned status = http_client_check(x, &why);
    if (status)
        return refuse(x, status, why);
    if (x->expected > most) {
        snprintf(x->sentence, sizeof(x->sentence), "a body here is at most %zu bytes, not %zu",
                 most, x->expected);
        return refuse(x, 413, x->sentence);
    }
    return 0;
}

/** A head has come. */
static void look_at_head(struct http_exchange *x, const char *url, const char *method,
                         const char *version)
{
    struct http_request *const req = &x->request;
    req->method = method;
    req->door = x->connection->door->kind;
    req->in = x;
    req->path = x->path;
    req->after = "";
    x->is_head = !strcmp(method, "HEAD");
    snprintf(x->path, sizeof(x->path), "%s", url);
    http_client_address(x);
    if (check_head(x, method, version)) {
        metrics_add(x->server->metrics, METRIC_MALFORMED, 1);
        x->is_last = true;
        return;
    }
    if (!check_limits(x))
        check_route(x, method);
    else
        x->is_last = true;
}

/** Everything has come. */
static enum MHD_Result answer(struct http_exchange *x)
{
    struct server *const s = x->server;
    struct http_reply reply = {0};
    struct timespec from, to;
    http_watch_phase(x->connection, HTTP_WORK, HTTP_NEVER);
    if (x->refuse)
        return http_reply_refuse(x, x->refuse, x->why, x->is_last);
    if (!http_body_finish(x))
        return http_reply_refuse(x, 503, "the body cannot be kept: disk or memory is full", true);
    clock_gettime(CLOCK_MONOTONIC, &from);
    x->route->handle(s, &x->request, &reply);
    clock_gettime(CLOCK_MONOTONIC, &to);
    metrics_add(s->metrics, METRIC_HANDLER_MICROSECONDS,
                (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
    if (reply.status >= 500)
        thread_db_suspect(s->db);
    const enum MHD_Result done = http_reply_send(x, &reply);
    ferry_strbuf_free(&reply.body);
    return done;
}

enum MHD_Result http_exchange_handle(void *door, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *n_upload, void **exchange)
{
    struct http_exchange *const x = *exchange;
    (void)door, (void)mhd;
    if (!x)
        return MHD_NO;
    if (!x->is_begun) {
        x->is_begun = true;
        look_at_head(x, url, method, version);
        http_body_begin(x);
        // Whoever waits for leave to send its body hears of the refusal instead.
        if (x->refuse && !http_body_is_drained(x))
            return http_reply_refuse(x, x->refuse, x->why, true);
        return MHD_YES;
    }
    if (*n_upload) {
        http_body_take(x, upload, *n_upload);
        *n_upload = 0;
        return MHD_YES;
    }
    return x->status ? MHD_YES : answer(x);
}

static void log_exchange(const struct http_exchange *x, enum MHD_RequestTerminationCode code)
{
    char target[LOG_QUOTED_BYTES], method[LOG_QUOTED_BYTES];
    const char *const id = x->request.client.id;
    log_line(LOG_LEVEL_INFO, "request",
             "door=%s client=%s%s%s method=%s target=%s status=%u bytes=%llu ms=%lld%s%s",
             x->connection->door->word, x->request.client.address, *id ? " device=" : "", id,
             log_quoted(method, x->request.method ? x->request.method : "?"),
             log_quoted(target, x->target), x->status, (unsigned long long)x->n_answer,
             (long long)(http_now_ms() - x->began_ms), x->refuse ? " refused=1" : "",
             code == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : " cut=1");
}

void http_exchange_end(void *door, struct MHD_Connection *mhd, void **exchange,
                       enum MHD_RequestTerminationCode code)
{
    struct http_exchange *const x = *exchange;
    (void)door, (void)mhd;
    if (!x)
        return;
    const struct config *const config = &x->server->config;
    if (x->status) {
        metrics_add(x->server->metrics,
                    (enum metric)((unsigned)METRIC_STATUS_1XX + x->status / 100 - 1), 1);
        metrics_add(x->server->metrics, METRIC_SHED, x->status == 429);
        if (config->log_requests)
            log_exchange(x, code);
    }
    http_watch_phase(x->connection, HTTP_IDLE,
                     http_now_ms() + config->idle_seconds * INT64_C(1000));
    http_body_end(x);
    free(x);
    *exchange = NULL;
}
