/* ports/virt/lan.h - as much of ARP, IPv4 and UDP as a talk with one host on the same wire needs:
 * frames to bytes and back, no I/O. What is not for us, damaged, or in fragments is passed over.
 * Facts: RFC 826, 791, 768, 1071. */
#ifndef LAN_H
#define LAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LAN_MAC_BYTES   6u
#define LAN_FRAME_BYTES 1514u // the longest of an Ethernet
#define LAN_UDP_BYTES   1472u // the most that fits into one as UDP

/** Both ends; addresses as numbers, 10.0.2.15 is 0x0a00020f. Fill in mac, ip and peer_ip. */
struct lan {
    uint8_t mac[LAN_MAC_BYTES];
    uint8_t peer_mac[LAN_MAC_BYTES];
    uint32_t ip, peer_ip;
    bool is_peer_known; // peer_mac is
    bool is_asked;      // the peer wants to know our mac: lan_answer is due
    uint16_t n_sent;    // IPv4's identification of the next packet
};

/** A datagram from the peer; bytes point into the frame. */
struct lan_datagram {
    uint16_t from_port, to_port;
    const uint8_t *bytes;
    size_t n_bytes;
};

/** The frame that asks for the peer's mac; its length. */
size_t lan_ask(const struct lan *lan, uint8_t frame[LAN_FRAME_BYTES]);

/** The frame that tells the peer ours; its length. */
size_t lan_answer(struct lan *lan, uint8_t frame[LAN_FRAME_BYTES]);

/** The frame with a datagram of n_bytes, at most LAN_UDP_BYTES, for the peer; its length. The
 * peer's mac must be known. */
size_t lan_send(struct lan *lan, uint16_t from_port, uint16_t to_port, const uint8_t *bytes,
                size_t n_bytes, uint8_t frame[LAN_FRAME_BYTES]);

/** Looks at a frame. True: it brought *out, a datagram from the peer for us; its checksums hold. */
bool lan_take(struct lan *lan, const uint8_t *frame, size_t n, struct lan_datagram *out);

#endif
