/* cli/serve_http.c - the http half of `ferry serve`.
 * A thread for each connection, because an answer may be slowed down on purpose. Paths are decoded
 * here, not by the library: it would turn %00 into an end. Semantics: RFC 9110. */
#include "serve_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "http_gate.h"
#include "http_range.h"
#include "serve_pages.h"
#include "serve_path.h"

#define CONNECTIONS_MOST 64u
#define IDLE_LIMIT_S     30u
#define PIECE_BYTES      65536u

/** One request, from its head to the last byte of its answer. */
struct request {
    struct serve_http *http;
    struct MHD_Connection *connection;
    char method[16], target[SERVE_PATH_BYTES], client[SERVE_ADDRESS_BYTES];
    char path[SERVE_PATH_BYTES]; // decoded
    bool is_head;
    bool is_checked; // the head was looked at
    unsigned status; // 0: not answered yet
    uint64_t first, sent, length;
    int fd; // of the file that is sent
    int64_t began_ms;
};

static const char *field(const struct request *r, const char *name)
{
    return r->http->lib.lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static void add(const struct request *r, struct MHD_Response *response, const char *name,
                const char *value)
{
    // Out of memory: the answer lacks a field that a client can do without.
    (void)r->http->lib.add_response_header(response, name, value);
}

static enum MHD_Result send_response(struct request *r, unsigned status,
                                     struct MHD_Response *response)
{
    if (!response)
        return MHD_NO;
    add(r, response, "Server", "ferry/" FERRY_VERSION);
    add(r, response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        add(r, response, "Allow", "GET, HEAD");
    r->status = status;
    const enum MHD_Result done = r->http->lib.queue_response(r->connection, status, response);
    r->http->lib.destroy_response(response);
    return done;
}

/** An answer from memory; text is copied. */
static struct MHD_Response *text_response(struct request *r, const char *type, const char *text,
                                          size_t n)
{
    struct MHD_Response *response =
        r->http->lib.create_response_from_buffer(n, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response) {
        add(r, response, "Content-Type", type);
        add(r, response, "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'");
        add(r, response, "Cache-Control", "no-store");
    }
    r->length = n;
    r->sent = r->is_head ? 0 : n;
    return response;
}

static enum MHD_Result refuse(struct request *r, unsigned status, const char *words)
{
    struct MHD_Response *response =
        text_response(r, "text/plain; charset=utf-8", words, strlen(words));
    // What was not understood may be followed by anything.
    if (response && (status == MHD_HTTP_BAD_REQUEST || status == MHD_HTTP_CONTENT_TOO_LARGE))
        add(r, response, "Connection", "close");
    return send_response(r, status, response);
}

static enum MHD_Result not_found(struct request *r)
{
    return refuse(r, MHD_HTTP_NOT_FOUND, "there is no such file here\n");
}

/** The library asks for the next bytes of the part. */
static ssize_t read_part(void *cls, uint64_t pos, char *buf, size_t most)
{
    struct request *r = cls;
    const size_t n = serve_pace(r->http->serve, pos, r->began_ms, most);
    const ssize_t got = n ? pread(r->fd, buf, n, (off_t)(r->first + pos)) : -1;
    if (got <= 0) // cut on purpose, or somebody has cut the file
        return MHD_CONTENT_READER_END_WITH_ERROR;
    r->sent = pos + (uint64_t)got;
    return got;
}

/** What tells this version of the file from another, and its date. */
static void validators(const struct stat *st, char etag[64], char date[40])
{
    struct tm tm;
    snprintf(etag, 64, "\"%llx-%llx-%llx%08lx\"", (unsigned long long)st->st_ino,
             (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
             (unsigned long)st->st_mtim.tv_nsec);
    // In any locale: the program never sets LC_TIME.
    strftime(date, 40, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&st->st_mtime, &tm));
}

static const char *type_of(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && !strcmp(dot, ".json")  ? "application/json"
           : dot && !strcmp(dot, ".txt") ? "text/plain; charset=utf-8"
                                         : "application/octet-stream";
}

static enum MHD_Result refuse_range(struct request *r)
{
    char range[48];
    snprintf(range, sizeof(range), "bytes */%llu", (unsigned long long)r->length);
    struct MHD_Response *response = text_response(r, "text/plain; charset=utf-8", "", 0);
    if (response)
        add(r, response, "Content-Range", range);
    return send_response(r, MHD_HTTP_RANGE_NOT_SATISFIABLE, response);
}

/** Sends the file, or the part that is asked for. r->fd is the caller's to close if this fails, and
 * is closed when the request ends. */
static enum MHD_Result send_file(struct request *r, const struct stat *st)
{
    char etag[64], date[40], range[80];
    uint64_t last = 0;
    enum http_part part = HTTP_WHOLE;
    validators(st, etag, date);
    r->length = (uint64_t)st->st_size;
    const bool is_known = http_none_match(field(r, "If-None-Match"), etag);
    if (!is_known && !r->is_head && http_if_range(field(r, "If-Range"), etag, date))
        part = http_range(field(r, "Range"), r->length, &r->first, &last);
    if (part == HTTP_OUTSIDE)
        return refuse_range(r);
    const uint64_t n = part == HTTP_PART ? last - r->first + 1 : r->length;
    struct MHD_Response *response =
        is_known ? r->http->lib.create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                 : r->http->lib.create_response_from_callback(n, PIECE_BYTES, read_part, r, NULL);
    if (!response)
        return MHD_NO;
    add(r, response, "ETag", etag);
    add(r, response, "Last-Modified", date);
    add(r, response, "Cache-Control", "no-cache");
    if (is_known)
        return send_response(r, MHD_HTTP_NOT_MODIFIED, response);
    add(r, response, "Accept-Ranges", "bytes");
    add(r, response, "Content-Type", type_of(r->path));
    if (part != HTTP_PART)
        return send_response(r, MHD_HTTP_OK, response);
    snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)r->first,
             (unsigned long long)last, (unsigned long long)r->length);
    add(r, response, "Content-Range", range);
    return send_response(r, MHD_HTTP_PARTIAL_CONTENT, response);
}

