/* ports/posix/http_curl.c - the HTTP transport over libcurl.
 * The multi interface, driven by whoever pulls: each wait is short, so that cancelling is noticed,
 * and a full buffer pauses the transfer instead of growing. Time limits other than connecting are
 * counted here: libcurl's low-speed limit also counts the time the reader spends on its flash. */
#include "http_curl.h"

#include <string.h>
#include <time.h>

#include "agent/text.h"

#define HEAD_MAX_BYTES 65536u // of all head lines of one exchange

static struct ferry_http_curl *as_curl(struct ferry_http *h)
{
    return (struct ferry_http_curl *)(void *)h;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The words for a result: what libcurl wrote for this exchange, else its general text. */
static ferry_err fail(struct ferry_http_curl *c, ferry_err err, const char *words)
{
    c->http.detail[0] = '\0';
    ferry_text_add(c->http.detail, sizeof c->http.detail, words);
    return err;
}

static ferry_err fail_timeout(struct ferry_http_curl *c)
{
    c->http.detail[0] = '\0';
    ferry_text_add(c->http.detail, sizeof c->http.detail, "no byte for ");
    ferry_text_add_number(c->http.detail, sizeof c->http.detail, c->stall_timeout_ms);
    ferry_text_add(c->http.detail, sizeof c->http.detail, " ms");
    return FERRY_ERR_NET_TIMEOUT;
}

/* In TLS 1.3 the server's verdict on the client's certificate comes after the handshake: as an
 * alert with the first read, which only libcurl's words tell from a lost connection, or, where the
 * request runs into the closed connection first, as nothing but a failed write. */
static bool ended_by_tls(const struct ferry_http_curl *c)
{
    return c->is_https && (strstr(c->words, "alert") || c->n_head_bytes == 0);
}

static ferry_err err_of(const struct ferry_http_curl *c, CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return FERRY_OK;
    case CURLE_URL_MALFORMAT:
        return FERRY_ERR_NET_URL;
    case CURLE_OUT_OF_MEMORY:
        return FERRY_ERR_NO_MEMORY;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PROXY:
    case CURLE_OPERATION_TIMEDOUT: // the only limit libcurl is given is the one for connecting
        return FERRY_ERR_NET_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CLIENTCERT:
        return FERRY_ERR_NET_TLS;
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        if (!c->is_connected) // a proxy refused the tunnel
            return FERRY_ERR_NET_CONNECT;
        return ended_by_tls(c) ? FERRY_ERR_NET_TLS : FERRY_ERR_NET_CLOSED;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return FERRY_ERR_NET_CLOSED;
    default:
        return FERRY_ERR_NET_PROTOCOL;
    }
}

static ferry_err fail_code(struct ferry_http_curl *c, CURLcode code)
{
    const ferry_err err =
        fail(c, err_of(c, code), c->words[0] ? c->words : c->lib.easy_strerror(code));
    if (err == FERRY_ERR_NET_TLS && c->is_connected && !strstr(c->words, "alert"))
        ferry_text_add(c->http.detail, sizeof c->http.detail,
                       " right after the handshake: the server may want a client certificate");
    return err;
}

/* One line of a head. Returning 0 makes libcurl give the exchange up. */
static size_t on_head_line(char *line, size_t size, size_t n, void *ctx)
{
    struct ferry_http_curl *c = ctx;
    const size_t n_line = size * n;
    c->heard_ms = now_ms();
    if (!c->head) // a trailer behind the body
        return n_line;
    c->n_head_bytes += n_line;
    size_t n_text = n_line;
    while (n_text && (line[n_text - 1] == '\n' || line[n_text - 1] == '\r'))
        n_text--;
    if (n_text == 0) {
        if (c->head->status >= 200) // 1xx heads announce another head
            c->head = NULL;
        return n_line;
    }
    c->refused = c->n_head_bytes > HEAD_MAX_BYTES ? FERRY_ERR_NET_PROTOCOL
                                                  : ferry_http_head_line(c->head, line, n_text);
    return c->refused ? 0 : n_line;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
    struct ferry_http_curl *c = ctx;
    const size_t n_data = size * n;
    if (c->n) {
        c->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    c->heard_ms = now_ms();
    memcpy(c->buffer, data, n_data); // at most CURL_MAX_WRITE_SIZE, by libcurl's promise
    c->at = 0;
    c->n = n_data;
    return n_data;
}

static void close_curl(struct ferry_http *h)
{
    struct ferry_http_curl *c = as_curl(h);
    if (!c->multi && !c->easy && !c->headers) // not loaded, or closed before
        return;
    if (c->multi && c->easy)
        c->lib.multi_remove_handle(c->multi, c->easy);
    c->lib.easy_cleanup(c->easy);
    c->lib.slist_free_all(c->headers);
    c->easy = NULL;
    c->headers = NULL;
    if (c->keeps_connection) // it belongs to the multi handle
        return;
    c->lib.multi_cleanup(c->multi);
    c->multi = NULL;
}

void ferry_http_curl_end(struct ferry_http_curl *c)
{
    c->keeps_connection = false;
    close_curl(&c->http);
}

static bool add_header(struct ferry_http_curl *c, const char *header)
{
    struct curl_slist *longer = c->lib.slist_append(c->headers, header);
    if (longer)
        c->headers = longer;
    return longer != NULL;
}

static bool add_headers(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    for (size_t i = 0; i < req->n_headers; i++)
        if (!add_header(c, req->headers[i]))
            return false;
    if (!req->if_range)
        return true;
    char if_range[16 + FERRY_HTTP_VALUE_BYTES] = "If-Range: ";
    ferry_text_add(if_range, sizeof if_range, req->if_range);
    return add_header(c, if_range);
}

static CURLcode set_numbers(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        {CURLOPT_FOLLOWLOCATION, 0},
        // One body at a time needs no HTTP/2, whose flow control would buffer megabytes of a paused
        // one.
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_HTTPAUTH, CURLAUTH_BASIC},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_QUICK_EXIT, 1}, // a cancelled name look-up is not waited for
        {CURLOPT_CONNECTTIMEOUT_MS, (long)req->connect_timeout_ms},
        {CURLOPT_SSL_VERIFYPEER, req->is_unverified ? 0 : 1},
        {CURLOPT_SSL_VERIFYHOST, req->is_unverified ? 0 : 2},
        {CURLOPT_BUFFERSIZE, CURL_MAX_WRITE_SIZE},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; !code && i < sizeof numbers / sizeof *numbers; i++)
        code = c->lib.easy_setopt(c->easy, numbers[i].option, numbers[i].value);
    return code;
}

