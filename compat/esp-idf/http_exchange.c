/* compat/esp-idf/http_exchange.c - one request and its response over libcurl's multi interface,
 * pulled by the reader: a full buffer pauses the transfer. The handles outlive an exchange, so that
 * a connection can be used again. */
#include "http_client_private.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "esp_log.h"

#define HEAD_MOST_BYTES 65536u
#define POLL_MS         50

static const char *TAG = "HTTP_CLIENT";

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- what libcurl hands over ---- */

static void tell_field(struct esp_http_client *c, const char *line, size_t n)
{
    const char *colon = memchr(line, ':', n);
    if (!colon || !c->cfg.event_handler)
        return;
    const char *value = colon + 1;
    const char *end = line + n;
    while (value < end && *value == ' ')
        value++;
    char *key = strndup(line, (size_t)(colon - line));
    char *text = strndup(value, (size_t)(end - value));
    esp_http_client_event_t event = {.event_id = HTTP_EVENT_ON_HEADER,
                                     .client = c,
                                     .user_data = c->cfg.user_data,
                                     .header_key = key,
                                     .header_value = text};
    if (key && text)
        c->cfg.event_handler(&event);
    free(key);
    free(text);
}

static void note_challenge(struct esp_http_client *c, const char *line, size_t n)
{
    static const char digest[] = "WWW-Authenticate: Digest";
    if (n >= sizeof(digest) - 1 && !strncasecmp(line, digest, sizeof(digest) - 1))
        c->asked_digest = true;
}

static void end_of_head(struct esp_http_client *c)
{
    // The first 401 of a digest is libcurl's own affair: it asks again by itself.
    const bool is_challenge =
        c->head.status == 401 && c->auth == HTTP_AUTH_TYPE_DIGEST && !c->was_challenged;
    c->was_challenged |= is_challenge;
    c->has_head = c->head.status >= 200 && !is_challenge;
}

