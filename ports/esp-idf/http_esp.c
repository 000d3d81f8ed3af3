/* ports/esp-idf/http_esp.c - the HTTP transport over ESP-IDF's esp_http_client.
 * The client's stream calls: open, fetch_headers, read. Its time limit is set to a short wait once
 * the connection stands, so that cancelling is noticed; silence is counted here in such waits. */
#include "http_esp.h"

#include <string.h>

#include <esp_tls.h>

#include "agent/text.h"
#include "settings_esp.h"

#if FERRY_ESP_BUNDLE
#include <esp_crt_bundle.h>
#include <mbedtls/ssl.h>
#define ATTACH_BUNDLE esp_crt_bundle_attach
#else
#define ATTACH_BUNDLE NULL // then only a CA that is given is trusted
#endif

#define NAME_BYTES    64u
#define TX_BYTES      2048   // holds a request line with the longest address
#define PIECE_BYTES   1024u  // of one read: the client waits until it is full
#define FIRST_MBEDTLS 0x8010 // lower numbers of esp_tls are about names and sockets

static struct ferry_http_esp *as_esp(struct ferry_http *h)
{
    return (struct ferry_http_esp *)(void *)h;
}

static void say(struct ferry_http_esp *h, const char *words)
{
    ferry_text_add(h->http.detail, sizeof h->http.detail, words);
}

static void say_hex(struct ferry_http_esp *h, uint32_t n)
{
    char digits[9] = "";
    for (unsigned shift = 12; shift <= 12; shift -= 4) {
        const char digit[2] = {"0123456789abcdef"[n >> shift & 15u], '\0'};
        ferry_text_add(digits, sizeof digits, digit);
    }
    say(h, digits);
}

static ferry_err fail(struct ferry_http_esp *h, ferry_err err, const char *words)
{
    h->http.detail[0] = '\0';
    say(h, words);
    return err;
}

static ferry_err fail_tls(struct ferry_http_esp *h)
{
    fail(h, FERRY_ERR_NET_TLS, esp_err_to_name(h->tls_err));
    if (h->tls_code) {
        say(h, ", mbedTLS error -0x");
        say_hex(h, (uint32_t)(h->tls_code < 0 ? -h->tls_code : h->tls_code));
    }
    return FERRY_ERR_NET_TLS;
}

static ferry_err fail_timeout(struct ferry_http_esp *h)
{
    fail(h, FERRY_ERR_NET_TIMEOUT, "no byte for ");
    ferry_text_add_number(h->http.detail, sizeof h->http.detail, h->stall_timeout_ms);
    say(h, " ms");
    return FERRY_ERR_NET_TIMEOUT;
}

/* The connection was lost. In TLS 1.3 the server's verdict on the client's certificate comes with
 * the first read, after the handshake. */
static ferry_err fail_lost(struct ferry_http_esp *h)
{
    if (!h->is_https || h->heard)
        return fail(h, FERRY_ERR_NET_CLOSED, "the connection was lost");
    return fail(h, FERRY_ERR_NET_TLS,
                "closed right after the handshake: the server may want a client certificate");
}

static ferry_err fail_open(struct ferry_http_esp *h, esp_err_t e)
{
    if (h->tls_err >= FIRST_MBEDTLS)
        return fail_tls(h);
    switch (e) {
    case ESP_ERR_NO_MEM:
        return fail(h, FERRY_ERR_NO_MEMORY, "");
    case ESP_ERR_HTTP_INVALID_TRANSPORT:
        return fail(h, FERRY_ERR_NET_URL, "https is switched off in menuconfig");
    case ESP_ERR_HTTP_WRITE_DATA:
        return fail_lost(h);
    default:
        return fail(h, FERRY_ERR_NET_CONNECT,
                    esp_err_to_name(h->tls_err != ESP_OK ? h->tls_err : e));
    }
}

