/* compat/esp-idf/http_client_private.h - one client: its settings (esp_http_client.c) and the
 * exchange that is open (http_exchange.c), which libcurl carries. */
#ifndef HTTP_CLIENT_PRIVATE_H
#define HTTP_CLIENT_PRIVATE_H

#include "agent/http.h"
#include "curl_library.h"
#include "esp_http_client.h"

struct http_text {
    char *bytes; // NULL: none
    size_t n;
};

struct http_field {
    struct http_field *next;
    char *line; // "Name: value"
    size_t n_name;
};

struct esp_http_client {
    esp_http_client_config_t cfg; // numbers and switches; its texts are copied below
    struct http_text user, password, user_agent, ca, cert, key, key_password;
    char url[FERRY_URL_BYTES];
    char first_url[FERRY_URL_BYTES]; // its origin may have password and client certificate
    struct http_field *fields;
    esp_http_client_auth_type_t auth;
    bool asked_digest; // by the last 401

    struct ferry_curl_library lib;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    bool is_open;
    bool is_connected;
    bool has_head;
    bool is_done;
    bool is_paused;
    CURLcode result;     // once is_done
    bool was_challenged; // the first 401 of a digest came
    size_t n_head_bytes;
    ferry_err refused; // our own callbacks found something wrong
    int64_t heard_ms;
    uint64_t got_bytes; // of the body, by the reader
    struct ferry_http_head head;
    size_t at, n; // the unread part of buffer
    char words[CURL_ERROR_SIZE];
    uint8_t buffer[CURL_MAX_WRITE_SIZE];
};

/** Tells the program's event handler, if it has one. */
void http_tell(struct esp_http_client *c, esp_http_client_event_id_t id, void *data, int n);

/** The authorities of esp_tls_set_global_ca_store; bytes NULL: none. */
struct http_text http_global_store(void);

/** Sends the request and waits for the connection. ESP_ERR_HTTP_CONNECT, ESP_ERR_NO_MEM. */
esp_err_t http_exchange_open(struct esp_http_client *c);

/** Waits for the head. ESP_ERR_HTTP_FETCH_HEADER, ESP_ERR_HTTP_EAGAIN. */
esp_err_t http_exchange_head(struct esp_http_client *c);

/** As esp_http_client_read, for one piece of at most n bytes. */
int http_exchange_read(struct esp_http_client *c, char *buffer, int n);

/** Looks for the end of a body whose bytes were all read. */
bool http_exchange_is_complete(struct esp_http_client *c);
void http_exchange_close(struct esp_http_client *c);

#endif