static size_t on_head_line(char *line, size_t size, size_t n_items, void *ctx)
{
    struct esp_http_client *c = ctx;
    const size_t n_line = size * n_items;
    size_t n = n_line;
    c->heard_ms = now_ms();
    if (c->has_head) // a trailer behind the body
        return n_line;
    while (n && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (!n) {
        end_of_head(c);
        return n_line;
    }
    c->n_head_bytes += n_line;
    c->refused = c->n_head_bytes > HEAD_MOST_BYTES ? FERRY_ERR_NET_PROTOCOL
                                                   : ferry_http_head_line(&c->head, line, n);
    if (c->refused)
        return 0;
    note_challenge(c, line, n);
    tell_field(c, line, n);
    return n_line;
}

static size_t on_body(char *data, size_t size, size_t n_items, void *ctx)
{
    struct esp_http_client *c = ctx;
    const size_t n = size * n_items;
    if (c->n) {
        c->is_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    c->has_head = true;
    c->heard_ms = now_ms();
    memcpy(c->buffer, data, n); // at most CURL_MAX_WRITE_SIZE, by libcurl's promise
    c->at = 0;
    c->n = n;
    return n;
}

/* ---- what libcurl is told ---- */

struct number {
    CURLoption option;
    long value;
};

static CURLcode set_numbers(struct esp_http_client *c, const struct number *numbers, size_t n)
{
    CURLcode code = CURLE_OK;
    for (size_t i = 0; !code && i < n; i++)
        code = c->lib.easy_setopt(c->easy, numbers[i].option, numbers[i].value);
    return code;
}

static bool is_first_origin(const struct esp_http_client *c)
{
    struct ferry_url now;
    struct ferry_url first;
    return !ferry_url_split(c->url, &now) && !ferry_url_split(c->first_url, &first) &&
           ferry_url_same_origin(&now, &first);
}

static CURLcode set_behaviour(struct esp_http_client *c)
{
    const long idle = c->cfg.keep_alive_idle ? c->cfg.keep_alive_idle : 5;
    const long interval = c->cfg.keep_alive_interval ? c->cfg.keep_alive_interval : 5;
    const struct number numbers[] = {
        {CURLOPT_FOLLOWLOCATION, 0},
        {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
        {CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
        {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
        {CURLOPT_NOSIGNAL, 1},
        {CURLOPT_QUICK_EXIT, 1},
        {CURLOPT_CONNECTTIMEOUT_MS, c->cfg.timeout_ms},
        {CURLOPT_BUFFERSIZE, CURL_MAX_WRITE_SIZE},
        {CURLOPT_NOBODY, c->cfg.method == HTTP_METHOD_HEAD},
        {CURLOPT_FORBID_REUSE, !c->cfg.keep_alive_enable},
        {CURLOPT_TCP_KEEPALIVE, c->cfg.keep_alive_enable},
        {CURLOPT_TCP_KEEPIDLE, idle},
        {CURLOPT_TCP_KEEPINTVL, interval},
        {CURLOPT_SSL_VERIFYPEER, 1},
        {CURLOPT_SSL_VERIFYHOST, c->cfg.skip_cert_common_name_check ? 0 : 2},
    };
    return set_numbers(c, numbers, sizeof(numbers) / sizeof(*numbers));
}

static CURLcode set_blob(struct esp_http_client *c, CURLoption option, const struct http_text *t)
{
    struct curl_blob blob = {t->bytes, t->n, CURL_BLOB_COPY};
    return t->bytes ? c->lib.easy_setopt(c->easy, option, &blob) : CURLE_OK;
}

/* Whom the server's certificate must come from: the program's own authorities are trusted instead
 * of the system's, not beside them. */
static CURLcode set_authorities(struct esp_http_client *c)
{
    const char *file = getenv("SSL_CERT_FILE");
    struct http_text store = c->cfg.use_global_ca_store ? http_global_store() : c->ca;
    if (c->cfg.crt_bundle_attach) {
        if (!file || !*file)
            return CURLE_OK;
        const CURLcode code = c->lib.easy_setopt(c->easy, CURLOPT_CAINFO, file);
        return code ? code : c->lib.easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
    }
    if (!store.bytes)
        return strncasecmp(c->url, "https:", 6) ? CURLE_OK : CURLE_SSL_CACERT_BADFILE;
    const CURLcode code = set_blob(c, CURLOPT_CAINFO_BLOB, &store);
    return code ? code : c->lib.easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
}

/* What only the server that the program named may get. */
static CURLcode set_secrets(struct esp_http_client *c)
{
    if (!is_first_origin(c))
        return CURLE_OK;
    CURLcode code = set_blob(c, CURLOPT_SSLCERT_BLOB, &c->cert);
    if (!code)
        code = set_blob(c, CURLOPT_SSLKEY_BLOB, &c->key);
    if (!code && c->key_password.bytes)
        code = c->lib.easy_setopt(c->easy, CURLOPT_KEYPASSWD, c->key_password.bytes);
    if (code || c->auth == HTTP_AUTH_TYPE_NONE || !c->user.bytes)
        return code;
    code = c->lib.easy_setopt(
        c->easy, CURLOPT_HTTPAUTH,
        (long)(c->auth == HTTP_AUTH_TYPE_BASIC ? CURLAUTH_BASIC : CURLAUTH_DIGEST));
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_USERNAME, c->user.bytes);
    return code || !c->password.bytes
               ? code
               : c->lib.easy_setopt(c->easy, CURLOPT_PASSWORD, c->password.bytes);
}

static CURLcode set_headers(struct esp_http_client *c)
{
    static const char secret[] = "Authorization";
    const bool is_first = is_first_origin(c);
    for (const struct http_field *f = c->fields; f; f = f->next) {
        const bool is_secret =
            f->n_name == sizeof(secret) - 1 && !strncasecmp(f->line, secret, f->n_name);
        if (is_secret && !is_first)
            continue;
        struct curl_slist *longer = c->lib.slist_append(c->headers, f->line);
        if (!longer)
            return CURLE_OUT_OF_MEMORY;
        c->headers = longer;
    }
    return c->lib.easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
}

static CURLcode set_all(struct esp_http_client *c)
{
    const struct {
        CURLoption option;
        const void *value;
    } pointers[] = {
        {CURLOPT_URL, c->url},
        {CURLOPT_PROTOCOLS_STR, "http,https"},
        {CURLOPT_USERAGENT, c->user_agent.bytes ? c->user_agent.bytes : "ESP32 HTTP Client/1.0"},
        {CURLOPT_ERRORBUFFER, c->words},
        {CURLOPT_HEADERDATA, c},
        {CURLOPT_WRITEDATA, c},
    };
    CURLcode code = c->lib.easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, on_head_line);
    if (!code)
        code = c->lib.easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, on_body);
    for (size_t i = 0; !code && i < sizeof(pointers) / sizeof(*pointers); i++)
        code = c->lib.easy_setopt(c->easy, pointers[i].option, pointers[i].value);
    if (!code)
        code = set_behaviour(c);
    if (!code)
        code = set_authorities(c);
    if (!code)
        code = set_secrets(c);
    return code ? code : set_headers(c);
}

/* ---- the exchange ---- */

/* Connected is who may speak HTTP: behind the TLS handshake. */
static void note_connected(struct esp_http_client *c)
{
    curl_off_t us = 0;
    if (c->is_connected ||
        c->lib.easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &us) != CURLE_OK || us <= 0)
        return;
    c->is_connected = true;
    c->heard_ms = now_ms();
}

static void work_once(struct esp_http_client *c)
{
    int n_running = 0;
    int n_left = 0;
    const CURLMsg *msg;
    if (c->lib.multi_perform(c->multi, &n_running)) {
        c->is_done = true;
        c->result = CURLE_FAILED_INIT;
        return;
    }
    while ((msg = c->lib.multi_info_read(c->multi, &n_left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        c->is_done = true;
        c->result = msg->data.result;
    }
    note_connected(c);
}

enum awaited { CONNECTION, HEAD, BODY };

static bool is_there(const struct esp_http_client *c, enum awaited what)
{
    if (c->is_done || c->n)
        return true;
    return what == CONNECTION ? c->is_connected : what == HEAD && c->has_head;
}

/* False: nothing was heard for timeout_ms. libcurl itself watches over connecting. */
static bool await(struct esp_http_client *c, enum awaited what)
{
    c->heard_ms = now_ms(); // the program's own time since the last call is not the server's
    for (;;) {
        work_once(c);
        if (is_there(c, what))
            return true;
        if (c->is_connected && now_ms() - c->heard_ms >= c->cfg.timeout_ms)
            return false;
        if (c->lib.multi_poll(c->multi, NULL, 0, POLL_MS, NULL)) {
            c->is_done = true;
            c->result = CURLE_FAILED_INIT;
            return true;
        }
    }
}

static void complain(const struct esp_http_client *c, CURLcode code)
{
    ESP_LOGE(TAG, "%s: %s", c->url, c->words[0] ? c->words : c->lib.easy_strerror(code));
}

static esp_err_t fail_to_connect(struct esp_http_client *c, CURLcode code)
{
    complain(c, code);
    http_tell(c, HTTP_EVENT_ERROR, NULL, 0);
    http_exchange_close(c);
    return code == CURLE_OUT_OF_MEMORY ? ESP_ERR_NO_MEM : ESP_ERR_HTTP_CONNECT;
}

esp_err_t http_exchange_open(struct esp_http_client *c)
{
    http_exchange_close(c);
    c->is_connected = c->has_head = c->is_done = c->is_paused = c->asked_digest = false;
    c->result = CURLE_OK;
    c->was_challenged = false;
    c->n_head_bytes = 0;
    c->refused = FERRY_OK;
    c->got_bytes = 0;
    c->at = c->n = 0;
    c->words[0] = '\0';
    ferry_http_head_begin(&c->head);
    c->easy = c->lib.easy_init();
    if (!c->easy)
        return ESP_ERR_NO_MEM;
    CURLcode code = set_all(c);
    if (!code && c->lib.multi_add_handle(c->multi, c->easy))
        code = CURLE_OUT_OF_MEMORY;
    c->is_open = !code;
    if (code)
        return fail_to_connect(c, code);
    await(c, CONNECTION);
    if (c->is_done && !c->is_connected)
        return fail_to_connect(c, c->result);
    http_tell(c, HTTP_EVENT_ON_CONNECTED, NULL, 0);
    http_tell(c, HTTP_EVENT_HEADERS_SENT, NULL, 0);
    return ESP_OK;
}

esp_err_t http_exchange_head(struct esp_http_client *c)
{
    if (!c->is_open)
        return ESP_ERR_HTTP_FETCH_HEADER;
    if (!await(c, HEAD))
        return ESP_ERR_HTTP_EAGAIN;
    // A refused first challenge is the answer, if no second head came.
    if (c->is_done && !c->result && c->head.status >= 200)
        c->has_head = true;
    if (!c->has_head || c->head.is_broken || c->refused) {
        if (c->refused || c->head.is_broken)
            ESP_LOGE(TAG, "%s: the head of the response is malformed or endless", c->url);
        else
            complain(c, c->result);
        http_tell(c, HTTP_EVENT_ERROR, NULL, 0);
        return ESP_ERR_HTTP_FETCH_HEADER;
    }
    http_tell(c, HTTP_EVENT_ON_STATUS_CODE, NULL, 0);
    http_tell(c, HTTP_EVENT_ON_HEADERS_COMPLETE, NULL, 0);
    return ESP_OK;
}

int http_exchange_read(struct esp_http_client *c, char *buffer, int n)
{
    if (!c->is_open || !c->has_head)
        return ESP_FAIL;
    if (!c->n && c->is_paused) {
        c->is_paused = false;
        if (c->lib.easy_pause(c->easy, CURLPAUSE_CONT))
            return ESP_FAIL;
    }
    if (!c->n && !c->is_done && !await(c, BODY))
        return -ESP_ERR_HTTP_EAGAIN;
    if (!c->n && (c->result == CURLE_OK || c->result == CURLE_PARTIAL_FILE))
        return 0; // the connection's end; whether it came too early is another question
    if (!c->n) {
        complain(c, c->result);
        return ESP_FAIL;
    }
    const size_t take = (size_t)n < c->n ? (size_t)n : c->n;
    memcpy(buffer, c->buffer + c->at, take);
    c->at += take;
    c->n -= take;
    c->got_bytes += take;
    http_tell(c, HTTP_EVENT_ON_DATA, buffer, (int)take);
    return (int)take;
}

bool http_exchange_is_complete(struct esp_http_client *c)
{
    if (!c->has_head || c->n)
        return false;
    if (c->head.has_length && !c->head.is_chunked)
        return c->got_bytes == c->head.length_bytes;
    if (c->is_open && !c->is_done && !c->is_paused)
        (void)await(c, BODY);
    return c->head.is_chunked && c->is_done && !c->result && !c->n;
}

void http_exchange_close(struct esp_http_client *c)
{
    const bool was_open = c->is_open;
    if (was_open)
        c->lib.multi_remove_handle(c->multi, c->easy);
    c->is_open = false;
    if (c->easy)
        c->lib.easy_cleanup(c->easy);
    c->easy = NULL;
    c->lib.slist_free_all(c->headers);
    c->headers = NULL;
    if (was_open && c->is_connected)
        http_tell(c, HTTP_EVENT_DISCONNECTED, NULL, 0);
}
