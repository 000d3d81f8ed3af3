/* agent/source_tcp.h - the source that asks a server of esp-hal-ota's sample protocol.
 * The device connects; the server sends the file's length and CRC-32, four little-endian bytes
 * each, and then the file in chunks of 8192 bytes, each of which the device answers with one byte.
 * There is no name, no offset and no secret in it. Rests on a transport (agent/tcp.h). */
#ifndef FERRY_SOURCE_TCP_H
#define FERRY_SOURCE_TCP_H

#include "agent/source.h"
#include "agent/tcp.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_TCP_PORT               6969u
#define FERRY_TCP_HEAD_BYTES         8u
#define FERRY_TCP_CHUNK_BYTES        8192u
#define FERRY_TCP_HOST_BYTES         256u
#define FERRY_TCP_CONNECT_TIMEOUT_MS 10000u
#define FERRY_TCP_STALL_TIMEOUT_MS   30000u
#define FERRY_TCP_END_WAIT_MS        200u // after the last answer, for bytes that should not come

/** How to ask. {0} is legal. Kept while the source is used. */
struct ferry_tcp_options {
    bool allow_plain;            // the caller accepts a server that nothing vouches for
    uint32_t connect_timeout_ms; // 0: FERRY_TCP_CONNECT_TIMEOUT_MS
    uint32_t stall_timeout_ms;   // for the head, and for each chunk; 0: FERRY_TCP_STALL_TIMEOUT_MS
};

/** A tcp source; caller-owned. */
struct ferry_source_tcp {
    struct ferry_source source; // first: a pointer to it is a pointer to the whole
    struct ferry_tcp *tcp;
    struct ferry_tcp_options options;
    const char *address;
    uint32_t n_unanswered; // bytes of the current chunk that were read
    uint32_t budget_ms;    // what is left of the time for it
};

/** True if text begins with tcp://, in any case. */
bool ferry_tcp_is_address(const char *text);

/** Splits tcp://host, tcp://host:port or tcp://[v6]:port; a / at the end is allowed, and a port
 * that is missing is 6969. host is FERRY_TCP_HOST_BYTES large and gets no brackets.
 * FERRY_ERR_NET_URL anything else; *why, if not NULL, says what is wrong with it. */
FERRY_MUST_CHECK ferry_err ferry_tcp_split(const char *text, char *host, uint16_t *port,
                                           const char **why);

/** Makes a source of an address; address, tcp and cancel are kept, options (NULL: {0}) copied.
 * Opens nothing. The file's length and CRC-32 become its facts; it is never authenticated. The
 * protocol has no offsets: opened at one, the source begins at the start if it may
 * (ferry_source_open_near), so that who goes on compares the bytes that are there already.
 * Opening and reading fail with
 * FERRY_ERR_NET_URL       not such an address; detail why
 * FERRY_ERR_NET_INSECURE  nobody allowed a server that nothing vouches for
 * FERRY_ERR_NET_PROTOCOL  the server announces 0 bytes; an offset was asked for
 * FERRY_ERR_NET_TIMEOUT   the head or a chunk was not there in time; detail the limit
 * FERRY_ERR_NET_CLOSED    fault: bytes received, bytes announced; 0, 0: not even a head
 * FERRY_ERR_NET_LENGTH    more came than was announced; fault: more, announced
 * and with the errors of the transport. */
void ferry_source_tcp_init(struct ferry_source_tcp *s, struct ferry_tcp *tcp, const char *address,
                           const struct ferry_tcp_options *options,
                           const struct ferry_cancel *cancel);

#ifdef __cplusplus
}
#endif
#endif
