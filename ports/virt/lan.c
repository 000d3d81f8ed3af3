/* ports/virt/lan.c - ARP, IPv4 and UDP, frame by frame. Everything on the wire is most significant
 * byte first, and every length that a frame claims is held against what came. */
#include "lan.h"

#define ETHER_BYTES   14u
#define TYPE_IPV4     0x0800u
#define TYPE_ARP      0x0806u

#define ARP_BYTES     28u
#define ARP_REQUEST   1u
#define ARP_ANSWER    2u

#define IPV4_BYTES    20u // without options, which we do not send
#define IPV4_TTL      64u
#define IPV4_UDP      17u
#define IPV4_FRAGMENT 0x3fffu // "more follow", or not the first
#define DONT_FRAGMENT 0x4000u

#define UDP_BYTES     8u

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v);
}

static void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
}

/* The internet checksum, begun with a sum; bytes that carry a good one come to 0. */
static uint16_t checksum(uint32_t sum, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        sum += be16(p + i);
    if (n % 2)
        sum += (uint32_t)p[n - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* What UDP's checksum covers beside the datagram. */
static uint32_t pseudo_head(uint32_t from, uint32_t to, size_t n_udp)
{
    return (from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + IPV4_UDP + (uint32_t)n_udp;
}

static void put_ether(const struct lan *lan, const uint8_t *to, uint32_t type, uint8_t *frame)
{
    for (unsigned i = 0; i < LAN_MAC_BYTES; i++)
        frame[i] = to ? to[i] : 0xff;
    copy(frame + LAN_MAC_BYTES, lan->mac, LAN_MAC_BYTES);
    put16(frame + 2 * LAN_MAC_BYTES, type);
}

static size_t put_arp(const struct lan *lan, uint32_t what, const uint8_t *to, uint8_t *frame)
{
    static const uint8_t head[] = {0, 1, 8, 0, LAN_MAC_BYTES, 4}; // Ethernet and IPv4
    uint8_t *arp = frame + ETHER_BYTES;
    put_ether(lan, to, TYPE_ARP, frame);
    copy(arp, head, sizeof(head));
    put16(arp + 6, what);
    copy(arp + 8, lan->mac, LAN_MAC_BYTES);
    put32(arp + 14, lan->ip);
    for (unsigned i = 0; i < LAN_MAC_BYTES; i++)
        arp[18 + i] = to ? to[i] : 0;
    put32(arp + 24, lan->peer_ip);
    return ETHER_BYTES + ARP_BYTES;
}

size_t lan_ask(const struct lan *lan, uint8_t frame[LAN_FRAME_BYTES])
{
    return put_arp(lan, ARP_REQUEST, NULL, frame);
}

size_t lan_answer(struct lan *lan, uint8_t frame[LAN_FRAME_BYTES])
{
    lan->is_asked = false;
    return put_arp(lan, ARP_ANSWER, lan->peer_mac, frame);
}

static void put_ipv4(struct lan *lan, size_t n, uint8_t *ip)
{
    put16(ip, 0x4500); // version 4, a head of five words, nothing special
    put16(ip + 2, (uint32_t)n);
    put16(ip + 4, lan->n_sent++);
    put16(ip + 6, DONT_FRAGMENT);
    put16(ip + 8, IPV4_TTL << 8 | IPV4_UDP);
    put16(ip + 10, 0);
    put32(ip + 12, lan->ip);
    put32(ip + 16, lan->peer_ip);
    put16(ip + 10, checksum(0, ip, IPV4_BYTES));
}

size_t lan_send(struct lan *lan, uint16_t from_port, uint16_t to_port, const uint8_t *bytes,
                size_t n_bytes, uint8_t frame[LAN_FRAME_BYTES])
{
    uint8_t *ip = frame + ETHER_BYTES, *udp = ip + IPV4_BYTES;
    const size_t n_udp = UDP_BYTES + n_bytes;
    put_ether(lan, lan->peer_mac, TYPE_IPV4, frame);
    put_ipv4(lan, IPV4_BYTES + n_udp, ip);
    put16(udp, from_port);
    put16(udp + 2, to_port);
    put16(udp + 4, (uint32_t)n_udp);
    put16(udp + 6, 0);
    copy(udp + UDP_BYTES, bytes, n_bytes);
    const uint16_t sum = checksum(pseudo_head(lan->ip, lan->peer_ip, n_udp), udp, n_udp);
    put16(udp + 6, sum ? sum : 0xffff); // 0 would say that there is none
    return ETHER_BYTES + IPV4_BYTES + n_udp;
}

static void take_arp(struct lan *lan, const uint8_t *arp, size_t n)
{
    if (n < ARP_BYTES || be16(arp) != 1 || be16(arp + 2) != TYPE_IPV4 ||
        be32(arp + 14) != lan->peer_ip || be32(arp + 24) != lan->ip)
        return;
    copy(lan->peer_mac, arp + 8, LAN_MAC_BYTES);
    lan->is_peer_known = true;
    lan->is_asked |= be16(arp + 6) == ARP_REQUEST;
}

static bool take_udp(const struct lan *lan, const uint8_t *udp, size_t n, struct lan_datagram *out)
{
    if (n < UDP_BYTES)
        return false;
    const size_t n_udp = be16(udp + 4);
    if (n_udp < UDP_BYTES || n_udp > n)
        return false;
    if (be16(udp + 6) && checksum(pseudo_head(lan->peer_ip, lan->ip, n_udp), udp, n_udp))
        return false;
    *out = (struct lan_datagram){.from_port = (uint16_t)be16(udp),
                                 .to_port = (uint16_t)be16(udp + 2),
                                 .bytes = udp + UDP_BYTES,
                                 .n_bytes = n_udp - UDP_BYTES};
    return true;
}

static bool take_ipv4(const struct lan *lan, const uint8_t *ip, size_t n, struct lan_datagram *out)
{
    if (n < IPV4_BYTES || ip[0] >> 4 != 4)
        return false;
    const size_t n_head = 4u * (ip[0] & 15u), n_ip = be16(ip + 2);
    if (n_head < IPV4_BYTES || n_ip < n_head || n_ip > n || checksum(0, ip, n_head))
        return false;
    if (be16(ip + 6) & IPV4_FRAGMENT || ip[9] != IPV4_UDP || be32(ip + 12) != lan->peer_ip ||
        be32(ip + 16) != lan->ip)
        return false;
    return take_udp(lan, ip + n_head, n_ip - n_head, out);
}

bool lan_take(struct lan *lan, const uint8_t *frame, size_t n, struct lan_datagram *out)
{
    if (n < ETHER_BYTES)
        return false;
    const uint32_t type = be16(frame + 2 * LAN_MAC_BYTES);
    if (type == TYPE_ARP)
        take_arp(lan, frame + ETHER_BYTES, n - ETHER_BYTES);
    return type == TYPE_IPV4 && take_ipv4(lan, frame + ETHER_BYTES, n - ETHER_BYTES, out);
}