/* libcurl keeps copies. */
static CURLcode set_texts(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    char range[16] = "";
    ferry_text_add_number(range, sizeof range, req->off_bytes);
    ferry_text_add(range, sizeof range, "-");
    const struct {
        CURLoption option;
        const char *value; // NULL: not set
    } texts[] = {
        {CURLOPT_URL, req->url},
        {CURLOPT_PROTOCOLS_STR, "http,https"},
        {CURLOPT_USERAGENT, "ferry/" FERRY_VERSION},
        // Not CURLOPT_RESUME_FROM: libcurl would judge the answer in its own words.
        {CURLOPT_RANGE, req->off_bytes ? range : NULL},
        {CURLOPT_CAINFO, req->ca_file},
        {CURLOPT_SSLCERT, req->cert_file},
        {CURLOPT_SSLKEY, req->key_file},
        {CURLOPT_USERNAME, req->user},
        {CURLOPT_PASSWORD, req->password},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; !code && i < sizeof texts / sizeof *texts; i++)
        if (texts[i].value)
            code = c->lib.easy_setopt(c->easy, texts[i].option, texts[i].value);
    if (!code && req->ca_file) // instead of the system's, not beside them
        code = c->lib.easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
    return code;
}

/* What comes from memory. libcurl keeps copies of these, too. */
static CURLcode set_blobs(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    const struct {
        CURLoption option;
        const void *data;
        size_t n;
    } blobs[] = {
        {CURLOPT_CAINFO_BLOB, req->ca_pem, req->ca_pem ? strlen(req->ca_pem) : 0},
        {CURLOPT_SSLCERT_BLOB, req->cert_pem, req->cert_pem ? strlen(req->cert_pem) : 0},
        {CURLOPT_SSLKEY_BLOB, req->key_der, req->key_der_bytes},
    };
    CURLcode code = CURLE_OK;
    for (size_t i = 0; !code && i < sizeof blobs / sizeof *blobs; i++) {
        struct curl_blob blob = {.len = blobs[i].n, .flags = CURL_BLOB_COPY};
        memcpy(&blob.data, &blobs[i].data, sizeof blob.data); // libcurl's type has no const
        if (blobs[i].data)
            code = c->lib.easy_setopt(c->easy, blobs[i].option, &blob);
    }
    if (!code && req->key_der)
        code = c->lib.easy_setopt(c->easy, CURLOPT_SSLKEYTYPE, "DER");
    if (!code && req->ca_pem) // instead of the system's, not beside them
        code = c->lib.easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
    if (!code && req->ca_pem)
        code = c->lib.easy_setopt(c->easy, CURLOPT_CAINFO, NULL);
    return code;
}

static CURLcode set_body(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    if (!req->body)
        return CURLE_OK;
    CURLcode code =
        c->lib.easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)req->body_bytes);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, req->body);
    return code;
}

static CURLcode set_callbacks(struct ferry_http_curl *c)
{
    CURLcode code = c->lib.easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->words);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head_line);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
    return code;
}

