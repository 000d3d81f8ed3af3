/* compat/esp-idf/esp_http_client.c - Espressif's HTTP client: its settings, and the calls in terms
 * of http_exchange.c. Which redirect may be followed is decided here, by every caller alike. */
#include "http_client_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "esp_crt_bundle.h"
#include "esp_log.h"
#include "esp_tls.h"

#define TIMEOUT_MS  5000
#define TRIES       10
#define BUFFER_SIZE 512

static const char *TAG = "HTTP_CLIENT";
static struct http_text global_store;

/* ---- authorities ---- */

struct http_text http_global_store(void)
{
    return global_store;
}

esp_err_t esp_crt_bundle_attach(void *conf)
{
    (void)conf;
    return ESP_OK;
}

esp_err_t esp_tls_init_global_ca_store(void)
{
    return ESP_OK;
}

static bool copy_text(struct http_text *out, const char *bytes, size_t n)
{
    if (!bytes)
        return true;
    n = n ? strnlen(bytes, n) : strlen(bytes); // a PEM's length may count its NUL
    out->bytes = strndup(bytes, n);
    out->n = n;
    return out->bytes != NULL;
}

esp_err_t esp_tls_set_global_ca_store(const unsigned char *cacert_pem_buf,
                                      const unsigned int cacert_pem_bytes)
{
    if (!cacert_pem_buf || !cacert_pem_bytes)
        return ESP_ERR_INVALID_ARG;
    esp_tls_free_global_ca_store();
    return copy_text(&global_store, (const char *)cacert_pem_buf, cacert_pem_bytes)
               ? ESP_OK
               : ESP_ERR_NO_MEM;
}

void esp_tls_free_global_ca_store(void)
{
    free(global_store.bytes);
    global_store = (struct http_text){NULL, 0};
}

/* ---- a client ---- */

void http_tell(struct esp_http_client *c, esp_http_client_event_id_t id, void *data, int n)
{
    esp_http_client_event_t event = {
        .event_id = id, .client = c, .data = data, .data_len = n, .user_data = c->cfg.user_data};
    if (c->cfg.event_handler)
        c->cfg.event_handler(&event);
}

static bool copy_texts(struct esp_http_client *c, const esp_http_client_config_t *from)
{
    return copy_text(&c->user, from->username, 0) && copy_text(&c->password, from->password, 0) &&
           copy_text(&c->user_agent, from->user_agent, 0) &&
           copy_text(&c->ca, from->cert_pem, from->cert_len) &&
           copy_text(&c->cert, from->client_cert_pem, from->client_cert_len) &&
           copy_text(&c->key, from->client_key_pem, from->client_key_len) &&
           copy_text(&c->key_password, from->client_key_password, from->client_key_password_len);
}

static bool make_url(struct esp_http_client *c, const esp_http_client_config_t *from)
{
    char text[FERRY_URL_BYTES];
    char port[16] = "";
    int n = 0;
    if (from->port)
        snprintf(port, sizeof(port), ":%d", from->port);
    if (from->url)
        n = snprintf(text, sizeof(text), "%s", from->url);
    else if (from->host)
        n = snprintf(text, sizeof(text), "%s://%s%s%s%s%s",
                     from->transport_type == HTTP_TRANSPORT_OVER_SSL ? "https" : "http", from->host,
                     port, from->path ? from->path : "/", from->query ? "?" : "",
                     from->query ? from->query : "");
    if (n <= 0 || (size_t)n >= sizeof(text) ||
        ferry_url_join(text, text, c->url, sizeof(c->url)) != FERRY_OK) {
        ESP_LOGE(TAG, "not an http or https address: %s", from->url ? from->url : "(none)");
        return false;
    }
    memcpy(c->first_url, c->url, sizeof(c->url));
    return true;
}

static void set_defaults(esp_http_client_config_t *cfg)
{
    if (cfg->timeout_ms <= 0)
        cfg->timeout_ms = TIMEOUT_MS;
    if (!cfg->max_redirection_count)
        cfg->max_redirection_count = TRIES;
    if (!cfg->max_authorization_retries)
        cfg->max_authorization_retries = TRIES;
    if (cfg->max_authorization_retries < 0)
        cfg->max_authorization_retries = 0;
    if (cfg->buffer_size <= 0)
        cfg->buffer_size = BUFFER_SIZE;
}

static bool load_library(struct esp_http_client *c)
{
    if (ferry_curl_library_load(&c->lib, c->words, sizeof(c->words))) {
        ESP_LOGE(TAG, "%s", c->words);
        return false;
    }
    c->multi = c->lib.multi_init();
    return c->multi != NULL;
}

esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config)
{
    if (!config)
        return NULL;
    struct esp_http_client *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->cfg = *config;
    set_defaults(&c->cfg);
    c->auth = config->auth_type;
    if (config->is_async)
        ESP_LOGE(TAG, "is_async is not supported");
    if (!config->is_async && load_library(c) && make_url(c, config) && copy_texts(c, config))
        return c;
    esp_http_client_cleanup(c);
    return NULL;
}

