/* agent/url.h - http and https addresses: split, join, compare origins.
 * Our own splitter, because redirect policy must hold on a chip too, where there is no libcurl. It
 * is stricter than RFC 3986 on purpose: what two parsers could read differently (user names before
 * the host, backslashes, control characters, unescaped bytes) is refused, so that the origin
 * checked here is the host a transport connects to. */
#ifndef FERRY_URL_H
#define FERRY_URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_URL_BYTES 1024u // the longest address, its NUL included

/** An address in its parts; the pointers lead into the text that was split. */
struct ferry_url {
    bool is_https;
    const char *host; // an IPv6 address with its brackets
    size_t host_bytes;
    uint16_t port;    // given, or 80 or 443
    const char *path; // from the first / or ? or # behind the host; may be empty
};

/** True if text begins with http: or https:, in any case. Says nothing about the rest. */
bool ferry_url_is_http(const char *text);

/** Splits an absolute http or https address. FERRY_ERR_NET_URL for anything else. */
FERRY_MUST_CHECK ferry_err ferry_url_split(const char *text, struct ferry_url *out);

/** True if scheme, host (case ignored) and port are the same. */
bool ferry_url_same_origin(const struct ferry_url *a, const struct ferry_url *b);

/** Resolves ref, absolute or relative, against the address base (RFC 3986 5.2: dot segments are
 * removed, a fragment is dropped; the scheme comes out in small letters) into out, which is n_bytes
 * large and may not overlap.
 * FERRY_ERR_NET_URL base or the result is not an http or https address, or does not fit; then *out
 * is an empty string. */
FERRY_MUST_CHECK ferry_err ferry_url_join(const char *base, const char *ref, char *out,
                                          size_t n_bytes);

#ifdef __cplusplus
}
#endif
#endif
