/* agent/tcp.h - the transport contract: what a port with TCP promises the agent.
 * One connection at a time, bytes in both directions, and no wait without a limit. What the bytes
 * mean is the source's business (agent/source_tcp.c). Implemented by ports/posix/tcp_socket.c; a
 * fake stands in tests/agent. */
#ifndef FERRY_TCP_H
#define FERRY_TCP_H

#include <stdint.h>

#include "agent/cancel.h"
#include "ferry/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_TCP_DETAIL_BYTES 192u

struct ferry_tcp;

/* Every wait asks `cancel` at least each FERRY_CANCEL_POLL_MS and takes its time from *budget_ms,
 * which the caller fills once for a whole message: a peer that sends a byte now and then cannot
 * make it last. A budget that is used up is FERRY_ERR_NET_TIMEOUT. */
struct ferry_tcp_ops {
    /** Connects to a host name or an address (IPv6 without brackets). On an error nothing stays
     * open. FERRY_ERR_NET_CONNECT no address, no connection, or not within the budget;
     * FERRY_ERR_CANCELLED. t->detail has the system's words. */
    ferry_err (*connect)(struct ferry_tcp *t, const char *host, uint16_t port, uint32_t *budget_ms,
                         const struct ferry_cancel *cancel);
    /** Up to n > 0 bytes; waits for at least one. *got 0: the peer has closed.
     * FERRY_ERR_NET_CLOSED the connection broke; FERRY_ERR_NET_TIMEOUT; FERRY_ERR_CANCELLED. */
    ferry_err (*read)(struct ferry_tcp *t, void *dst, size_t n, uint32_t *budget_ms,
                      const struct ferry_cancel *cancel, size_t *got);
    /** All n bytes. Errors as read. */
    ferry_err (*write)(struct ferry_tcp *t, const void *src, size_t n, uint32_t *budget_ms,
                       const struct ferry_cancel *cancel);
    void (*close)(struct ferry_tcp *t);
};

/** A transport; a port has it as its first member. Caller-owned, used again and again. */
struct ferry_tcp {
    const struct ferry_tcp_ops *ops;
    char detail[FERRY_TCP_DETAIL_BYTES]; // of the last failure; "" nothing to add
};

#ifdef __cplusplus
}
#endif
#endif