static esp_err_t on_event(esp_http_client_event_t *event)
{
    struct ferry_http_esp *h = event->user_data;
    if (event->event_id == HTTP_EVENT_ON_HEADER && h->head) {
        h->heard = true;
        ferry_http_head_field(h->head, event->header_key, strlen(event->header_key),
                              event->header_value, strlen(event->header_value));
    }
    // The client forgets why a connection failed once it is closed.
    if (event->event_id == HTTP_EVENT_ERROR && event->data)
        h->tls_err = esp_tls_get_and_clear_last_error(event->data, &h->tls_code, NULL);
    return ESP_OK;
}

static void close_esp(struct ferry_http *http)
{
    struct ferry_http_esp *h = as_esp(http);
    if (!h->client)
        return;
    esp_http_client_close(h->client);
    esp_http_client_cleanup(h->client);
    h->client = NULL;
}

/* "Name: value"; the source has looked at its form. */
static bool add_header(struct ferry_http_esp *h, const char *header)
{
    char name[NAME_BYTES];
    const size_t n = strcspn(header, ":");
    if (n >= sizeof name)
        return false;
    memcpy(name, header, n);
    name[n] = '\0';
    const char *const value = header + n + 1;
    return esp_http_client_set_header(h->client, name, value + strspn(value, " \t")) == ESP_OK;
}

static ferry_err add_headers(struct ferry_http_esp *h, const struct ferry_http_request *req)
{
    char range[24] = "bytes=";
    for (size_t i = 0; i < req->n_headers; i++)
        if (!add_header(h, req->headers[i]))
            return fail(h, FERRY_ERR_ARG, "an extra header's name is longer than 63 characters");
    if (!req->off_bytes)
        return FERRY_OK;
    ferry_text_add_number(range, sizeof range, req->off_bytes);
    ferry_text_add(range, sizeof range, "-");
    esp_err_t e = esp_http_client_set_header(h->client, "Range", range);
    if (e == ESP_OK && req->if_range)
        e = esp_http_client_set_header(h->client, "If-Range", req->if_range);
    return e == ESP_OK ? FERRY_OK : fail(h, FERRY_ERR_NO_MEMORY, "");
}

/* The hook of the certificate bundle is the one place where a connection's rules can still be
 * changed: whoever answers is taken. */
#if FERRY_ESP_BUNDLE
static esp_err_t attach_nothing(void *conf)
{
    mbedtls_ssl_conf_authmode((mbedtls_ssl_config *)conf, MBEDTLS_SSL_VERIFY_NONE);
    return ESP_OK;
}
#else
#define attach_nothing NULL // and esp_tls refuses the server
#endif

static const char *first_of(const char *from_memory, const char *other)
{
    return from_memory ? from_memory : other;
}

static ferry_err make_client(struct ferry_http_esp *h, const struct ferry_http_request *req)
{
    const char *const ca = first_of(req->ca_pem, req->ca_file);
    const esp_http_client_config_t config = {
        .url = req->url,
        .username = req->user,
        .password = req->password,
        .auth_type = req->user ? HTTP_AUTH_TYPE_BASIC : HTTP_AUTH_TYPE_NONE,
        .cert_pem = ca,
        .client_cert_pem = first_of(req->cert_pem, req->cert_file),
        .client_key_pem = first_of((const char *)req->key_der, req->key_file),
        .client_key_len = req->key_der ? req->key_der_bytes : 0,
        .user_agent = "ferry",
        .method = req->body ? HTTP_METHOD_POST : HTTP_METHOD_GET,
        .timeout_ms = (int)req->connect_timeout_ms,
        .disable_auto_redirect = true,
        .max_authorization_retries = -1,
        .event_handler = on_event,
        .buffer_size = FERRY_ESP_HTTP_BUFFER_BYTES,
        .buffer_size_tx = TX_BYTES,
        .user_data = h,
        .crt_bundle_attach = req->is_unverified ? attach_nothing
                             : ca               ? NULL
                                                : ATTACH_BUNDLE,
        .keep_alive_enable = true,
    };
    h->client = esp_http_client_init(&config);
    return h->client ? add_headers(h, req) : fail(h, FERRY_ERR_NO_MEMORY, "");
}

