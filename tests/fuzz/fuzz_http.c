/* tests/fuzz/fuzz_http.c - a web server that answers with any bytes.
 * The first byte chooses what is asked; the rest are answers, a head each, ended by an empty line,
 * then the body. Whatever the server says: at most 6 requests, all to http or https, never from
 * https back to http, secrets to their origin only, and every opened exchange closed. */
#include "fuzz.h"

#include <string.h>

#include "agent/source_http.h"

#define REQUESTS_MAX (FERRY_HTTP_REDIRECTS + 1u)

struct script {
    struct ferry_http http; // first
    const char *at, *end;
    unsigned n_asked, n_open;
    bool was_https;
    struct ferry_url owner;
};

/* The next line of the script, without its end. */
static const char *take_line(struct script *s, size_t *n)
{
    const char *const line = s->at;
    const char *const end = memchr(line, '\n', (size_t)(s->end - line));
    *n = (size_t)((end ? end : s->end) - line);
    s->at = end ? end + 1 : s->end;
    return line;
}

static void check_request(struct script *s, const struct ferry_http_request *req)
{
    struct ferry_url url;
    FUZZ_MUST(ferry_url_split(req->url, &url) == FERRY_OK);
    FUZZ_MUST(++s->n_asked <= REQUESTS_MAX);
    FUZZ_MUST(!s->was_https || url.is_https);
    s->was_https = url.is_https;
    const bool is_owner = ferry_url_same_origin(&url, &s->owner);
    FUZZ_MUST((req->user != NULL) == is_owner);
    FUZZ_MUST((req->n_headers > 0) == is_owner);
    FUZZ_MUST((req->cert_file != NULL) == is_owner);
}

static ferry_err open_script(struct ferry_http *h, const struct ferry_http_request *req,
                             struct ferry_http_head *head)
{
    struct script *s = (struct script *)(void *)h;
    FUZZ_MUST(s->n_open == 0);
    check_request(s, req);
    while (s->at < s->end) {
        size_t n;
        const char *const line = take_line(s, &n);
        if (n == 0 && head->status) {
            s->n_open++;
            return FERRY_OK;
        }
        if (ferry_http_head_line(head, line, n))
            return FERRY_ERR_NET_PROTOCOL;
    }
    return FERRY_ERR_NET_CLOSED;
}

static ferry_err read_script(struct ferry_http *h, void *dst, size_t n, size_t *got)
{
    struct script *s = (struct script *)(void *)h;
    const size_t left = (size_t)(s->end - s->at);
    const size_t take = n < left ? n : left;
    FUZZ_MUST(s->n_open == 1);
    memcpy(dst, s->at, take);
    s->at += take;
    *got = take;
    return FERRY_OK;
}

static void close_script(struct ferry_http *h)
{
    struct script *s = (struct script *)(void *)h;
    FUZZ_MUST(s->n_open-- == 1);
}

/* Reads all; what was delivered keeps what was announced. */
static void drain(struct ferry_source *s, uint32_t max_bytes)
{
    char buffer[64];
    size_t got = 0;
    ferry_err err;
    do {
        err = ferry_source_read(s, buffer, sizeof buffer, &got);
        FUZZ_MUST(s->at_bytes <= max_bytes);
    } while (!err && got);
    if (!err && s->facts.length_bytes)
        FUZZ_MUST(s->at_bytes == s->facts.length_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct ferry_http_ops ops = {open_script, read_script, close_script};
    static const char *const urls[] = {"https://updates.example/a/app.bin",
                                       "http://updates.example:8080/a/app.bin?v=1"};
    static const char *const headers[] = {"X-Token: 1"};
    static struct ferry_source_http source;
    if (n < 1)
        return 0;
    const char *const url = urls[data[0] & 1];
    const uint32_t off_bytes = data[0] & 2 ? 100 : 0;
    struct script script = {
        .http = {.ops = &ops}, .at = (const char *)data + 1, .end = (const char *)data + n};
    const struct ferry_http_options options = {.allow_plain_http = true,
                                               .user = "u",
                                               .headers = headers,
                                               .n_headers = 1,
                                               .cert_file = "c.pem",
                                               .max_bytes = 1000};
    FUZZ_MUST(ferry_url_split(url, &script.owner) == FERRY_OK);
    ferry_source_http_init(&source, &script.http, url, &options, NULL);
    if (!ferry_source_open(&source.source, off_bytes)) {
        FUZZ_MUST(ferry_source_is_authenticated(&source.source) == (url == urls[0]));
        drain(&source.source, options.max_bytes);
        ferry_source_close(&source.source);
    } else {
        FUZZ_MUST(source.source.fault.err != FERRY_OK);
    }
    FUZZ_MUST(script.n_open == 0);
    return 0;
}
