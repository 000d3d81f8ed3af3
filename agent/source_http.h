/* agent/source_http.h - the source that asks a web server, and the policy of doing so.
 * Rests on a transport (agent/http.h). Tables of statuses, redirects and who gets credentials, with
 * the reasons: docs/design/sources.md. */
#ifndef FERRY_SOURCE_HTTP_H
#define FERRY_SOURCE_HTTP_H

#include "agent/http.h"
#include "agent/source.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Firmware without trusted keys must not install what anybody on the way could have changed. A
 * build that accepts this defines 1; a caller that has asked its user sets allow_plain_http. */
#ifndef FERRY_CFG_ALLOW_UNSIGNED_HTTP
#define FERRY_CFG_ALLOW_UNSIGNED_HTTP 0
#endif

#define FERRY_HTTP_REDIRECTS          5u
#define FERRY_HTTP_CONNECT_TIMEOUT_MS 10000u
#define FERRY_HTTP_STALL_TIMEOUT_MS   30000u

/** How to ask. {0} is legal. Kept while the source is used. */
struct ferry_http_options {
    bool allow_plain_http; // the caller accepts http, for this source
    const char *user;      // Basic authentication; NULL: none
    const char *password;  // NULL: empty
    const char *const *headers;
    size_t n_headers;       // "Name: value", n_headers of them
    const char *cert_file;  // client certificate, PEM
    const char *key_file;   // its key, PEM; NULL: in the same file
    const char *cert_pem;   // the same from memory
    const uint8_t *key_der; // RFC 5915, key_der_bytes of it
    size_t key_der_bytes;
    // Whose secrets all above are: only the origin of this address gets them. NULL, or the
    // path of a file: of the address that is opened. With a manifest, what the manifest was read
    // from: one that came from a server may name any host.
    const char *secrets_for;
    const char *ca_file;         // PEM; trusted instead of the system's; NULL: the system's
    const char *ca_pem;          // the same from memory
    uint32_t connect_timeout_ms; // 0: FERRY_HTTP_CONNECT_TIMEOUT_MS
    uint32_t stall_timeout_ms;   // 0: FERRY_HTTP_STALL_TIMEOUT_MS
    uint32_t max_bytes;          // the most the caller will take, offset included; 0: no limit
};

/** An http(s) source; about 3 KB. url is where the answer came from, redirects followed. */
struct ferry_source_http {
    struct ferry_source source; // first: a pointer to it is a pointer to the whole
    struct ferry_http *http;
    const struct ferry_http_options *options;
    const char *first_url;
    char url[FERRY_URL_BYTES];
    struct ferry_http_head head; // of the last response, also of a refused one (retry_after_s)
    bool has_end;
    uint32_t end_bytes; // where the file ends, if has_end
};

/** Makes a source of an address; url, http, options (NULL: {0}) and cancel are kept. Opens nothing.
 * Opening and reading then fail with
 * FERRY_ERR_ARG           a header, user name or key that cannot be sent as it is
 * FERRY_ERR_NET_URL       not an http or https address
 * FERRY_ERR_NET_INSECURE  plain http, and nobody allowed it
 * FERRY_ERR_NET_STATUS    fault: the status; detail "Not Found"
 * FERRY_ERR_NET_REDIRECT  detail why; too many: fault: 6, 5
 * FERRY_ERR_NET_TYPE      a web page
 * FERRY_ERR_NET_LENGTH    fault: bytes sent or announced, limit
 * FERRY_ERR_NET_CLOSED    fault: bytes received, bytes announced; 0, 0: none were
 * FERRY_ERR_NET_PROTOCOL  the offset was ignored (fault: 200, 206), lengths contradict each other,
 *                         content is encoded
 * and with the errors of the transport. */
void ferry_source_http_init(struct ferry_source_http *s, struct ferry_http *http, const char *url,
                            const struct ferry_http_options *options,
                            const struct ferry_cancel *cancel);

#ifdef __cplusplus
}
#endif
#endif