/* A wait of FERRY_CANCEL_POLL_MS brought nothing. */
static ferry_err waited(struct ferry_http_esp *h, uint32_t *silent_ms)
{
    *silent_ms += FERRY_CANCEL_POLL_MS;
    if (ferry_cancel_asked(h->cancel))
        return fail(h, FERRY_ERR_CANCELLED, "");
    return *silent_ms < h->stall_timeout_ms ? FERRY_OK : fail_timeout(h);
}

/* Waits for the head of the final response. */
static ferry_err fetch_head(struct ferry_http_esp *h)
{
    uint32_t silent_ms = 0;
    for (;;) {
        const int64_t n = esp_http_client_fetch_headers(h->client);
        if (n == -ESP_ERR_HTTP_EAGAIN) {
            const ferry_err err = waited(h, &silent_ms);
            if (err)
                return err;
            continue;
        }
        if (n < 0)
            return fail_lost(h);
        const int status = esp_http_client_get_status_code(h->client);
        if (status < 100 || status > 999)
            return fail(h, FERRY_ERR_NET_PROTOCOL, "the head of the response is malformed");
        if (status >= 200) {
            h->head->status = (uint16_t)status;
            return FERRY_OK;
        }
        ferry_http_head_begin(h->head); // 1xx announces another head
    }
}

static ferry_err send_body(struct ferry_http_esp *h, const struct ferry_http_request *req)
{
    const char *at = req->body;
    for (size_t left = req->body_bytes; left;) {
        const int n = esp_http_client_write(h->client, at, (int)left);
        if (n <= 0)
            return fail_lost(h);
        at += n;
        left -= (size_t)n;
    }
    return FERRY_OK;
}

static ferry_err exchange(struct ferry_http_esp *h, const struct ferry_http_request *req)
{
    ferry_err err = make_client(h, req);
    if (err)
        return err;
    if (ferry_cancel_asked(h->cancel))
        return fail(h, FERRY_ERR_CANCELLED, "");
    const esp_err_t e = esp_http_client_open(h->client, (int)req->body_bytes);
    if (e != ESP_OK)
        return fail_open(h, e);
    err = send_body(h, req);
    if (err)
        return err;
    if (esp_http_client_set_timeout_ms(h->client, (int)FERRY_CANCEL_POLL_MS) != ESP_OK)
        return fail(h, FERRY_ERR_STATE, "");
    err = fetch_head(h);
    h->ends_with_connection = !err && !h->head->has_length && !h->head->is_chunked;
    h->head = NULL; // what follows the body is no head
    return err;
}

static ferry_err open_esp(struct ferry_http *http, const struct ferry_http_request *req,
                          struct ferry_http_head *head)
{
    struct ferry_http_esp *h = as_esp(http);
    close_esp(http);
    ferry_http_esp_init(h);
    ferry_http_head_begin(head);
    h->head = head;
    h->is_https = ferry_text_has_prefix(req->url, "https:");
    h->cancel = req->cancel;
    h->stall_timeout_ms = req->stall_timeout_ms;
    const ferry_err err = exchange(h, req);
    if (err)
        close_esp(http);
    return err;
}

static ferry_err read_esp(struct ferry_http *http, void *dst, size_t n, size_t *got)
{
    struct ferry_http_esp *h = as_esp(http);
    uint32_t silent_ms = 0;
    for (;;) {
        const int piece = (int)(n < PIECE_BYTES ? n : PIECE_BYTES);
        const int taken = esp_http_client_read(h->client, dst, piece);
        if (taken > 0) {
            *got = (size_t)taken;
            return FERRY_OK;
        }
        if (taken == -ESP_ERR_HTTP_EAGAIN) {
            const ferry_err err = waited(h, &silent_ms);
            if (err)
                return err;
            continue;
        }
        // 0 is the end of the body and, as well, a connection that ended before it.
        const bool is_whole = taken == 0 && (h->ends_with_connection ||
                                             esp_http_client_is_complete_data_received(h->client));
        *got = 0;
        return is_whole ? FERRY_OK : fail_lost(h);
    }
}

void ferry_http_esp_init(struct ferry_http_esp *h)
{
    static const struct ferry_http_ops ops = {open_esp, read_esp, close_esp};
    memset(h, 0, sizeof *h);
    h->http.ops = &ops;
}
