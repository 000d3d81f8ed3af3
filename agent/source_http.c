/* agent/source_http.c - the source that asks a web server: policy only, no socket.
 * Policy tables: docs/design/sources.md. */
#include "agent/source_http.h"

#include <string.h>

#include "agent/text.h"

static struct ferry_source_http *as_http(struct ferry_source *s)
{
    return (struct ferry_source_http *)(void *)s;
}

static ferry_err fail(struct ferry_source_http *s, ferry_err err, uint32_t value, uint32_t limit,
                      const char *detail)
{
    return ferry_source_fail(&s->source, err, value, limit, detail);
}

/* A detail that quotes what a stranger sent. */
static ferry_err fail_quoting(struct ferry_source_http *s, ferry_err err, uint32_t value,
                              const char *words, const char *quote)
{
    char *const detail = s->source.detail;
    detail[0] = '\0';
    ferry_text_add(detail, sizeof s->source.detail, words);
    ferry_text_add(detail, sizeof s->source.detail, quote);
    return fail(s, err, value, 0, NULL);
}

static uint32_t clamp_u32(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/* "Name: value" with a name of token characters: a line break here would be another header. */
static bool is_header(const char *h)
{
    const size_t n_name = strcspn(h, ":");
    if (n_name == 0 || !h[n_name] || ferry_text_has_control(h))
        return false;
    return strcspn(h, " \"(),/;<=>?@[\\]{}") > n_name;
}

static ferry_err check_options(struct ferry_source_http *s)
{
    const struct ferry_http_options *o = s->options;
    for (size_t i = 0; i < o->n_headers; i++)
        if (!is_header(o->headers[i]))
            return fail(s, FERRY_ERR_ARG, 0, 0, "an extra header must read \"Name: value\"");
    // RFC 7617: the first colon ends the user name.
    if (o->user && strchr(o->user, ':'))
        return fail(s, FERRY_ERR_ARG, 0, 0, "a user name cannot hold a colon");
    if (o->key_file && !o->cert_file)
        return fail(s, FERRY_ERR_ARG, 0, 0, "a client key needs its certificate");
    return FERRY_OK;
}

/* May this address be asked, and does it get the secrets? */
static ferry_err judge_url(struct ferry_source_http *s, bool *gets_secrets)
{
    const struct ferry_http_options *o = s->options;
    const bool has_owner = o->secrets_for && ferry_url_is_http(o->secrets_for);
    const char *const owner_url = has_owner ? o->secrets_for : s->first_url;
    struct ferry_url url;
    struct ferry_url owner;
    if (ferry_url_split(s->url, &url))
        return fail_quoting(s, FERRY_ERR_NET_URL, 0, "", s->url);
    if (!url.is_https && !o->allow_plain_http && !FERRY_CFG_ALLOW_UNSIGNED_HTTP)
        return fail(s, FERRY_ERR_NET_INSECURE, 0, 0, NULL);
    if (ferry_url_split(owner_url, &owner))
        return fail_quoting(s, FERRY_ERR_NET_URL, 0, "", owner_url);
    *gets_secrets = ferry_url_same_origin(&url, &owner);
    return FERRY_OK;
}

static ferry_err send_request(struct ferry_source_http *s, uint32_t off_bytes)
{
    const struct ferry_http_options *o = s->options;
    struct ferry_http_request req = {
        .url = s->url,
        .off_bytes = off_bytes,
        .if_range = off_bytes ? s->source.if_same : NULL,
        .ca_file = o->ca_file,
        .ca_pem = o->ca_pem,
        .connect_timeout_ms =
            o->connect_timeout_ms ? o->connect_timeout_ms : FERRY_HTTP_CONNECT_TIMEOUT_MS,
        .stall_timeout_ms = o->stall_timeout_ms ? o->stall_timeout_ms : FERRY_HTTP_STALL_TIMEOUT_MS,
        .cancel = s->source.cancel,
    };
    bool gets_secrets = false;
    ferry_err err = judge_url(s, &gets_secrets);
    if (err)
        return err;
    if (gets_secrets) {
        req.headers = o->headers;
        req.n_headers = o->n_headers;
        req.user = o->user;
        req.password = o->user && !o->password ? "" : o->password;
        req.cert_file = o->cert_file;
        req.key_file = o->key_file ? o->key_file : o->cert_file;
        req.cert_pem = o->cert_pem;
        req.key_der = o->key_der;
        req.key_der_bytes = o->key_der_bytes;
    }
    ferry_http_head_begin(&s->head);
    s->http->detail[0] = '\0';
    err = s->http->ops->open(s->http, &req, &s->head);
    return err ? fail(s, err, 0, 0, s->http->detail) : FERRY_OK;
}

static bool is_redirect(uint16_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Moves s->url to where the response points. */
static ferry_err follow(struct ferry_source_http *s)
{
    char next[FERRY_URL_BYTES];
    struct ferry_url from;
    struct ferry_url to;
    if (s->head.location_is_cut || s->head.is_broken || !s->head.location[0])
        return fail(s, FERRY_ERR_NET_REDIRECT, s->head.status, 0,
                    "the redirect names no usable address");
    if (ferry_url_join(s->url, s->head.location, next, sizeof next) ||
        ferry_url_split(s->url, &from) || ferry_url_split(next, &to))
        return fail_quoting(s, FERRY_ERR_NET_REDIRECT, s->head.status,
                            "not an http or https address: ", s->head.location);
    if (from.is_https && !to.is_https)
        return fail_quoting(s, FERRY_ERR_NET_REDIRECT, s->head.status,
                            "from https to http: ", next);
    memcpy(s->url, next, sizeof next);
    return FERRY_OK;
}

static bool is_web_page(const char *content_type)
{
    const size_t n = strcspn(content_type, "; \t");
    return ferry_text_is_word(content_type, n, "text/html") ||
           ferry_text_is_word(content_type, n, "application/xhtml+xml");
}

/* Where the file ends, as far as the head tells. */
static ferry_err learn_length(struct ferry_source_http *s, uint32_t off_bytes)
{
    const struct ferry_http_head *h = &s->head;
    s->has_end = h->has_length && !h->is_chunked;
    if (s->has_end) {
        if (h->length_bytes > UINT32_MAX - off_bytes)
            return fail(s, FERRY_ERR_NET_LENGTH, clamp_u32(h->length_bytes), UINT32_MAX, NULL);
        s->end_bytes = off_bytes + (uint32_t)h->length_bytes;
    }
    if (off_bytes == 0 || h->range_total == 0)
        return FERRY_OK;
    // A partial answer that stops before the file's end was not asked for.
    if (h->range_total > UINT32_MAX || (s->has_end && s->end_bytes != h->range_total))
        return fail(s, FERRY_ERR_NET_LENGTH, clamp_u32(h->length_bytes), clamp_u32(h->range_total),
                    "the partial answer is not the rest of the file");
    s->has_end = true;
    s->end_bytes = (uint32_t)h->range_total;
    return FERRY_OK;
}

static ferry_err check_offset(struct ferry_source_http *s, uint32_t off_bytes)
{
    const struct ferry_http_head *h = &s->head;
    const uint16_t expected = off_bytes ? 206 : 200;
    if (off_bytes && h->status == 200 && s->source.may_begin_at_start) {
        s->source.at_bytes = 0;
        return FERRY_OK;
    }
    if (h->status != expected)
        return fail(s, FERRY_ERR_NET_PROTOCOL, h->status, expected,
                    off_bytes ? "the server ignored the offset and began at the start"
                              : "the server sent a part of the file without being asked");
    if (off_bytes && (!h->has_range || h->range_first != off_bytes))
        return fail(s, FERRY_ERR_NET_PROTOCOL, clamp_u32(h->range_first), off_bytes,
                    "the partial answer begins somewhere else");
    return FERRY_OK;
}

/* Is this response the file? */
static ferry_err judge_head(struct ferry_source_http *s, uint32_t off_bytes)
{
    const struct ferry_http_head *h = &s->head;
    if (h->status != 200 && h->status != 206) {
        s->source.retry_after_s = h->retry_after_s;
        return fail(s, FERRY_ERR_NET_STATUS, h->status, 0, h->reason);
    }
    if (is_web_page(h->content_type))
        return fail_quoting(s, FERRY_ERR_NET_TYPE, 0, "content type ", h->content_type);
    if (h->content_encoding[0] &&
        !ferry_text_is_word(h->content_encoding, strlen(h->content_encoding), "identity"))
        return fail_quoting(s, FERRY_ERR_NET_PROTOCOL, 0, "content is encoded as ",
                            h->content_encoding);
    if (h->is_broken)
        return fail(s, FERRY_ERR_NET_PROTOCOL, 0, 0, "the server contradicts itself in its head");
    const ferry_err err = check_offset(s, off_bytes);
    return err ? err : learn_length(s, s->source.at_bytes);
}

static void learn_facts(struct ferry_source_http *s)
{
    struct ferry_source_facts *f = &s->source.facts;
    f->length_bytes = s->has_end ? s->end_bytes : 0;
    f->accepts_offset = s->head.accepts_ranges || s->head.status == 206;
    ferry_text_add(f->etag, sizeof f->etag, s->head.etag);
    ferry_text_add(f->last_modified, sizeof f->last_modified, s->head.last_modified);
    // Redirects never leave https, so the first address decides: one that began in the open could
    // have been sent anywhere.
    s->source.is_authenticated = ferry_text_has_prefix(s->first_url, "https:");
}

/* Asks, and follows redirects, until an answer is there that is none. */
static ferry_err ask(struct ferry_source_http *s, uint32_t off_bytes)
{
    for (uint32_t n_redirects = 0;; n_redirects++) {
        ferry_err err = send_request(s, off_bytes);
        if (err || !is_redirect(s->head.status))
            return err;
        s->http->ops->close(s->http);
        if (n_redirects == FERRY_HTTP_REDIRECTS)
            return fail(s, FERRY_ERR_NET_REDIRECT, n_redirects + 1, FERRY_HTTP_REDIRECTS,
                        "more than 5 redirects");
        err = follow(s);
        if (err)
            return err;
    }
}

static ferry_err open_http(struct ferry_source *src, uint32_t off_bytes)
{
    struct ferry_source_http *s = as_http(src);
    const size_t n_url = strlen(s->first_url);
    if (n_url >= sizeof s->url)
        return fail(s, FERRY_ERR_NET_URL, clamp_u32(n_url), sizeof s->url - 1,
                    "the address is too long");
    memcpy(s->url, s->first_url, n_url + 1);
    ferry_err err = check_options(s);
    if (!err)
        err = ask(s, off_bytes);
    if (err)
        return err;
    err = judge_head(s, off_bytes);
    if (err) {
        s->http->ops->close(s->http);
        return err;
    }
    learn_facts(s);
    return FERRY_OK;
}

static ferry_err read_http(struct ferry_source *src, void *dst, size_t n, size_t *got)
{
    struct ferry_source_http *s = as_http(src);
    const uint32_t at = src->at_bytes;
    const uint32_t max = s->options->max_bytes;
    size_t n_read = 0;
    s->http->detail[0] = '\0';
    const ferry_err err = s->http->ops->read(s->http, dst, n, &n_read);
    if (err) {
        const bool is_cut = err == FERRY_ERR_NET_CLOSED && s->has_end;
        return fail(s, err, is_cut ? at : 0, is_cut ? s->end_bytes : 0, s->http->detail);
    }
    const uint64_t now = (uint64_t)at + n_read;
    if (s->has_end && now > s->end_bytes)
        return fail(s, FERRY_ERR_NET_LENGTH, clamp_u32(now), s->end_bytes, NULL);
    if (max && now > max)
        return fail(s, FERRY_ERR_NET_LENGTH, clamp_u32(now), max, NULL);
    if (n_read == 0 && s->has_end && at < s->end_bytes)
        return fail(s, FERRY_ERR_NET_CLOSED, at, s->end_bytes, NULL);
    *got = n_read;
    return FERRY_OK;
}

static void close_http(struct ferry_source *src)
{
    struct ferry_http *h = as_http(src)->http;
    h->ops->close(h);
}

void ferry_source_http_init(struct ferry_source_http *s, struct ferry_http *http, const char *url,
                            const struct ferry_http_options *options,
                            const struct ferry_cancel *cancel)
{
    static const struct ferry_source_ops ops = {open_http, read_http, close_http, NULL};
    static const struct ferry_http_options none = {0};
    memset(s, 0, sizeof *s);
    s->source.ops = &ops;
    s->source.cancel = cancel;
    s->source.address = url;
    s->http = http;
    s->options = options ? options : &none;
    s->first_url = url;
}
