/* ports/virt/net_virtio.c - a network card by virtio: a ring of buffers for what comes, one for
 * what goes. Facts: VIRTIO 1.1, section 5.1. */
#include "net_virtio.h"

#include "virt.h"
#include "virtio.h"

#define RING_IN       0u
#define RING_OUT      1u
#define FEATURE_MAC   (1u << 5)
#define HEAD_BYTES    12u // virtio's own, before each frame; zero asks for nothing special
#define SEND_MOST_US  1000000u
#define MAC_HIGH_WORD 4u

struct buffer {
    uint8_t head[HEAD_BYTES];
    uint8_t frame[NET_FRAME_BYTES];
};

static struct {
    struct virtio_ring in, out;
    struct buffer received[VIRTIO_RING];
    struct buffer sent;
    uint32_t base;
    bool is_open;
    bool is_stuck; // a frame was never taken
} net;

static void offer_buffer(uint16_t i)
{
    const struct virtio_piece piece = {&net.received[i], sizeof(net.received[i]), true};
    virtio_offer(&net.in, i, &piece, 1);
}

ferry_err net_open(uint8_t mac[NET_MAC_BYTES])
{
    if (!net.is_open) {
        uint32_t agreed;
        ferry_err err = virtio_open(VIRTIO_NET, FEATURE_MAC, &net.base, &agreed);
        if (!err && !(agreed & FEATURE_MAC))
            err = FERRY_ERR_NOT_FOUND;
        if (!err)
            err = virtio_ring_init(&net.in, net.base, RING_IN);
        if (!err)
            err = virtio_ring_init(&net.out, net.base, RING_OUT);
        if (err)
            return err;
        virtio_start(net.base);
        for (uint16_t i = 0; i < VIRTIO_RING; i++)
            offer_buffer(i);
        net.is_open = true;
    }
    const uint32_t words[2] = {virtio_config(net.base, 0), virtio_config(net.base, MAC_HIGH_WORD)};
    for (unsigned i = 0; i < NET_MAC_BYTES; i++)
        mac[i] = (uint8_t)(words[i / 4] >> (8 * (i % 4)));
    return FERRY_OK;
}

ferry_err net_send(const uint8_t *frame, size_t n)
{
    uint16_t first;
    uint32_t n_in;
    if (n > sizeof(net.sent.frame))
        return FERRY_ERR_ARG;
    if (!net.is_open || net.is_stuck)
        return FERRY_ERR_NET_CONNECT;
    for (size_t i = 0; i < n; i++)
        net.sent.frame[i] = frame[i];
    const struct virtio_piece piece = {&net.sent, (uint32_t)(HEAD_BYTES + n), false};
    virtio_offer(&net.out, 0, &piece, 1);
    const uint32_t start = clock_us();
    while (!virtio_take(&net.out, &first, &n_in)) {
        const uint32_t gone = clock_us() - start;
        if (gone >= SEND_MOST_US) {
            net.is_stuck = true;
            return FERRY_ERR_NET_CONNECT;
        }
        virt_sleep(SEND_MOST_US - gone);
    }
    return FERRY_OK;
}

size_t net_receive(uint8_t frame[NET_FRAME_BYTES], uint32_t wait_us)
{
    const uint32_t start = clock_us();
    uint16_t i;
    uint32_t n_bytes;
    if (!net.is_open)
        return 0;
    for (;;) {
        // Hushed before the ring is looked at: what arrives later calls again.
        virtio_hush(net.base);
        while (virtio_take(&net.in, &i, &n_bytes)) {
            const size_t n =
                n_bytes > HEAD_BYTES && n_bytes <= sizeof(struct buffer) ? n_bytes - HEAD_BYTES : 0;
            for (size_t at = 0; at < n; at++)
                frame[at] = net.received[i].frame[at];
            offer_buffer(i);
            if (n)
                return n;
        }
        const uint32_t gone = clock_us() - start;
        if (gone >= wait_us)
            return 0;
        virt_sleep(wait_us - gone);
    }
}
