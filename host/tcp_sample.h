/* host/tcp_sample.h - the serving side of esp-hal-ota's sample protocol: length and CRC-32, four
 * little-endian bytes each, then chunks of 8192 bytes, each of which the device answers with a
 * byte. What is sent, and who waits at the door, is the caller's: `ferry serve` has a file, ferryd
 * a release. The device's side: agent/source_tcp.h. */
#ifndef HOST_TCP_SAMPLE_H
#define HOST_TCP_SAMPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TCP_SAMPLE_LOOK_MS 200u // a waiting thread looks this often whether to stop

/** One device and what it gets. */
struct tcp_sample {
    int fd;               // the connection; stays the caller's
    uint32_t length, crc; // of what is sent
    /** Copies the n bytes from off on into dst; once a chunk. False: the connection is to end. */
    bool (*read)(void *ctx, uint32_t off, uint8_t *dst, uint32_t n);
    /** How many of n bytes may be sent now, sent being sent; may wait. 0: the connection is to end.
     * NULL: all. */
    uint32_t (*pace)(void *ctx, uint32_t sent, uint32_t n);
    void *ctx;
    const atomic_bool *is_stopping; // ends it, soon after it becomes true
    uint32_t limit_ms;              // for each answer, and while no byte goes out
};

/** Waits until a socket is ready. False: the time is over, or *is_stopping. */
bool tcp_sample_wait(const atomic_bool *is_stopping, int fd, short events, uint32_t limit_ms);

/** Sends it all. Returns how many bytes went out; less than length: the device or we gave up. */
uint32_t tcp_sample_send(const struct tcp_sample *t);

#endif