esp_err_t esp_http_client_cleanup(esp_http_client_handle_t c)
{
    if (!c)
        return ESP_ERR_INVALID_ARG;
    if (c->multi) {
        http_exchange_close(c);
        c->lib.multi_cleanup(c->multi);
    }
    struct http_text *const texts[] = {&c->user, &c->password, &c->user_agent,  &c->ca,
                                       &c->cert, &c->key,      &c->key_password};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        free(texts[i]->bytes);
    while (c->fields) {
        struct http_field *gone = c->fields;
        c->fields = gone->next;
        free(gone->line);
        free(gone);
    }
    free(c);
    return ESP_OK;
}

/* ---- settings of the next exchange ---- */

esp_err_t esp_http_client_set_url(esp_http_client_handle_t c, const char *url)
{
    char base[FERRY_URL_BYTES];
    char joined[FERRY_URL_BYTES];
    if (!c || !url)
        return ESP_ERR_INVALID_ARG;
    memcpy(base, c->url, sizeof(base));
    if (ferry_url_join(base, url, joined, sizeof(joined)))
        return ESP_FAIL;
    memcpy(c->url, joined, sizeof(joined));
    return ESP_OK;
}

esp_err_t esp_http_client_get_url(esp_http_client_handle_t c, char *url, int len)
{
    if (!c || !url || len <= 0)
        return ESP_ERR_INVALID_ARG;
    snprintf(url, (size_t)len, "%s", c->url);
    return ESP_OK;
}

esp_err_t esp_http_client_set_method(esp_http_client_handle_t c, esp_http_client_method_t method)
{
    if (!c)
        return ESP_ERR_INVALID_ARG;
    c->cfg.method = method;
    return ESP_OK;
}

esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t c, int timeout_ms)
{
    if (!c || timeout_ms <= 0)
        return ESP_ERR_INVALID_ARG;
    c->cfg.timeout_ms = timeout_ms;
    return ESP_OK;
}

esp_err_t esp_http_client_delete_header(esp_http_client_handle_t c, const char *key)
{
    if (!c || !key)
        return ESP_ERR_INVALID_ARG;
    const size_t n = strlen(key);
    for (struct http_field **at = &c->fields; *at;) {
        struct http_field *f = *at;
        if (f->n_name != n || strncasecmp(f->line, key, n) != 0) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        free(f->line);
        free(f);
    }
    return ESP_OK;
}

esp_err_t esp_http_client_set_header(esp_http_client_handle_t c, const char *key, const char *value)
{
    if (!c || !key || !*key)
        return ESP_ERR_INVALID_ARG;
    esp_http_client_delete_header(c, key);
    if (!value)
        return ESP_OK;
    struct http_field *f = calloc(1, sizeof(*f));
    const size_t n = strlen(key) + strlen(value) + 3;
    char *line = f ? malloc(n) : NULL;
    if (!line) {
        free(f);
        return ESP_ERR_NO_MEM;
    }
    snprintf(line, n, "%s: %s", key, value);
    *f = (struct http_field){c->fields, line, strlen(key)};
    c->fields = f;
    return ESP_OK;
}

esp_err_t esp_http_client_set_redirection(esp_http_client_handle_t c)
{
    char to[FERRY_URL_BYTES];
    if (!c)
        return ESP_ERR_INVALID_ARG;
    if (!c->head.location[0] || c->head.location_is_cut ||
        ferry_url_join(c->url, c->head.location, to, sizeof(to)) != FERRY_OK)
        return ESP_ERR_INVALID_ARG;
    if (!strncasecmp(c->url, "https:", 6) && strncasecmp(to, "https:", 6) != 0) {
        ESP_LOGE(TAG, "%s redirects from https to %s", c->url, to);
        return ESP_ERR_HTTP_REDIRECT_DOWNGRADE;
    }
    http_exchange_close(c);
    memcpy(c->url, to, sizeof(to));
    http_tell(c, HTTP_EVENT_REDIRECT, NULL, 0);
    return ESP_OK;
}

void esp_http_client_add_auth(esp_http_client_handle_t c)
{
    if (c && c->head.status == HttpStatus_Unauthorized && c->user.bytes)
        c->auth = c->asked_digest ? HTTP_AUTH_TYPE_DIGEST : HTTP_AUTH_TYPE_BASIC;
}

esp_err_t esp_http_client_set_user_data(esp_http_client_handle_t c, void *data)
{
    if (!c)
        return ESP_ERR_INVALID_ARG;
    c->cfg.user_data = data;
    return ESP_OK;
}

esp_err_t esp_http_client_get_user_data(esp_http_client_handle_t c, void **data)
{
    if (!c || !data)
        return ESP_ERR_INVALID_ARG;
    *data = c->cfg.user_data;
    return ESP_OK;
}

/* ---- an exchange ---- */

esp_err_t esp_http_client_open(esp_http_client_handle_t c, int write_len)
{
    if (!c)
        return ESP_ERR_INVALID_ARG;
    return write_len ? ESP_ERR_NOT_SUPPORTED : http_exchange_open(c);
}

