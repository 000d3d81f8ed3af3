/* server/http_private.h - what http_*.c share and nobody else sees: doors, connections, requests.
 * A door is a libmicrohttpd daemon with its listening socket. A connection's struct lives from
 * accept to close; a request's from its first line to the last byte of its answer. */
#ifndef SERVER_HTTP_PRIVATE_H
#define SERVER_HTTP_PRIVATE_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <stdatomic.h>

#include "address.h"
#include "ca.h"
#include "http_doors.h"
#include "http_route.h"
#include "server.h"

#define HTTP_TARGET_BYTES 2049u // 2 KB and NUL
#define HTTP_HEAD_MOST    8192u // all fields with their line ends
#define HTTP_POOL_BYTES   16384u
#define HTTP_NEVER        INT64_MAX

/** What a connection is doing, which says whose deadline it has. */
enum http_phase { HTTP_HANDSHAKE, HTTP_HEAD, HTTP_BODY, HTTP_WORK, HTTP_ANSWER, HTTP_IDLE };

struct http_tls;         // http_tls.h: keys and certificates as read last
struct http_credentials; // one reading of them

struct http_door_state {
    struct server *server;
    enum http_door kind;
    const char *word; // "devices", for logs
    bool has_tls;
    int listen_fd;
    char name[ADDRESS_NAME_BYTES], url[ADDRESS_NAME_BYTES + 16];
    struct MHD_Daemon *daemon;
    unsigned most; // connections
    atomic_uint open;
};

#define HTTP_CLIENT_FIELDS "Ferry-Client-" // what a proxy says about its client begins so

/** One connection; MHD's socket context. */
struct http_connection {
    struct http_connection *next, *previous; // in the watch's list
    struct http_door_state *door;
    int fd;
    _Atomic int64_t deadline_ms; // monotonic; HTTP_NEVER: none
    _Atomic int phase;
    int64_t left_deadline_ms; // the watch's own: of the body that its client has left unfinished
    unsigned n_left;          // ... and how many looks ago that was seen
    bool is_allowed;          // to be here at all
    char address[HTTP_ADDRESS_BYTES];
    struct http_credentials *credentials; // in use, of a TLS door
    gnutls_session_t session;             // MHD's; NULL without TLS
    unsigned judged;                      // the reading of the authority by which has_cert holds
    bool has_cert;
    char cert_sha256[CA_HEX_BYTES];
    bool was_resumed;
};

/** One request; MHD's client context. */
struct http_exchange {
    struct http_request request; // first: what handlers see
    struct server *server;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    const struct http_route *route;
    const char *raw; // where the target stands in MHD's buffer
    size_t n_raw;
    bool is_head, is_begun, is_target_bad;
    unsigned refuse; // the status to answer when the body has come and was thrown away; 0: none
    const char *why; // its sentence
    char sentence[96];
    bool is_last;      // the connection ends with the answer
    bool is_body_lost; // no room for it
    char allow[64], retry_after[16];
    uint8_t *body;
    size_t n_body, body_room, expected;
    int upload_fd; // -1: none
    char upload[48];
    int64_t began_ms, body_began_ms;
    unsigned status;
    uint64_t n_answer;
    char path[HTTP_TARGET_BYTES];   // decoded
    char target[HTTP_TARGET_BYTES]; // as it came
};

#endif
