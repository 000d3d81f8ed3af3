/* tests/idf/fake_esp_tls.h - what esp_tls, the certificate bundle and mbedTLS's settings are beside
 * either fake of esp_http_client. */
#ifndef FAKE_ESP_TLS_H
#define FAKE_ESP_TLS_H

#include <stdbool.h>

/** What esp_tls says of a connection that failed. */
struct esp_tls_last_error {
    int err, code;
};

/** mbedTLS was told so by the client that opens; the fakes of clients set it back. */
extern bool fake_tls_trusts_anybody;

#endif
