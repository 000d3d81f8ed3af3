/* server/http_route.h - requests in, replies out: what the server's parts see of HTTP.
 * http_*.c stand between libmicrohttpd and the parts: listeners and TLS, the gate that refuses what
 * a strict server refuses, deadlines, limits, bodies read whole, replies and files sent. A part
 * (enroll, device_api, admin...) registers routes and never sees the library. Why each rule:
 * docs/design/server.md "HTTP". */
#ifndef SERVER_HTTP_ROUTE_H
#define SERVER_HTTP_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db.h"
#include "strbuf.h"

struct server;

#define HTTP_ID_BYTES      65u // a device id with NUL
#define HTTP_ADDRESS_BYTES 46u

/** Which door a request came through; a bit each. */
enum http_door {
    HTTP_DEVICES = 1, // TLS; a certificate is asked for, routes say whether it must be there
    HTTP_PROXY = 2,   // a Unix socket or a configured network: nginx speaks for the client
    HTTP_PUBLIC = 4,  // plain http, off by default: public releases only
    HTTP_ADMIN = 8    // pages, admin API, metrics
};

/** What a route asks of the client before its handler is called. */
enum http_need {
    HTTP_ANYONE,
    HTTP_DEVICE,         // a valid certificate of ours, of a device that is known, not revoked
    HTTP_DEVICE_EXPIRED, // the same, or one that ran out at most `renew_expired_days` ago
    HTTP_OPERATOR        // admin token or session; a form or a session's POST with its CSRF token;
                         // GET and HEAD alone of one who is read-only
};

/** The client's certificate; verified once per connection. Its row and its device's, all that a
 * request has to know of its device, are read at each request, at once. */
struct http_client {
    char address[HTTP_ADDRESS_BYTES]; // of the client, also behind a proxy
    bool is_expired;                  // the certificate, one of ours, is good but for its time
    bool must_renew;                  // ... so much so that nothing but its renewal is answered
    char cert_sha256[65];             // of its DER, in hex
    char id[HTTP_ID_BYTES];           // the device's, from the certificate's row; "" none
    int64_t cert_expires;             // Unix seconds
    bool should_renew;                // is to be told so
    int64_t seen;                     // when the device last asked; Unix seconds, 0: never
    char coming[65];                  // SHA-256 of what it was fetching then, in hex; "" nothing
};

/** Who administers. */
struct http_operator {
    char name[HTTP_ID_BYTES]; // "" nobody
    bool is_read_only;        // GET and HEAD alone
};

/** A request whose head passed the gate and whose body is whole. Lives while the handler runs. */
struct http_request {
    const char *method;
    const char *path;  // decoded, absolute, without query
    const char *after; // what a route that ends in '*' left over; else ""
    enum http_door door;
    struct http_client client;
    struct http_operator operator; // whose token or session it is, of HTTP_OPERATOR; else nobody
    const uint8_t *body;           // NUL follows it
    size_t n_body;
    struct db *db;  // the thread's connection
    const void *in; // the library's
};

/** A header's or a query argument's value, or NULL. Names of headers in any case. What a proxy says
 * of its client (Ferry-Client-...) is no header here: it is in `client` if it was to be believed.
 */
const char *http_header(const struct http_request *req, const char *name);
const char *http_argument(const struct http_request *req, const char *name);
const char *http_cookie(const struct http_request *req, const char *name);

/** The reply a handler fills in: {0} but for status, which it must set. */
struct http_reply {
    unsigned status;
    struct ferry_strbuf body; // freed by the caller of the handler
    const char *type;         // Content-Type; NULL: text/plain
    char headers[8][160];     // "Name: value"
    unsigned n_headers;
    const char *blob; // SHA-256 in hex of the file to send instead of body: HEAD, Range, If-Range,
                      // If-None-Match, ETag and Content-Length are done by the shim
    bool is_public;   // proxies may keep it
};

__attribute__((format(printf, 2, 3))) void http_add_header(struct http_reply *r, const char *fmt,
                                                           ...);

/** Sets status and {"ok": false, "error": NAME, "message": SENTENCE}; the name is the status's. */
__attribute__((format(printf, 3, 4))) void http_refuse(struct http_reply *r, unsigned status,
                                                       const char *fmt, ...);

/** The same with a name of its own, for programs. */
void http_refuse_as(struct http_reply *r, unsigned status, const char *name, const char *sentence);

typedef void (*http_handler)(struct server *s, const struct http_request *req,
                             struct http_reply *r);

/** One route. Tables of them stand in the parts and are listed in routes.c. */
struct http_route {
    const char *method; // GET serves HEAD too
    const char *path;   // exact, or ending in '*'
    unsigned doors;     // bits of enum http_door
    enum http_need need;
    size_t body_most; // bytes; 0: no body allowed; HTTP_UPLOAD: streamed to a file, path in body
    http_handler handle;
};

#define HTTP_UPLOAD SIZE_MAX

/** A clock that only goes forward, for deadlines and rates. */
int64_t http_now_ms(void);

#endif
