/* tests/agent/test_source_http.c - http policy over a fake transport: an ops table that answers
 * from a list and writes down what it was asked. */
#include "agent/source_http.h"

#include <string.h>

#include "t.h"

/* One answer: head lines, one string each, then what the body reads give. */
struct answer {
    const char *lines[6];
    ferry_err open_err;
    const char *body;
    ferry_err read_err; // after the body; FERRY_OK: the end
};

struct asked {
    char url[FERRY_URL_BYTES];
    uint32_t off_bytes;
    bool with_user, with_headers, with_cert;
};

struct fake {
    struct ferry_http http;
    const struct answer *answers;
    unsigned n_asked;
    unsigned n_closed;
    struct asked asked[8];
    const char *body;
};

static ferry_err open_fake(struct ferry_http *h, const struct ferry_http_request *req,
                           struct ferry_http_head *head)
{
    struct fake *f = (struct fake *)(void *)h;
    const struct answer *a = &f->answers[f->n_asked];
    struct asked *q = &f->asked[f->n_asked++];
    strcpy(q->url, req->url);
    q->off_bytes = req->off_bytes;
    q->with_user = req->user != NULL;
    q->with_headers = req->n_headers > 0;
    q->with_cert = req->cert_file != NULL;
    strcpy(h->detail, a->open_err ? "words of the library" : "");
    for (size_t i = 0; i < 6 && a->lines[i]; i++)
        T_EQ_INT(ferry_http_head_line(head, a->lines[i], strlen(a->lines[i])), FERRY_OK);
    f->body = a->body ? a->body : "";
    return a->open_err;
}

static ferry_err read_fake(struct ferry_http *h, void *dst, size_t n, size_t *got)
{
    struct fake *f = (struct fake *)(void *)h;
    const size_t left = strlen(f->body);
    const size_t take = n < left ? n : left;
    memcpy(dst, f->body, take);
    f->body += take;
    *got = take;
    return take ? FERRY_OK : f->answers[f->n_asked - 1].read_err;
}

static void close_fake(struct ferry_http *h)
{
    ((struct fake *)(void *)h)->n_closed++;
}

static const struct ferry_http_ops fake_ops = {open_fake, read_fake, close_fake};
static struct fake fake;
static struct ferry_source_http source;
static struct ferry_http_options options;

/* Asks url at the offset; the answers come from the list. */
static ferry_err open_at(const char *url, const struct answer *answers, uint32_t off_bytes)
{
    memset(&fake, 0, sizeof fake);
    fake.http.ops = &fake_ops;
    fake.answers = answers;
    ferry_source_http_init(&source, &fake.http, url, &options, NULL);
    const ferry_err err = ferry_source_open(&source.source, off_bytes);
    if (err) // whatever was opened is closed again, and the fault says the same
        T_EQ_INT(source.source.fault.err, err);
    return err;
}

static ferry_err ask(const char *url, const struct answer *answers)
{
    return open_at(url, answers, 0);
}

/* Reads everything in pieces of 4; *n becomes the bytes got. */
static ferry_err drain(size_t *n)
{
    char buffer[4];
    size_t got = 0;
    ferry_err err;
    *n = 0;
    do {
        err = ferry_source_read(&source.source, buffer, sizeof buffer, &got);
        *n += err ? 0 : got;
    } while (!err && got);
    ferry_source_close(&source.source);
    return err;
}

static void plain_answer_is_delivered_with_its_facts(void)
{
    const struct answer answers[] = {
        {.lines = {"HTTP/1.1 200 OK", "content-LENGTH:  10 ", "ETag: \"x\"", "Accept-Ranges: bytes",
                   "Last-Modified: Sat, 21 Nov 2026 10:00:00 GMT"},
         .body = "0123456789"},
    };
    size_t n;
    options = (struct ferry_http_options){0};
    T_EQ_INT(ask("https://h/a", answers), FERRY_OK);
    T_EQ_INT(source.source.facts.length_bytes, 10);
    T_CHECK(source.source.facts.accepts_offset);
    T_EQ_STR(source.source.facts.etag, "\"x\"");
    T_EQ_STR(source.source.facts.last_modified, "Sat, 21 Nov 2026 10:00:00 GMT");
    T_CHECK(ferry_source_is_authenticated(&source.source));
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(n, 10);
    T_EQ_INT(fake.n_closed, 1);
}

