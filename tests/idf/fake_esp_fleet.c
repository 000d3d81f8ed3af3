/* tests/idf/fake_esp_fleet.c - esp_http_client over the fleet's server in memory; see the header.
 */
#include "fake_esp_fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <esp_http_client.h>
#include <esp_tls.h>

#include "fake_esp_tls.h"

#define HEADERS_MOST 6u

struct fake_esp_fleet fake_esp_fleet;

struct esp_http_client {
    esp_http_client_config_t config;
    char lines[HEADERS_MOST][512]; // "Name: value"
    const char *headers[HEADERS_MOST];
    size_t n_headers;
    char if_range[128];
    uint32_t off_bytes;
    char body[2048];
    uint32_t n_body;
    int write_len;
    struct ferry_http_head head;
    bool is_unverified, is_whole;
};

void fake_esp_fleet_reset(void)
{
    memset(&fake_esp_fleet, 0, sizeof fake_esp_fleet);
    fake_tls_trusts_anybody = false;
    fake_fleet_init(&fake_esp_fleet.fleet);
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config)
{
    struct esp_http_client *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->config = *config;
    fake_esp_fleet.n_open++;
    return c;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t c, const char *key, const char *value)
{
    unsigned long from = 0;
    if (strcmp(key, "Range") == 0) {
        if (sscanf(value, "bytes=%lu-", &from) != 1)
            abort();
        c->off_bytes = (uint32_t)from;
    } else if (strcmp(key, "If-Range") == 0) {
        snprintf(c->if_range, sizeof c->if_range, "%s", value);
    } else {
        if (c->n_headers == HEADERS_MOST)
            abort();
        snprintf(c->lines[c->n_headers], sizeof c->lines[0], "%s: %s", key, value);
        c->headers[c->n_headers] = c->lines[c->n_headers];
        c->n_headers++;
    }
    return ESP_OK;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t c, int timeout_ms)
{
    (void)c;
    (void)timeout_ms;
    return ESP_OK;
}

static void tell(struct esp_http_client *c, esp_http_client_event_id_t id, void *data, char *key,
                 char *value)
{
    esp_http_client_event_t event = {.event_id = id,
                                     .client = c,
                                     .data = data,
                                     .user_data = c->config.user_data,
                                     .header_key = key,
                                     .header_value = value};
    c->config.event_handler(&event);
}

/* What the client was given, as the server's own contract has it. */
static ferry_err ask(struct esp_http_client *c)
{
    struct ferry_http *h = &fake_esp_fleet.fleet.http;
    const struct ferry_http_request req = {
        .url = c->config.url,
        .body = c->config.method == HTTP_METHOD_POST ? c->body : NULL,
        .body_bytes = c->n_body,
        .off_bytes = c->off_bytes,
        .if_range = c->if_range[0] ? c->if_range : NULL,
        .headers = c->headers,
        .n_headers = c->n_headers,
        .ca_pem = c->config.cert_pem,
        .cert_pem = c->config.client_cert_pem,
        .key_der = (const uint8_t *)c->config.client_key_pem,
        .key_der_bytes = c->config.client_key_len,
        .is_unverified = c->is_unverified,
    };
    if (strstr(req.url, "/api/v1/enroll"))
        snprintf(fake_esp_fleet.enrolment, sizeof fake_esp_fleet.enrolment, "%.*s", (int)c->n_body,
                 c->body);
    return h->ops->open(h, &req, &c->head);
}

esp_err_t esp_http_client_open(esp_http_client_handle_t c, int write_len)
{
    struct esp_tls_last_error last = {0x801a, -0x2700}; // a certificate that is not trusted
    fake_tls_trusts_anybody = false;
    if (c->config.crt_bundle_attach)
        (void)c->config.crt_bundle_attach(NULL);
    c->is_unverified = fake_tls_trusts_anybody;
    c->write_len = write_len;
    if (write_len)
        return fake_esp_fleet.fleet.is_away ? ESP_ERR_HTTP_CONNECT : ESP_OK;
    const ferry_err err = ask(c);
    if (err == FERRY_ERR_NET_TLS)
        tell(c, HTTP_EVENT_ERROR, &last, NULL, NULL);
    return err ? ESP_ERR_HTTP_CONNECT : ESP_OK;
}

int esp_http_client_write(esp_http_client_handle_t c, const char *buffer, int len)
{
    if (c->n_body + (uint32_t)len > sizeof c->body)
        abort();
    memcpy(c->body + c->n_body, buffer, (size_t)len);
    c->n_body += (uint32_t)len;
    return len;
}

static void give(struct esp_http_client *c, const char *name, const char *text)
{
    char key[32];
    char value[128];
    snprintf(key, sizeof key, "%s", name);
    snprintf(value, sizeof value, "%s", text);
    tell(c, HTTP_EVENT_ON_HEADER, NULL, key, value);
}

static void give_number(struct esp_http_client *c, const char *name, uint64_t n)
{
    char value[24];
    snprintf(value, sizeof value, "%llu", (unsigned long long)n);
    give(c, name, value);
}

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t c)
{
    const struct ferry_http_head *h = &c->head;
    char range[80];
    if (c->write_len && ask(c))
        return ESP_FAIL;
    if (h->has_length)
        give_number(c, "Content-Length", h->length_bytes);
    if (h->has_range) {
        snprintf(range, sizeof range, "bytes %llu-%llu/%llu", (unsigned long long)h->range_first,
                 (unsigned long long)h->range_total - 1, (unsigned long long)h->range_total);
        give(c, "Content-Range", range);
    }
    if (h->etag[0])
        give(c, "ETag", h->etag);
    if (h->device_id[0])
        give(c, "Ferry-Device", h->device_id);
    if (h->poll_s)
        give_number(c, "Ferry-Poll", h->poll_s);
    if (h->wants_renewal)
        give(c, "Ferry-Renew", "1");
    return h->has_length ? (int64_t)h->length_bytes : 0;
}

int esp_http_client_get_status_code(esp_http_client_handle_t c)
{
    return c->head.status;
}

int esp_http_client_read(esp_http_client_handle_t c, char *buffer, int len)
{
    struct ferry_http *h = &fake_esp_fleet.fleet.http;
    size_t got = 0;
    if (h->ops->read(h, buffer, (size_t)len, &got))
        return 0; // a lost connection looks so
    c->is_whole = got == 0;
    return (int)got;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t c)
{
    return c->is_whole;
}

esp_err_t esp_http_client_close(esp_http_client_handle_t c)
{
    (void)c;
    return ESP_OK;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t c)
{
    fake_esp_fleet.n_open--;
    free(c);
    return ESP_OK;
}
