/* ports/esp-idf/http_esp.h - the HTTP transport over ESP-IDF's esp_http_client.
 * Sends, receives, and says what went wrong; redirects, credentials and lengths are judged by
 * agent/source_http.c, and the client's own ways of doing that are switched off. */
#ifndef FERRY_HTTP_ESP_H
#define FERRY_HTTP_ESP_H

#include "agent/http.h"
#include <esp_http_client.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A transport; caller-owned. One connection at a time, kept alive by TCP while the flash is busy.
 * Allocates nothing beside what esp_http_client does for itself.
 *
 * Where agent/http.h speaks of files, this port takes the PEM text itself: ca_file, cert_file and
 * key_file point to it. No CA: ESP-IDF's certificate bundle, if menuconfig has it, else no https
 * server is trusted, and none that is_unverified would take. Cancelling is noticed within
 * FERRY_CANCEL_POLL_MS of silence; a name look-up, a connection or a handshake under way is waited
 * for, connect_timeout_ms at most. */
struct ferry_http_esp {
    struct ferry_http http; // first: a pointer to it is a pointer to the whole
    esp_http_client_handle_t client;
    const struct ferry_cancel *cancel;
    uint32_t stall_timeout_ms;
    struct ferry_http_head *head; // while it arrives
    bool is_https;
    bool heard;                // a field of the head has arrived
    bool ends_with_connection; // neither length nor chunks say where the body ends
    esp_err_t tls_err;         // of the last failure: what esp_tls said
    int tls_code;              // ... and mbedTLS
};

void ferry_http_esp_init(struct ferry_http_esp *h);

#ifdef __cplusplus
}
#endif
#endif