static const struct {
    ferry_err err;
    uint32_t value, limit;
    const char *detail;
    struct answer answer;
} heads[] = {
    {FERRY_ERR_NET_STATUS, 404, 0, "Not Found", {.lines = {"HTTP/1.1 404 Not Found"}}},
    {FERRY_ERR_NET_STATUS, 500, 0, "", {.lines = {"HTTP/1.0 500"}}},
    {FERRY_ERR_NET_STATUS, 204, 0, "No Content", {.lines = {"HTTP/1.1 204 No Content"}}},
    {FERRY_ERR_NET_STATUS, 304, 0, "Not Modified", {.lines = {"HTTP/1.1 304 Not Modified"}}},
    {FERRY_ERR_NET_STATUS, 404, 0, "", {.lines = {"HTTP/1.1 404 \033[2Jgone"}}},
    {FERRY_ERR_NET_STATUS,
     404,
     0,
     "Not Found",
     {.lines = {"HTTP/1.1 404 Not Found", "Content-Type: text/html"}}},
    {FERRY_ERR_NET_TYPE,
     0,
     0,
     "content type Text/HTML; charset=utf-8",
     {.lines = {"HTTP/1.1 200 OK", "Content-Type: Text/HTML; charset=utf-8"}}},
    {FERRY_ERR_NET_PROTOCOL,
     0,
     0,
     "content is encoded as gzip",
     {.lines = {"HTTP/1.1 200 OK", "Content-Encoding: gzip"}}},
    {FERRY_ERR_NET_PROTOCOL,
     0,
     0,
     "the server contradicts itself in its head",
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 5", "Content-Length: 6"}}},
    {FERRY_ERR_NET_PROTOCOL,
     0,
     0,
     "the server contradicts itself in its head",
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: -5"}}},
    {FERRY_ERR_NET_PROTOCOL,
     206,
     200,
     "the server sent a part of the file without being asked",
     {.lines = {"HTTP/1.1 206 Partial Content", "Content-Range: bytes 0-3/9"}}},
    {FERRY_ERR_NET_LENGTH,
     UINT32_MAX,
     UINT32_MAX,
     "",
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 99999999999"}}},
    {FERRY_ERR_NET_REDIRECT,
     302,
     0,
     "the redirect names no usable address",
     {.lines = {"HTTP/1.1 302 Found"}}},
    {FERRY_ERR_NET_REDIRECT,
     302,
     0,
     "the redirect names no usable address",
     {.lines = {"HTTP/1.1 302 Found", "Location: /a", "Location: /b"}}},
    {FERRY_ERR_NET_REDIRECT,
     301,
     0,
     "not an http or https address: ftp://h/a",
     {.lines = {"HTTP/1.1 301 Moved", "Location: ftp://h/a"}}},
    {FERRY_ERR_NET_REDIRECT,
     307,
     0,
     "not an http or https address: file:///etc/passwd",
     {.lines = {"HTTP/1.1 307 Moved", "Location: file:///etc/passwd"}}},
    {FERRY_ERR_NET_REDIRECT,
     308,
     0,
     "from https to http: http://h/a",
     {.lines = {"HTTP/1.1 308 Moved", "Location: http://h/a"}}},
    {FERRY_ERR_NET_CONNECT, 0, 0, "words of the library", {.open_err = FERRY_ERR_NET_CONNECT}},
    {FERRY_ERR_NET_TLS, 0, 0, "words of the library", {.open_err = FERRY_ERR_NET_TLS}},
};

static void head_that_is_not_the_file_is_refused(void)
{
    options = (struct ferry_http_options){0};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        T_EQ_INT(ask("https://h/a", &heads[i].answer), heads[i].err);
        T_EQ_INT(source.source.fault.value, heads[i].value);
        T_EQ_INT(source.source.fault.limit, heads[i].limit);
        T_EQ_STR(source.source.detail, heads[i].detail);
        T_EQ_INT(fake.n_closed, heads[i].answer.open_err ? 0 : 1);
        T_CHECK(!source.source.is_open);
    }
}

static const struct {
    ferry_err err;
    size_t n; // bytes delivered before
    uint32_t value, limit, max_bytes;
    struct answer answer;
} bodies[] = {
    {FERRY_OK, 6, 0, 0, 0, {.lines = {"HTTP/1.1 200 OK"}, .body = "012345"}},
    {FERRY_OK, 6, 0, 0, 6, {.lines = {"HTTP/1.1 200 OK"}, .body = "012345"}},
    {FERRY_OK,
     6,
     0,
     0,
     0,
     {.lines = {"HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Content-Length: 2"},
      .body = "012345"}},
    {FERRY_ERR_NET_CLOSED,
     6,
     6,
     9,
     0,
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 9"}, .body = "012345"}},
    {FERRY_ERR_NET_LENGTH,
     4,
     6,
     5,
     0,
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 5"}, .body = "012345"}},
    {FERRY_ERR_NET_LENGTH, 4, 6, 5, 5, {.lines = {"HTTP/1.1 200 OK"}, .body = "012345"}},
    {FERRY_ERR_NET_TIMEOUT,
     6,
     0,
     0,
     0,
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 9"},
      .body = "012345",
      .read_err = FERRY_ERR_NET_TIMEOUT}},
    {FERRY_ERR_NET_CLOSED,
     6,
     6,
     9,
     0,
     {.lines = {"HTTP/1.1 200 OK", "Content-Length: 9"},
      .body = "012345",
      .read_err = FERRY_ERR_NET_CLOSED}},
    {FERRY_ERR_NET_CLOSED,
     6,
     0,
     0,
     0,
     {.lines = {"HTTP/1.1 200 OK"}, .body = "012345", .read_err = FERRY_ERR_NET_CLOSED}},
};

static void body_must_be_as_long_as_announced(void)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        size_t n;
        options = (struct ferry_http_options){.max_bytes = bodies[i].max_bytes};
        T_EQ_INT(ask("https://h/a", &bodies[i].answer), FERRY_OK);
        T_EQ_INT(drain(&n), bodies[i].err);
        T_EQ_INT(n, bodies[i].n);
        T_EQ_INT(source.source.fault.value, bodies[i].value);
        T_EQ_INT(source.source.fault.limit, bodies[i].limit);
        T_EQ_INT(fake.n_closed, 1);
    }
}

static const struct {
    ferry_err err;
    uint32_t value, limit;
    struct answer answer;
} ranges[] = {
    {FERRY_OK,
     0,
     0,
     {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 4-9/10", "Content-Length: 6"},
      .body = "456789"}},
    {FERRY_OK, 0, 0, {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 4-9/*"}, .body = "456789"}},
    {FERRY_ERR_NET_PROTOCOL, 200, 206, {.lines = {"HTTP/1.1 200 OK"}}},
    {FERRY_ERR_NET_PROTOCOL, 0, 4, {.lines = {"HTTP/1.1 206 P"}}},
    {FERRY_ERR_NET_PROTOCOL, 3, 4, {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 3-9/10"}}},
    {FERRY_ERR_NET_PROTOCOL, 0, 4, {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 4-3/10"}}},
    {FERRY_ERR_NET_PROTOCOL, 0, 4, {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 4-10/10"}}},
    {FERRY_ERR_NET_PROTOCOL, 0, 4, {.lines = {"HTTP/1.1 206 P", "Content-Range: lines 4-9/10"}}},
    {FERRY_ERR_NET_LENGTH,
     3,
     10,
     {.lines = {"HTTP/1.1 206 P", "Content-Range: bytes 4-6/10", "Content-Length: 3"}}},
    {FERRY_ERR_NET_STATUS,
     416,
     0,
     {.lines = {"HTTP/1.1 416 Range Not Satisfiable", "Content-Range: bytes */10"}}},
};

static void offset_is_honoured_or_refused(void)
{
    options = (struct ferry_http_options){0};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        size_t n;
        T_EQ_INT(open_at("https://h/a", &ranges[i].answer, 4), ranges[i].err);
        T_EQ_INT(fake.asked[0].off_bytes, 4);
        T_EQ_INT(source.source.fault.value, ranges[i].value);
        T_EQ_INT(source.source.fault.limit, ranges[i].limit);
        if (ranges[i].err)
            continue;
        T_EQ_INT(drain(&n), FERRY_OK);
        T_EQ_INT(n, 6);
        T_EQ_INT(source.source.at_bytes, 10);
    }
}

static void set_all_secrets(void)
{
    static const char *const headers[] = {"X-Token: t"};
    options = (struct ferry_http_options){
        .user = "u", .headers = headers, .n_headers = 1, .cert_file = "cert.pem"};
}

/* Was request i sent to url, with or without everything that is secret? */
static void check_asked(unsigned i, const char *url, bool with_secrets)
{
    T_EQ_STR(fake.asked[i].url, url);
    T_EQ_INT(fake.asked[i].with_user, with_secrets);
    T_EQ_INT(fake.asked[i].with_headers, with_secrets);
    T_EQ_INT(fake.asked[i].with_cert, with_secrets);
}

static void secrets_go_to_the_same_origin_only(void)
{
    const struct answer answers[] = {
        {.lines = {"HTTP/1.1 302 Found", "Location: b?c"}},
        {.lines = {"HTTP/1.1 301 Moved", "Location: https://h:444/x"}},
        {.lines = {"HTTP/1.1 303 Other", "Location: //evil/x"}},
        {.lines = {"HTTP/1.1 307 Temporary", "Location: https://H:443/d"}},
        {.lines = {"HTTP/1.1 200 OK"}},
    };
    set_all_secrets();
    T_EQ_INT(ask("https://h/a/a", answers), FERRY_OK);
    T_EQ_INT(fake.n_asked, 5);
    T_EQ_INT(fake.n_closed, 4);
    check_asked(0, "https://h/a/a", true);
    check_asked(1, "https://h/a/b?c", true);
    check_asked(2, "https://h:444/x", false);
    check_asked(3, "https://evil/x", false);
    check_asked(4, "https://H:443/d", true);
    T_EQ_STR(source.url, "https://H:443/d");
}

static void secrets_of_a_manifest_stay_with_its_origin(void)
{
    const struct answer answers[] = {{.lines = {"HTTP/1.1 200 OK"}}};
    set_all_secrets();
    options.secrets_for = "https://h/m.json";
    T_EQ_INT(ask("https://elsewhere/a", answers), FERRY_OK);
    check_asked(0, "https://elsewhere/a", false);
    T_EQ_INT(ask("https://h/a", answers), FERRY_OK);
    check_asked(0, "https://h/a", true);
    options.secrets_for = "folder/m.json"; // the user's own file names the host
    T_EQ_INT(ask("https://elsewhere/a", answers), FERRY_OK);
    check_asked(0, "https://elsewhere/a", true);
    options.secrets_for = "https://odd host/m.json";
    T_EQ_INT(ask("https://h/a", answers), FERRY_ERR_NET_URL);
}

static void five_redirects_are_followed_and_not_six(void)
{
    const struct answer on = {.lines = {"HTTP/1.1 302 Found", "Location: /a"}};
    const struct answer five[] = {on, on, on, on, on, {.lines = {"HTTP/1.1 200 OK"}}};
    const struct answer six[] = {on, on, on, on, on, on, {.lines = {"HTTP/1.1 200 OK"}}};
    options = (struct ferry_http_options){0};
    T_EQ_INT(ask("https://h/a", five), FERRY_OK);
    T_EQ_INT(ask("https://h/a", six), FERRY_ERR_NET_REDIRECT);
    T_EQ_INT(source.source.fault.value, 6);
    T_EQ_INT(source.source.fault.limit, 5);
    T_EQ_INT(fake.n_asked, 6);
    T_EQ_INT(fake.n_closed, 6);
}

static void plain_http_needs_permission(void)
{
    const struct answer answers[] = {{.lines = {"HTTP/1.1 302 Found", "Location: https://h/a"}},
                                     {.lines = {"HTTP/1.1 200 OK"}}};
    options = (struct ferry_http_options){0};
    T_EQ_INT(ask("http://h/a", answers), FERRY_ERR_NET_INSECURE);
    T_EQ_INT(fake.n_asked, 0);
    options.allow_plain_http = true;
    T_EQ_INT(ask("http://h/a", answers), FERRY_OK);
    // What began in the open could have been sent anywhere: https at its end proves nothing.
    T_CHECK(!ferry_source_is_authenticated(&source.source));
}

static void what_cannot_be_sent_is_refused_before_asking(void)
{
    static const char *const bad[] = {"X", "X: a\r\nY: b", ": a",   "X y: a", "X: a\nY: b",
                                      "",  "X(): a",       "X\t: a"};
    const struct answer answers[] = {{.lines = {"HTTP/1.1 200 OK"}}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options = (struct ferry_http_options){.headers = &bad[i], .n_headers = 1};
        T_EQ_INT(ask("https://h/a", answers), FERRY_ERR_ARG);
    }
    options = (struct ferry_http_options){.user = "a:b"};
    T_EQ_INT(ask("https://h/a", answers), FERRY_ERR_ARG);
    options = (struct ferry_http_options){.key_file = "k.pem"};
    T_EQ_INT(ask("https://h/a", answers), FERRY_ERR_ARG);
    options = (struct ferry_http_options){0};
    T_EQ_INT(ask("ftp://h/a", answers), FERRY_ERR_NET_URL);
    T_EQ_INT(ask("https://user:pw@h/a", answers), FERRY_ERR_NET_URL);
    T_EQ_INT(fake.n_asked, 0);
}

static void malformed_head_line_is_refused(void)
{
    static const char *const bad[] = {"HTTP/1.1",      "HTTP/1.1 20",    "HTTP/1.1 2x0 OK",
                                      "HTTP/1.1 2000", "HTTP/1.1 099 x", "no colon",
                                      ": empty name"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ferry_http_head head;
        ferry_http_head_begin(&head);
        T_EQ_INT(ferry_http_head_line(&head, "HTTP/1.1 200 OK", 15), FERRY_OK);
        T_EQ_INT(ferry_http_head_line(&head, bad[i], strlen(bad[i])), FERRY_ERR_NET_PROTOCOL);
    }
}

static void source_keeps_its_order_of_calls(void)
{
    const struct answer answers[] = {{.lines = {"HTTP/1.1 200 OK"}, .body = "x"}};
    char c;
    size_t got;
    options = (struct ferry_http_options){0};
    T_EQ_INT(ask("https://h/a", answers), FERRY_OK);
    T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_ERR_STATE);
    T_EQ_INT(ferry_source_read(&source.source, &c, 0, &got), FERRY_ERR_ARG);
    ferry_source_close(&source.source);
    ferry_source_close(&source.source);
    T_EQ_INT(fake.n_closed, 1);
    T_EQ_INT(ferry_source_read(&source.source, &c, 1, &got), FERRY_ERR_STATE);
}

int main(void)
{
    T_RUN(plain_answer_is_delivered_with_its_facts);
    T_RUN(head_that_is_not_the_file_is_refused);
    T_RUN(body_must_be_as_long_as_announced);
    T_RUN(offset_is_honoured_or_refused);
    T_RUN(secrets_go_to_the_same_origin_only);
    T_RUN(secrets_of_a_manifest_stay_with_its_origin);
    T_RUN(five_redirects_are_followed_and_not_six);
    T_RUN(plain_http_needs_permission);
    T_RUN(what_cannot_be_sent_is_refused_before_asking);
    T_RUN(malformed_head_line_is_refused);
    T_RUN(source_keeps_its_order_of_calls);
    return t_end();
}