static enum MHD_Result send_text(struct request *r, const char *type, struct ferry_strbuf *text)
{
    const enum MHD_Result done =
        send_response(r, MHD_HTTP_OK, text_response(r, type, text->text, text->n));
    ferry_strbuf_free(text);
    return done;
}

static enum MHD_Result send_list(struct request *r)
{
    struct ferry_strbuf text = {0};
    const char *const accept = field(r, "Accept");
    const bool is_json =
        strstr(r->target, "?json") || (accept && strstr(accept, "application/json"));
    if (serve_list(r->fd, r->http->serve->root, r->path, is_json, &text))
        return send_text(r, is_json ? "application/json" : "text/html; charset=utf-8", &text);
    ferry_strbuf_free(&text);
    return not_found(r);
}

/** A folder without its slash: names in its list would lead astray. */
static enum MHD_Result send_to_slash(struct request *r)
{
    char to[SERVE_PATH_BYTES + 1];
    const size_t n = strcspn(r->target, "?");
    snprintf(to, sizeof(to), "%.*s/", (int)n, r->target);
    struct MHD_Response *response = text_response(r, "text/plain", "", 0);
    if (response)
        add(r, response, "Location", to);
    return send_response(r, MHD_HTTP_MOVED_PERMANENTLY, response);
}

/** NAME.json where there is no such file: the manifest of NAME, or of NAME.bin. */
static enum MHD_Result send_manifest(struct request *r)
{
    static const char *const ends[] = {"", ".bin"};
    struct serve *s = r->http->serve;
    const size_t n = strlen(r->path);
    if (n < 6 || strcmp(r->path + n - 5, ".json") != 0)
        return not_found(r);
    for (size_t i = 0; i < 2; i++) {
        char path[SERVE_PATH_BYTES + 8];
        struct ferry_strbuf text = {0};
        struct stat st;
        snprintf(path, sizeof(path), "%.*s%s", (int)(n - 5), r->path, ends[i]);
        const int fd = serve_path_open(s->root_fd, s->root, path, &st);
        const char *const slash = strrchr(path, '/');
        const bool is_made =
            fd >= 0 && S_ISREG(st.st_mode) && serve_manifest(fd, slash ? slash + 1 : path, &text);
        if (fd >= 0)
            close(fd);
        if (is_made)
            return send_text(r, "application/json", &text);
        ferry_strbuf_free(&text);
    }
    return refuse(r, MHD_HTTP_NOT_FOUND,
                  "there is no such file here, nor an application image of that name\n");
}

