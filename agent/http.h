/* agent/http.h - the transport contract: what a port with an HTTP client promises the agent.
 * One exchange at a time: send a request, hand over the response's head, then its body as the
 * reader pulls it. Which status is good, where a redirect may lead, who gets a password: all that
 * is policy and lives in agent/source_http.c. A transport follows no redirect, decodes no content,
 * retries nothing. Implemented by ports/posix/http_curl.c; a fake stands in tests/agent. */
#ifndef FERRY_HTTP_H
#define FERRY_HTTP_H

#include "agent/cancel.h"
#include "agent/url.h"
#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_HTTP_DETAIL_BYTES 192u
#define FERRY_HTTP_VALUE_BYTES  96u

/** One request; borrowed until the transport's open returns. Pointers may be NULL. */
struct ferry_http_request {
    const char *url;  // http or https, checked by ferry_url_split
    const void *body; // NULL: GET; else POST with these body_bytes bytes
    size_t body_bytes;
    uint32_t off_bytes;
    const char *if_range;       // with an offset: sent as If-Range
    const char *const *headers; // "Name: value", n_headers of them
    size_t n_headers;
    const char *user; // Basic authentication; with it a password, "" if it has none
    const char *password;
    const char *ca_file; // PEM; trusted instead of the system's; NULL: the system's
    const char *cert_file;
    const char *key_file; // client certificate and its key, PEM
    // The same from memory, each instead of its file.
    const char *ca_pem;
    const char *cert_pem;
    const uint8_t *key_der; // of RFC 5915, key_der_bytes of it
    size_t key_der_bytes;
    bool is_unverified; // anybody may answer: only for what is checked by other means, without
                        // credentials
    uint32_t connect_timeout_ms; // name look-up, connection and TLS handshake together
    uint32_t stall_timeout_ms;   // longest silence of the server after that
    const struct ferry_cancel *cancel;
};

/** The head of a response, read from its lines by the functions below. Strings are printable ASCII,
 * "" if the server did not send the field or sent one that does not fit. */
struct ferry_http_head {
    uint16_t status;
    bool is_broken; // the server contradicts itself about the length
    bool is_chunked;
    bool has_length;
    uint64_t length_bytes; // of this body
    bool has_range;        // Content-Range with a first byte
    uint64_t range_first;
    uint64_t range_total; // 0: not known
    bool accepts_ranges;
    uint32_t retry_after_s; // 0: not said, or said as a date
    bool location_is_cut;   // longer than an address may be
    uint32_t poll_s;        // Ferry-Poll: seconds to the next question; 0: not said
    bool wants_renewal;     // Ferry-Renew: 1
    char reason[48];
    char content_type[FERRY_HTTP_VALUE_BYTES];
    char content_encoding[24];
    char etag[FERRY_HTTP_VALUE_BYTES];
    char last_modified[FERRY_HTTP_VALUE_BYTES];
    char device_id[65]; // Ferry-Device
    char location[FERRY_URL_BYTES];
};

struct ferry_http;

struct ferry_http_ops {
    /** Sends GET, or POST, for req and waits for the head of the final response (1xx are passed
     * over). off_bytes above 0 adds "Range: bytes=N-", and If-Range if that is given. No
     * Accept-Encoding, no automatic decompression. On an error nothing stays open. Errors, all with
     * h->detail where there is more to say: FERRY_ERR_NET_CONNECT no address, no connection, or not
     * within the time FERRY_ERR_NET_TLS     handshake or certificate, either side's
     * FERRY_ERR_NET_TIMEOUT, FERRY_ERR_NET_CLOSED, FERRY_ERR_NET_PROTOCOL, FERRY_ERR_CANCELLED,
     * FERRY_ERR_NET_URL, FERRY_ERR_NO_MEMORY */
    ferry_err (*open)(struct ferry_http *h, const struct ferry_http_request *req,
                      struct ferry_http_head *head);
    /** The next bytes of the body, at most n > 0; waits for at least one, asking `cancel` at least
     * every FERRY_CANCEL_POLL_MS. *got 0: the body's end as HTTP frames it (length, last chunk,
     * or the connection's end where the head names neither). Errors as open. */
    ferry_err (*read)(struct ferry_http *h, void *dst, size_t n, size_t *got);
    void (*close)(struct ferry_http *h);
};

/** A transport; a port has it as its first member. Caller-owned, used again and again. */
struct ferry_http {
    const struct ferry_http_ops *ops;
    char detail[FERRY_HTTP_DETAIL_BYTES]; // of the last failure, in the library's words
};

/** Clears a head, to be done at each status line. */
void ferry_http_head_begin(struct ferry_http_head *head);

/** Takes one line of a response head, without its line end: the status line first (which clears
 * what was there), then the fields in any order. Unknown fields are passed over.
 * FERRY_ERR_NET_PROTOCOL not a status line, not a field. */
FERRY_MUST_CHECK ferry_err ferry_http_head_line(struct ferry_http_head *head, const char *line,
                                                size_t n);

/** Takes one field, for transports that have them split already. */
void ferry_http_head_field(struct ferry_http_head *head, const char *name, size_t n_name,
                           const char *value, size_t n_value);

#ifdef __cplusplus
}
#endif
#endif
