/* tests/idf/fake_esp_http.h - esp_http_client as its source has it, without a network: answers come
 * from a list, heads as events, bodies in pieces, silence as -ESP_ERR_HTTP_EAGAIN, and a connection
 * that ends early as 0 bytes, which is all the real one says. */
#ifndef FAKE_ESP_HTTP_H
#define FAKE_ESP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include <esp_http_client.h>

#define FAKE_MOST 8u

/** One exchange. */
struct fake_answer {
    int open_err;          // of the connection; with it
    int tls_err, tls_code; // ... what esp_tls and mbedTLS say
    int status;
    const char *fields[6]; // "Name: value"
    const uint8_t *body;
    uint32_t body_bytes;  // of the file; with serves_ranges of the whole one
    uint32_t sends_bytes; // then the connection ends; 0: all
    bool serves_ranges;   // 206 and Content-Range for an offset, 200 without, both with a length
    bool no_length;       // neither length nor chunks
    unsigned n_silent_head, n_silent; // waits that bring nothing: before the head, in the body
    bool is_interim_first;            // 103 comes before
    int read_err;                     // after sends_bytes, instead of 0
    unsigned takes_bytes;             // of a body that is sent, then it is lost; 0: all
};

struct fake_asked {
    esp_http_client_config_t config; // pointers are the request's
    char url[1024];
    char headers[6][160]; // "Name: value"
    unsigned n_headers;
    int write_len;  // what the head announced of a body
    char sent[512]; // the body
    unsigned n_sent;
    int timeout_ms; // while reading
};

extern struct fake_http {
    const struct fake_answer *answers;
    unsigned n_asked, n_open, n_waits;
    struct fake_asked asked[FAKE_MOST];
    bool out_of_memory;
} fake_http;

void fake_http_reset(const struct fake_answer *answers);

#endif