static enum MHD_Result answer(struct request *r)
{
    struct serve *s = r->http->serve;
    struct stat st;
    char raw[SERVE_PATH_BYTES];
    snprintf(raw, sizeof(raw), "%.*s", (int)strcspn(r->target, "?"), r->target);
    if (!serve_path_decode(raw, r->path))
        return not_found(r);
    r->began_ms = serve_now_ms();
    r->fd = serve_path_open(s->root_fd, s->root, r->path, &st);
    if (r->fd < 0)
        return send_manifest(r);
    const size_t n = strlen(r->path);
    const bool has_slash = n == 0 || r->path[n - 1] == '/';
    if (S_ISREG(st.st_mode))
        return has_slash ? not_found(r) : send_file(r, &st);
    return has_slash ? send_list(r) : send_to_slash(r);
}

static enum MHD_Result see_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t n_name, const char *value, size_t n_value)
{
    (void)kind;
    http_gate_field(cls, name, n_name, value ? value : "", value ? n_value : 0);
    return MHD_YES;
}

/** A head has come: what is no plain request for a file ends here. The answer to the others waits
 * for the end of the request, because the library closes the line after an early one. */
static enum MHD_Result begin(struct request *r)
{
    struct http_gate gate = {0};
    r->http->lib.get_connection_values_n(r->connection, MHD_HEADER_KIND, see_field, &gate);
    if (gate.is_refused || !http_gate_target(r->target))
        return refuse(r, MHD_HTTP_BAD_REQUEST, "this request can be read in two ways\n");
    if (strlen(r->target) + 1 >= sizeof(r->target))
        return refuse(r, MHD_HTTP_URI_TOO_LONG, "this path is too long\n");
    if (strcmp(r->method, "GET") != 0 && !r->is_head)
        return refuse(r, MHD_HTTP_METHOD_NOT_ALLOWED, "files are read here, and nothing else\n");
    if (gate.has_body)
        return refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "a request for a file has no body\n");
    return MHD_YES;
}

/** The raw target, which the library hands over before it looks into it: the request is made here.
 */
static void *take_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct request *r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->http = cls;
    r->connection = connection;
    r->fd = -1;
    snprintf(r->target, sizeof(r->target), "%s", target);
    return r;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_bytes, void **req)
{
    struct request *r = *req;
    struct serve_http *h = cls;
    (void)url, (void)version, (void)upload;
    if (!r)
        return MHD_NO;
    if (r->is_checked) {
        *upload_bytes = 0;
        return r->status ? MHD_YES : answer(r);
    }
    const union MHD_ConnectionInfo *info =
        h->lib.get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info)
        serve_address(info->client_addr, r->client);
    snprintf(r->method, sizeof(r->method), "%s", method);
    r->is_head = !strcmp(method, "HEAD");
    r->is_checked = true;
    return begin(r);
}

static void end_request(void *cls, struct MHD_Connection *connection, void **req,
                        enum MHD_RequestTerminationCode code)
{
    struct request *r = *req;
    struct serve_http *h = cls;
    (void)connection, (void)code;
    if (!r)
        return;
    const struct serve_event event = {.client = r->client,
                                      .method = r->method,
                                      .path = r->target,
                                      .status = r->status,
                                      .first_bytes = r->first,
                                      .n_bytes = r->sent,
                                      .length_bytes = r->length};
    if (r->status)
        serve_log(h->serve, &event);
    if (r->fd >= 0)
        close(r->fd);
    free(r);
    *req = NULL;
}

/** Leaves %-escapes alone; serve_path.c reads them. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls, (void)connection;
    return strlen(text);
}

bool serve_http_start(struct serve_http *h, int listen_fd)
{
    h->daemon = h->lib.start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL |
            MHD_USE_ITC,
        0, NULL, NULL, handle, h, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
        take_target, h, MHD_OPTION_NOTIFY_COMPLETED, end_request, h, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MOST,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_LIMIT_S, MHD_OPTION_END);
    return h->daemon != NULL;
}

void serve_http_stop(struct serve_http *h)
{
    if (h->daemon)
        h->lib.stop_daemon(h->daemon);
    h->daemon = NULL;
}