/* From here on silence is a stall and no longer libcurl's connect limit. */
static void note_connected(struct ferry_http_curl *c)
{
    const CURLINFO when = c->is_https ? CURLINFO_APPCONNECT_TIME_T : CURLINFO_CONNECT_TIME_T;
    curl_off_t us = 0;
    if (c->is_connected || c->lib.easy_getinfo(c->easy, when, &us) || us <= 0)
        return;
    c->is_connected = true;
    c->heard_ms = now_ms();
}

/* Lets libcurl work once, without waiting. */
static ferry_err perform(struct ferry_http_curl *c)
{
    int n_running = 0;
    int n_left = 0;
    if (c->lib.multi_perform(c->multi, &n_running))
        return fail(c, FERRY_ERR_NO_MEMORY, "libcurl cannot go on");
    const CURLMsg *msg;
    while ((msg = c->lib.multi_info_read(c->multi, &n_left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        c->is_done = true;
        c->result = msg->data.result;
    }
    note_connected(c);
    return FERRY_OK;
}

/* Works until something is there: the end of the head if it is awaited, else body bytes, else the
 * end of the exchange. */
static ferry_err work(struct ferry_http_curl *c)
{
    const bool awaits_head = c->head != NULL;
    for (;;) {
        const ferry_err err = perform(c);
        if (err)
            return err;
        if (c->refused)
            return fail(c, c->refused, "the head of the response is malformed or endless");
        if (c->n || c->is_done || (awaits_head && !c->head))
            return FERRY_OK;
        if (ferry_cancel_asked(c->cancel))
            return fail(c, FERRY_ERR_CANCELLED, "");
        if (c->is_connected && now_ms() - c->heard_ms >= c->stall_timeout_ms)
            return fail_timeout(c);
        if (c->lib.multi_poll(c->multi, NULL, 0, (int)FERRY_CANCEL_POLL_MS / 2, NULL))
            return fail(c, FERRY_ERR_NO_MEMORY, "libcurl cannot wait");
    }
}

static ferry_err begin(struct ferry_http_curl *c, const struct ferry_http_request *req)
{
    const ferry_err loaded = ferry_curl_library_load(&c->lib, c->words, sizeof c->words);
    if (loaded)
        return fail(c, loaded, c->words);
    c->easy = c->lib.easy_init();
    if (!c->multi)
        c->multi = c->lib.multi_init();
    if (!c->easy || !c->multi || !add_headers(c, req))
        return fail(c, FERRY_ERR_NO_MEMORY, "");
    CURLcode code = set_callbacks(c);
    if (!code)
        code = set_numbers(c, req);
    if (!code)
        code = set_texts(c, req);
    if (!code)
        code = set_blobs(c, req);
    if (!code)
        code = set_body(c, req);
    if (code)
        return fail_code(c, code);
    if (c->lib.multi_add_handle(c->multi, c->easy))
        return fail(c, FERRY_ERR_NO_MEMORY, "");
    const ferry_err err = work(c);
    if (err)
        return err;
    if (!c->head) // what goes wrong with the body, its reader hears
        return FERRY_OK;
    return c->result ? fail_code(c, c->result)
                     : fail(c, FERRY_ERR_NET_PROTOCOL, "the response has no head");
}

static ferry_err open_curl(struct ferry_http *h, const struct ferry_http_request *req,
                           struct ferry_http_head *head)
{
    struct ferry_http_curl *c = as_curl(h);
    CURLM *const kept = c->keeps_connection ? c->multi : NULL;
    const bool keeps = c->keeps_connection;
    ferry_http_curl_init(c);
    c->keeps_connection = keeps;
    c->multi = kept;
    ferry_http_head_begin(head);
    c->head = head;
    c->is_https = ferry_text_has_prefix(req->url, "https:");
    c->cancel = req->cancel;
    c->stall_timeout_ms = req->stall_timeout_ms;
    const ferry_err err = begin(c, req);
    if (err)
        close_curl(h);
    return err;
}

static ferry_err read_curl(struct ferry_http *h, void *dst, size_t n, size_t *got)
{
    struct ferry_http_curl *c = as_curl(h);
    if (!c->n && c->is_paused) {
        c->is_paused = false;
        const CURLcode code = c->lib.easy_pause(c->easy, CURLPAUSE_CONT);
        if (code)
            return fail_code(c, code);
    }
    if (!c->n && !c->is_done) {
        c->heard_ms = now_ms(); // the reader's own time since the last read is not the server's
        const ferry_err err = work(c);
        if (err)
            return err;
    }
    if (!c->n && c->result)
        return fail_code(c, c->result);
    const size_t take = n < c->n ? n : c->n;
    memcpy(dst, c->buffer + c->at, take);
    c->at += take;
    c->n -= take;
    *got = take;
    return FERRY_OK;
}

void ferry_http_curl_init(struct ferry_http_curl *c)
{
    static const struct ferry_http_ops ops = {open_curl, read_curl, close_curl};
    memset(c, 0, sizeof *c);
    c->http.ops = &ops;
}
