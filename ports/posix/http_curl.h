/* ports/posix/http_curl.h - the HTTP transport over libcurl.
 * Certificates are verified unless a request says that anybody may answer, which only the agent's
 * look for a pinned root does. Proxies are libcurl's
 * business: http_proxy, https_proxy, all_proxy and no_proxy of the environment count. */
#ifndef FERRY_HTTP_CURL_H
#define FERRY_HTTP_CURL_H

#include "agent/http.h"
#include "curl_library.h"

/** A transport; about 17 KB. The fields are its own, but for keeps_connection. */
struct ferry_http_curl {
    struct ferry_http http; // first: a pointer to it is a pointer to the whole
    bool keeps_connection;  // the caller's: the next exchange may use the last one's connection
    struct ferry_curl_library lib;
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers;
    const struct ferry_cancel *cancel;
    struct ferry_http_head *head; // being filled; NULL once it is complete
    uint32_t stall_timeout_ms;
    int64_t heard_ms;    // when the server was last heard, by the monotonic clock
    size_t n_head_bytes; // of all head lines so far
    bool is_https;
    bool is_connected; // TLS done, request on its way
    bool is_done;      // libcurl is through with the exchange
    bool is_paused;    // body bytes wait inside libcurl until the buffer is read
    ferry_err refused; // our own callbacks found something wrong
    CURLcode result;   // once is_done
    size_t at, n;      // the unread part of buffer
    char words[CURL_ERROR_SIZE];
    uint8_t buffer[CURL_MAX_WRITE_SIZE];
};

/** Makes a transport that has nothing open; libcurl's handles live from open to close, but where
 * connections are kept. */
void ferry_http_curl_init(struct ferry_http_curl *c);

/** Closes a connection that was kept; harmless where none is. */
void ferry_http_curl_end(struct ferry_http_curl *c);

#endif
