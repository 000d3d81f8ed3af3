/* tests/idf/fake_esp_http.c - esp_http_client without a network; see the header. */
#include "fake_esp_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <esp_tls.h>

#include "fake_esp_tls.h"

struct fake_http fake_http;

struct esp_http_client {
    const struct fake_answer *answer;
    struct fake_asked *asked;
    uint32_t first, at, end; // of the file: where the body begins, is, ends
    unsigned n_silent_head, n_silent;
    int status;
    bool is_chunked; // the client calls a body without a length so
    bool gave_interim;
};

void fake_http_reset(const struct fake_answer *answers)
{
    memset(&fake_http, 0, sizeof fake_http);
    fake_tls_trusts_anybody = false;
    fake_http.answers = answers;
}

static void tell(struct esp_http_client *c, esp_http_client_event_id_t id, void *data, char *key,
                 char *value)
{
    esp_http_client_event_t event = {.event_id = id,
                                     .client = c,
                                     .data = data,
                                     .user_data = c->asked->config.user_data,
                                     .header_key = key,
                                     .header_value = value};
    c->asked->config.event_handler(&event);
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config)
{
    if (fake_http.out_of_memory || fake_http.n_asked == FAKE_MOST)
        return NULL;
    struct esp_http_client *c = calloc(1, sizeof *c);
    c->answer = &fake_http.answers[fake_http.n_asked];
    c->asked = &fake_http.asked[fake_http.n_asked++];
    c->asked->config = *config;
    c->asked->timeout_ms = config->timeout_ms;
    snprintf(c->asked->url, sizeof c->asked->url, "%s", config->url);
    c->n_silent_head = c->answer->n_silent_head;
    c->n_silent = c->answer->n_silent;
    return c;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t c, const char *key, const char *value)
{
    unsigned long from = 0;
    char *line = c->asked->headers[c->asked->n_headers++];
    snprintf(line, sizeof c->asked->headers[0], "%s: %s", key, value);
    if (c->answer->serves_ranges && sscanf(line, "Range: bytes=%lu-", &from) == 1)
        c->first = (uint32_t)from;
    return ESP_OK;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t c, int timeout_ms)
{
    c->asked->timeout_ms = timeout_ms;
    return ESP_OK;
}

esp_err_t esp_http_client_open(esp_http_client_handle_t c, int write_len)
{
    struct esp_tls_last_error last = {c->answer->tls_err, c->answer->tls_code};
    c->asked->write_len = write_len;
    if (c->asked->config.crt_bundle_attach)
        (void)c->asked->config.crt_bundle_attach(NULL);
    fake_http.n_open++;
    if (c->answer->open_err)
        tell(c, HTTP_EVENT_ERROR, &last, NULL, NULL);
    return c->answer->open_err;
}

/* At most 100 bytes a call, as a full send buffer would have it. */
int esp_http_client_write(esp_http_client_handle_t c, const char *buffer, int len)
{
    const unsigned most = c->answer->takes_bytes ? c->answer->takes_bytes : sizeof c->asked->sent;
    unsigned n = len < 100 ? (unsigned)len : 100;
    if (n > most - c->asked->n_sent)
        n = most - c->asked->n_sent;
    if (!n)
        return -1;
    memcpy(c->asked->sent + c->asked->n_sent, buffer, n);
    c->asked->n_sent += n;
    return (int)n;
}

static void give_field(struct esp_http_client *c, const char *line)
{
    char copy[256];
    snprintf(copy, sizeof copy, "%s", line);
    char *value = strstr(copy, ": ");
    *value = '\0';
    tell(c, HTTP_EVENT_ON_HEADER, NULL, copy, value + 2);
}

static void give_range_head(struct esp_http_client *c)
{
    char line[80];
    const uint32_t total = c->answer->body_bytes;
    c->status = c->first ? 206 : 200;
    if (c->first) {
        snprintf(line, sizeof line, "Content-Range: bytes %u-%u/%u", c->first, total - 1, total);
        give_field(c, line);
    }
    snprintf(line, sizeof line, "Content-Length: %u", total - c->first);
    give_field(c, line);
}

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t c)
{
    const struct fake_answer *a = c->answer;
    if (c->n_silent_head) {
        c->n_silent_head--;
        fake_http.n_waits++;
        return -ESP_ERR_HTTP_EAGAIN;
    }
    if (!a->status && !a->serves_ranges)
        return ESP_FAIL;
    if (a->is_interim_first && !c->gave_interim) {
        c->gave_interim = true;
        c->status = 103;
        give_field(c, "ETag: \"of the interim answer\"");
        return 0;
    }
    c->status = a->status;
    if (a->serves_ranges)
        give_range_head(c);
    for (unsigned i = 0; i < 6 && a->fields[i]; i++)
        give_field(c, a->fields[i]);
    c->at = c->first;
    c->end = a->sends_bytes ? c->first + a->sends_bytes : a->body_bytes;
    c->is_chunked = a->no_length || !a->body_bytes;
    return c->is_chunked ? 0 : a->body_bytes - c->first;
}

int esp_http_client_get_status_code(esp_http_client_handle_t c)
{
    return c->status;
}

int esp_http_client_read(esp_http_client_handle_t c, char *buffer, int len)
{
    const uint32_t left = c->end - c->at;
    const uint32_t n = left < (uint32_t)len ? left : (uint32_t)len;
    if (c->n_silent) {
        c->n_silent--;
        fake_http.n_waits++;
        return -ESP_ERR_HTTP_EAGAIN;
    }
    if (!n)
        return c->answer->read_err;
    memcpy(buffer, c->answer->body + c->at, n);
    c->at += n;
    return (int)n;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t c)
{
    return !c->answer->no_length && c->at == c->answer->body_bytes;
}

esp_err_t esp_http_client_close(esp_http_client_handle_t c)
{
    (void)c;
    fake_http.n_open -= fake_http.n_open > 0;
    return ESP_OK;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t c)
{
    free(c);
    return ESP_OK;
}
