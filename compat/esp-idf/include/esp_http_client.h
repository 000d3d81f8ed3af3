/* esp_http_client.h - Espressif's HTTP client as far as OTA programs use it: GET and HEAD, read as
 * a stream or performed whole. Over libcurl; certificates are verified unless the config's own
 * switches say less, and https without any authority to trust is refused. docs/compat.md has what
 * is missing. */
#ifndef ESP_HTTP_CLIENT_H
#define ESP_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ESP_ERR_HTTP_MAX_REDIRECT          (ESP_ERR_HTTP_BASE + 1)
#define ESP_ERR_HTTP_CONNECT               (ESP_ERR_HTTP_BASE + 2)
#define ESP_ERR_HTTP_WRITE_DATA            (ESP_ERR_HTTP_BASE + 3)
#define ESP_ERR_HTTP_FETCH_HEADER          (ESP_ERR_HTTP_BASE + 4)
#define ESP_ERR_HTTP_INVALID_TRANSPORT     (ESP_ERR_HTTP_BASE + 5)
#define ESP_ERR_HTTP_CONNECTING            (ESP_ERR_HTTP_BASE + 6)
#define ESP_ERR_HTTP_EAGAIN                (ESP_ERR_HTTP_BASE + 7) // silence for timeout_ms
#define ESP_ERR_HTTP_CONNECTION_CLOSED     (ESP_ERR_HTTP_BASE + 8)
#define ESP_ERR_HTTP_NOT_MODIFIED          (ESP_ERR_HTTP_BASE + 9)
#define ESP_ERR_HTTP_RANGE_NOT_SATISFIABLE (ESP_ERR_HTTP_BASE + 10)
#define ESP_ERR_HTTP_READ_TIMEOUT          (ESP_ERR_HTTP_BASE + 11)
#define ESP_ERR_HTTP_INCOMPLETE_DATA       (ESP_ERR_HTTP_BASE + 12)
#define ESP_ERR_HTTP_REDIRECT_DOWNGRADE    (ESP_ERR_HTTP_BASE + 13) // from https to http
#define ESP_ERR_HTTP_HEADER_TOO_LONG       (ESP_ERR_HTTP_BASE + 14)

typedef struct esp_http_client *esp_http_client_handle_t;

typedef enum {
    HTTP_EVENT_ERROR,
    HTTP_EVENT_ON_CONNECTED,
    HTTP_EVENT_HEADERS_SENT,
    HTTP_EVENT_HEADER_SENT = HTTP_EVENT_HEADERS_SENT,
    HTTP_EVENT_ON_HEADER,
    HTTP_EVENT_ON_HEADERS_COMPLETE,
    HTTP_EVENT_ON_STATUS_CODE,
    HTTP_EVENT_ON_DATA,
    HTTP_EVENT_ON_FINISH, // of esp_http_client_perform
    HTTP_EVENT_DISCONNECTED,
    HTTP_EVENT_REDIRECT,
} esp_http_client_event_id_t;

typedef struct {
    esp_http_client_event_id_t event_id;
    esp_http_client_handle_t client;
    void *data; // ON_DATA: data_len bytes, for the call
    int data_len;
    void *user_data;
    char *header_key; // ON_HEADER, for the call
    char *header_value;
} esp_http_client_event_t;

typedef esp_err_t (*http_event_handle_cb)(esp_http_client_event_t *event);

typedef enum {
    HTTP_TRANSPORT_UNKNOWN,
    HTTP_TRANSPORT_OVER_TCP,
    HTTP_TRANSPORT_OVER_SSL,
} esp_http_client_transport_t;

typedef enum { HTTP_METHOD_GET, HTTP_METHOD_HEAD } esp_http_client_method_t;

typedef enum {
    HTTP_AUTH_TYPE_NONE,
    HTTP_AUTH_TYPE_BASIC,
    HTTP_AUTH_TYPE_DIGEST,
} esp_http_client_auth_type_t;

typedef enum {
    HttpStatus_Ok = 200,
    HttpStatus_PartialContent = 206,
    HttpStatus_MultipleChoices = 300,
    HttpStatus_MovedPermanently = 301,
    HttpStatus_Found = 302,
    HttpStatus_SeeOther = 303,
    HttpStatus_NotModified = 304,
    HttpStatus_TemporaryRedirect = 307,
    HttpStatus_PermanentRedirect = 308,
    HttpStatus_BadRequest = 400,
    HttpStatus_Unauthorized = 401,
    HttpStatus_Forbidden = 403,
    HttpStatus_NotFound = 404,
    HttpStatus_RangeNotSatisfiable = 416,
    HttpStatus_InternalError = 500,
} HttpStatus_Code;

/** What a request is to be; all texts are copied. Without url: transport_type, host, port, path and
 * query make the address. Zero is each field's default. */