int64_t esp_http_client_fetch_headers(esp_http_client_handle_t c)
{
    if (!c)
        return ESP_FAIL;
    const esp_err_t err = http_exchange_head(c);
    if (err)
        return err == ESP_ERR_HTTP_EAGAIN ? -ESP_ERR_HTTP_EAGAIN : ESP_FAIL;
    const int64_t length = esp_http_client_get_content_length(c);
    return length < 0 ? 0 : length;
}

int esp_http_client_read(esp_http_client_handle_t c, char *buffer, int len)
{
    int got = 0;
    if (!c || !buffer || len < 0)
        return ESP_FAIL;
    while (got < len) {
        const int n = http_exchange_read(c, buffer + got, len - got);
        if (n < 0 && !got)
            return n;
        if (n <= 0)
            break;
        got += n;
    }
    return got;
}

int esp_http_client_read_response(esp_http_client_handle_t c, char *buffer, int len)
{
    return esp_http_client_read(c, buffer, len);
}

esp_err_t esp_http_client_close(esp_http_client_handle_t c)
{
    if (!c)
        return ESP_ERR_INVALID_ARG;
    http_exchange_close(c);
    return ESP_OK;
}

esp_err_t esp_http_client_flush_response(esp_http_client_handle_t c, int *len)
{
    char rest[1024];
    int total = 0;
    int n = 0;
    if (!c)
        return ESP_ERR_INVALID_ARG;
    while ((n = http_exchange_read(c, rest, (int)sizeof(rest))) > 0)
        total += n;
    if (len)
        *len = total;
    return n < 0 ? ESP_FAIL : ESP_OK;
}

static bool is_redirect(int status)
{
    return (status >= HttpStatus_MovedPermanently && status <= HttpStatus_SeeOther) ||
           status == HttpStatus_TemporaryRedirect || status == HttpStatus_PermanentRedirect;
}

/* What the head asks for. ESP_ERR_NOT_FINISHED: another exchange. */
static esp_err_t follow(esp_http_client_handle_t c, int *n_redirects, int *n_auths)
{
    const int status = esp_http_client_get_status_code(c);
    if (is_redirect(status) && !c->cfg.disable_auto_redirect) {
        if (++*n_redirects > c->cfg.max_redirection_count) {
            ESP_LOGE(TAG, "more than %d redirects", c->cfg.max_redirection_count);
            return ESP_ERR_HTTP_MAX_REDIRECT;
        }
        const esp_err_t err = esp_http_client_set_redirection(c);
        return err ? err : ESP_ERR_NOT_FINISHED;
    }
    if (status == HttpStatus_Unauthorized && c->auth == HTTP_AUTH_TYPE_NONE && c->user.bytes &&
        ++*n_auths <= c->cfg.max_authorization_retries) {
        esp_http_client_add_auth(c);
        return ESP_ERR_NOT_FINISHED;
    }
    return ESP_OK;
}

static esp_err_t take_body(esp_http_client_handle_t c)
{
    char piece[4096];
    int n;
    while ((n = http_exchange_read(c, piece, (int)sizeof(piece))) > 0)
        continue;
    if (n == -ESP_ERR_HTTP_EAGAIN)
        return ESP_ERR_HTTP_EAGAIN;
    const bool has_end = c->head.has_length || c->head.is_chunked;
    if (n < 0 || c->result ||
        (has_end && c->cfg.method == HTTP_METHOD_GET && !http_exchange_is_complete(c)))
        return ESP_ERR_HTTP_INCOMPLETE_DATA;
    http_tell(c, HTTP_EVENT_ON_FINISH, NULL, 0);
    return ESP_OK;
}

esp_err_t esp_http_client_perform(esp_http_client_handle_t c)
{
    int n_redirects = 0;
    int n_auths = 0;
    esp_err_t err;
    if (!c)
        return ESP_ERR_INVALID_ARG;
    do {
        err = http_exchange_open(c);
        if (!err)
            err = http_exchange_head(c);
        if (!err)
            err = follow(c, &n_redirects, &n_auths);
    } while (err == ESP_ERR_NOT_FINISHED);
    if (!err)
        err = take_body(c);
    http_exchange_close(c);
    return err;
}

/* ---- what the response says ---- */

int esp_http_client_get_status_code(esp_http_client_handle_t c)
{
    return c ? c->head.status : -1;
}

int64_t esp_http_client_get_content_length(esp_http_client_handle_t c)
{
    return c && c->head.has_length && !c->head.is_chunked ? (int64_t)c->head.length_bytes : -1;
}

bool esp_http_client_is_chunked_response(esp_http_client_handle_t c)
{
    return c && c->head.is_chunked;
}

bool esp_http_client_is_complete_data_received(esp_http_client_handle_t c)
{
    return c && http_exchange_is_complete(c);
}

esp_http_client_transport_t esp_http_client_get_transport_type(esp_http_client_handle_t c)
{
    if (!c)
        return HTTP_TRANSPORT_UNKNOWN;
    return strncasecmp(c->url, "https:", 6) ? HTTP_TRANSPORT_OVER_TCP : HTTP_TRANSPORT_OVER_SSL;
}
