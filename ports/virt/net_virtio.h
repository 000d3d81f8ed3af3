/* ports/virt/net_virtio.h - Ethernet frames in and out by virtio. One network card, no interrupts
 * taken, frames of at most NET_FRAME_BYTES. */
#ifndef NET_VIRTIO_H
#define NET_VIRTIO_H

#include "ferry/err.h"

#include <stddef.h>
#include <stdint.h>

#define NET_FRAME_BYTES 1514u
#define NET_MAC_BYTES   6u

/** Readies the card and says its address; once it is ready a second call changes nothing.
 * FERRY_ERR_NOT_FOUND  the machine has none that can be talked to */
FERRY_MUST_CHECK ferry_err net_open(uint8_t mac[NET_MAC_BYTES]);

/** Sends a frame of n bytes, n at most NET_FRAME_BYTES; waits until the card has taken it.
 * FERRY_ERR_NET_CONNECT  it does not take it */
FERRY_MUST_CHECK ferry_err net_send(const uint8_t *frame, size_t n);

/** The next frame's length, its bytes copied; 0 after wait_us without one. Sleeps meanwhile. */
size_t net_receive(uint8_t frame[NET_FRAME_BYTES], uint32_t wait_us);

#endif