typedef struct {
    const char *url;
    const char *host;
    int port;
    const char *username; // sent to the first address's origin only
    const char *password;
    esp_http_client_auth_type_t auth_type; // NONE: only after a 401
    const char *path;
    const char *query;
    const char *cert_pem; // authorities to trust: PEM
    size_t cert_len;      // 0: it ends with a NUL
    const char *client_cert_pem;
    size_t client_cert_len;
    const char *client_key_pem;
    size_t client_key_len;
    const char *client_key_password;
    size_t client_key_password_len;
    const char *user_agent;
    esp_http_client_method_t method;
    int timeout_ms; // to connect, and of silence; 0: 5000
    bool disable_auto_redirect;
    int max_redirection_count;     // 0: 10
    int max_authorization_retries; // 0: 10; -1: none
    http_event_handle_cb event_handler;
    esp_http_client_transport_t transport_type;
    int buffer_size;    // 0: 512; what esp_https_ota reads at once
    int buffer_size_tx; // not used
    void *user_data;
    bool is_async; // refused
    bool use_global_ca_store;
    bool skip_cert_common_name_check;
    esp_err_t (*crt_bundle_attach)(void *conf); // set: the system's authorities
    bool keep_alive_enable;                     // and the connection is used again
    int keep_alive_idle;                        // seconds; 0: 5
    int keep_alive_interval;
    int keep_alive_count; // not used: the system's
} esp_http_client_config_t;

/** NULL: no memory, no address, is_async, or libcurl cannot be loaded; the log says which. */
esp_http_client_handle_t esp_http_client_init(const esp_http_client_config_t *config);

/** Also closes. ESP_ERR_INVALID_ARG NULL. */
esp_err_t esp_http_client_cleanup(esp_http_client_handle_t client);

/** The whole exchange, redirects and a 401 included; the body goes to HTTP_EVENT_ON_DATA.
 * ESP_ERR_HTTP_CONNECT, ESP_ERR_HTTP_FETCH_HEADER, ESP_ERR_HTTP_EAGAIN, ESP_ERR_HTTP_MAX_REDIRECT,
 * ESP_ERR_HTTP_REDIRECT_DOWNGRADE, ESP_ERR_HTTP_INCOMPLETE_DATA. */
esp_err_t esp_http_client_perform(esp_http_client_handle_t client);

/** Connects and sends the request. A body to send (write_len) is ESP_ERR_NOT_SUPPORTED. */
esp_err_t esp_http_client_open(esp_http_client_handle_t client, int write_len);

/** Waits for the response's head: its Content-Length, 0 if there is none, ESP_FAIL, or
 * -ESP_ERR_HTTP_EAGAIN after timeout_ms without a byte. */
int64_t esp_http_client_fetch_headers(esp_http_client_handle_t client);

/** The next bytes of the body, len unless it ends: fewer, then 0 (also where the connection ended
 * too early: see esp_http_client_is_complete_data_received). ESP_FAIL, -ESP_ERR_HTTP_EAGAIN. */
int esp_http_client_read(esp_http_client_handle_t client, char *buffer, int len);
int esp_http_client_read_response(esp_http_client_handle_t client, char *buffer, int len);

/** Ends the exchange; the handle may be opened again. */
esp_err_t esp_http_client_close(esp_http_client_handle_t client);

/** Of the next exchange. A relative address counts from the one before. */
esp_err_t esp_http_client_set_url(esp_http_client_handle_t client, const char *url);
esp_err_t esp_http_client_get_url(esp_http_client_handle_t client, char *url, int len);
esp_err_t esp_http_client_set_method(esp_http_client_handle_t client,
                                     esp_http_client_method_t method);
esp_err_t esp_http_client_set_header(esp_http_client_handle_t client, const char *key,
                                     const char *value);
esp_err_t esp_http_client_delete_header(esp_http_client_handle_t client, const char *key);
esp_err_t esp_http_client_set_timeout_ms(esp_http_client_handle_t client, int timeout_ms);

/** After a 3xx: the next exchange goes to its Location. ESP_ERR_INVALID_ARG it gave none;
 * ESP_ERR_HTTP_REDIRECT_DOWNGRADE. */
esp_err_t esp_http_client_set_redirection(esp_http_client_handle_t client);

/** After a 401: the next exchange authenticates as the server asked, if there is a username. */
void esp_http_client_add_auth(esp_http_client_handle_t client);

int esp_http_client_get_status_code(esp_http_client_handle_t client);

/** -1: chunked, or not said. */
int64_t esp_http_client_get_content_length(esp_http_client_handle_t client);
bool esp_http_client_is_chunked_response(esp_http_client_handle_t client);

/** False also for a body that only the connection's end ends: nobody can know of it. */
bool esp_http_client_is_complete_data_received(esp_http_client_handle_t client);
esp_err_t esp_http_client_flush_response(esp_http_client_handle_t client, int *len);
esp_http_client_transport_t esp_http_client_get_transport_type(esp_http_client_handle_t client);
esp_err_t esp_http_client_get_user_data(esp_http_client_handle_t client, void **data);
esp_err_t esp_http_client_set_user_data(esp_http_client_handle_t client, void *data);

#ifdef __cplusplus
}
#endif
#endif
