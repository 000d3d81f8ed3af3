/* tests/agent/test_lan.c - frames of ARP, IPv4 and UDP made and taken apart, and what must be
 * passed over: damaged, cut, fragmented, not for us, not from the peer. */
#include "lan.h"
#include "t.h"

#include <stdlib.h>

static const uint8_t our_mac[] = {2, 0, 0, 0, 0, 1}, their_mac[] = {2, 0, 0, 0, 0, 2};

static struct lan us(void)
{
    struct lan lan = {.ip = 0x0a00020f, .peer_ip = 0x0a000202};
    memcpy(lan.mac, our_mac, sizeof(our_mac));
    return lan;
}

static struct lan them(void)
{
    struct lan lan = {.ip = 0x0a000202, .peer_ip = 0x0a00020f, .is_peer_known = true};
    memcpy(lan.mac, their_mac, sizeof(their_mac));
    memcpy(lan.peer_mac, our_mac, sizeof(our_mac));
    return lan;
}

/* The frame in memory of exactly its size, so that a sanitizer sees a byte too many. */
static bool take(struct lan *lan, const uint8_t *frame, size_t n, struct lan_datagram *out,
                 uint8_t *bytes)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!T_CHECK(exact))
        return false;
    memcpy(exact, frame, n);
    const bool took = lan_take(lan, exact, n, out);
    if (took && bytes)
        memcpy(bytes, out->bytes, out->n_bytes);
    free(exact);
    return took;
}

static void two_ends_find_each_other(void)
{
    struct lan a = us(), b = them();
    uint8_t frame[LAN_FRAME_BYTES];
    struct lan_datagram d;
    static const uint8_t asked[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0,  1, 8, 6,
                                    0,    1,    8,    0,    6,    4,    0, 1, 2, 0, 0,  0, 0, 1,
                                    10,   0,    2,    15,   0,    0,    0, 0, 0, 0, 10, 0, 2, 2};
    b.is_peer_known = false;
    T_EQ_INT(lan_ask(&a, frame), sizeof(asked));
    T_EQ_MEM(frame, asked, sizeof(asked));
    T_CHECK(!take(&b, frame, sizeof(asked), &d, NULL));
    T_CHECK(b.is_peer_known && b.is_asked);
    const size_t n = lan_answer(&b, frame);
    T_CHECK(!b.is_asked);
    T_CHECK(!take(&a, frame, n, &d, NULL));
    T_CHECK(a.is_peer_known && !a.is_asked);
    T_EQ_MEM(a.peer_mac, their_mac, sizeof(their_mac));
}

static void datagrams_of_every_length_arrive(void)
{
    struct lan a = us(), b = them();
    uint8_t frame[LAN_FRAME_BYTES], bytes[LAN_UDP_BYTES], got[LAN_UDP_BYTES];
    struct lan_datagram d;
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 31 + 7);
    for (size_t n = 0; n <= sizeof(bytes); n += n < 70 ? 1 : 467) {
        const size_t n_frame = lan_send(&b, 69, 4000, bytes, n, frame);
        T_EQ_INT(n_frame, 42 + n);
        T_CHECK(take(&a, frame, n_frame, &d, got));
        T_EQ_INT(d.from_port, 69);
        T_EQ_INT(d.to_port, 4000);
        T_EQ_INT(d.n_bytes, n);
        T_EQ_MEM(got, bytes, n);
    }
    // Short frames are filled up on the wire.
    size_t n_frame = lan_send(&b, 69, 4000, bytes, 3, frame);
    memset(frame + n_frame, 0xee, 60 - n_frame);
    T_CHECK(take(&a, frame, 60, &d, NULL));
    T_EQ_INT(d.n_bytes, 3);
}

/* A sum of 0 goes out as 0xffff, since 0 says that there is none. */
static void checksum_is_never_told_as_missing(void)
{
    struct lan a = us(), b = them();
    uint8_t frame[LAN_FRAME_BYTES], bytes[2];
    struct lan_datagram d;
    unsigned n_full = 0, n_bad = 0;
    for (uint32_t v = 0; v < 0x10000; v++) {
        bytes[0] = (uint8_t)(v >> 8);
        bytes[1] = (uint8_t)v;
        const size_t n = lan_send(&b, 69, 4000, bytes, sizeof(bytes), frame);
        const unsigned sum = (unsigned)frame[40] << 8 | frame[41];
        n_full += sum == 0xffff;
        n_bad += sum == 0 || !lan_take(&a, frame, n, &d);
    }
    T_EQ_INT(n_bad, 0);
    T_EQ_INT(n_full, 1);
}

static void every_damaged_bit_is_noticed(void)
{
    struct lan b = them();
    uint8_t frame[LAN_FRAME_BYTES];
    struct lan_datagram d;
    const size_t n = lan_send(&b, 69, 4000, (const uint8_t *)"hello", 5, frame);
    for (size_t bit = 12 * 8; bit < n * 8; bit++) {
        struct lan a = us();
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
        T_CHECK(!take(&a, frame, n, &d, NULL));
        frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cut = 0; cut < n; cut++) {
        struct lan a = us();
        T_CHECK(!take(&a, frame, cut, &d, NULL));
    }
}

static uint16_t sum_of(const uint8_t *p, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Changes a byte of the IPv4 head and makes its checksum right again. */
static bool takes_with(size_t at, uint8_t value)
{
    struct lan a = us(), b = them();
    uint8_t frame[LAN_FRAME_BYTES];
    struct lan_datagram d;
    const size_t n = lan_send(&b, 69, 4000, (const uint8_t *)"hello!", 6, frame);
    frame[14 + at] = value;
    frame[24] = frame[25] = 0;
    const uint16_t sum = sum_of(frame + 14, 20);
    frame[24] = (uint8_t)(sum >> 8);
    frame[25] = (uint8_t)sum;
    return take(&a, frame, n, &d, NULL);
}

static void what_is_not_for_us_is_passed_over(void)
{
    T_CHECK(takes_with(8, 3)); // any time to live
    T_CHECK(!takes_with(0, 0x65));
    T_CHECK(!takes_with(0, 0x44)); // a head of four words
    T_CHECK(!takes_with(0, 0x4f)); // one longer than what came
    T_CHECK(!takes_with(6, 0x20)); // more fragments follow
    T_CHECK(!takes_with(7, 1));    // not the first fragment
    T_CHECK(!takes_with(9, 6));    // TCP
    T_CHECK(!takes_with(15, 3));   // from another host
    T_CHECK(!takes_with(19, 255)); // for another, or for all
    T_CHECK(!takes_with(3, 20));   // no room for UDP
    T_CHECK(!takes_with(2, 1));    // longer than the frame
}

static void datagram_without_a_checksum_is_taken(void)
{
    struct lan a = us(), b = them();
    uint8_t frame[LAN_FRAME_BYTES];
    struct lan_datagram d;
    const size_t n = lan_send(&b, 69, 4000, (const uint8_t *)"hello", 5, frame);
    frame[40] = frame[41] = 0;
    T_CHECK(take(&a, frame, n, &d, NULL));
    frame[39] = 7; // UDP's own length: less than its head
    T_CHECK(!take(&a, frame, n, &d, NULL));
    frame[39] = 14; // more than there is
    T_CHECK(!take(&a, frame, n, &d, NULL));
}

static void foreign_arp_teaches_nothing(void)
{
    static const size_t places[] = {15, 17, 31, 41}; // kinds of address, sender, target
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
        struct lan a = us(), b = them();
        uint8_t frame[LAN_FRAME_BYTES];
        struct lan_datagram d;
        const size_t n = lan_ask(&b, frame);
        frame[places[i]] ^= 0x11;
        T_CHECK(!take(&a, frame, n, &d, NULL) && !a.is_peer_known && !a.is_asked);
        frame[places[i]] ^= 0x11;
        T_CHECK(!take(&a, frame, n - 1, &d, NULL) && !a.is_peer_known);
    }
}

static void noise_is_passed_over(void)
{
    uint32_t chance = 1;
    unsigned n_longer = 0;
    for (unsigned round = 0; round < 20000; round++) {
        struct lan a = us(), b = them();
        uint8_t frame[LAN_FRAME_BYTES];
        struct lan_datagram d;
        size_t n = lan_send(&b, 69, 4000, (const uint8_t *)"hello", 5, frame);
        for (unsigned i = 0; i < 4; i++) {
            chance = chance * 1664525u + 1013904223u;
            frame[12 + (chance >> 8) % (n - 12)] = (uint8_t)(chance >> 24);
        }
        n -= chance >> 16 & 3;
        n_longer += take(&a, frame, n, &d, NULL) && d.n_bytes > n;
    }
    T_EQ_INT(n_longer, 0);
}

int main(void)
{
    T_RUN(two_ends_find_each_other);
    T_RUN(datagrams_of_every_length_arrive);
    T_RUN(checksum_is_never_told_as_missing);
    T_RUN(every_damaged_bit_is_noticed);
    T_RUN(what_is_not_for_us_is_passed_over);
    T_RUN(datagram_without_a_checksum_is_taken);
    T_RUN(foreign_arp_teaches_nothing);
    T_RUN(noise_is_passed_over);
    return t_end();
}
