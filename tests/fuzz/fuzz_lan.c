/* tests/fuzz/fuzz_lan.c - any frame on the wire. What is taken for a datagram lies in the frame,
 * says that it is for us and from the peer, and is what the peer would have sent: the same bytes
 * sent anew have the same checksum. ARP teaches a mac only if it comes from the peer's address. */
#include "fuzz.h"

#include <string.h>

#include "ports/virt/lan.h"

#define ETHER 14u
#define IPV4  20u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const uint8_t us[] = {10, 0, 2, 15}, peer[] = {10, 0, 2, 2};
    struct lan lan = {.mac = {2, 0, 0, 0, 0, 1}, .ip = 0x0a00020f, .peer_ip = 0x0a000202};
    struct lan_datagram got;
    uint8_t frame[LAN_FRAME_BYTES];
    const bool took = lan_take(&lan, data, n, &got);
    if (lan.is_peer_known) {
        FUZZ_MUST(n >= 42 && !took && !memcmp(data + 28, peer, 4) && !memcmp(data + 38, us, 4));
        FUZZ_MUST(!memcmp(lan.peer_mac, data + 22, LAN_MAC_BYTES));
        FUZZ_MUST(!lan.is_asked || lan_answer(&lan, frame) == 42);
    }
    if (!took)
        return 0;
    FUZZ_MUST(got.bytes >= data + ETHER + IPV4 && got.bytes <= data + n);
    FUZZ_MUST(got.n_bytes <= n - (size_t)(got.bytes - data));
    FUZZ_MUST(!memcmp(data + 26, peer, 4) && !memcmp(data + 30, us, 4));
    const uint8_t *udp = got.bytes - 8;
    if (got.n_bytes > LAN_UDP_BYTES || (!udp[6] && !udp[7]))
        return 0;
    struct lan sender = {.ip = lan.peer_ip, .peer_ip = lan.ip, .is_peer_known = true};
    const size_t n_frame =
        lan_send(&sender, got.from_port, got.to_port, got.bytes, got.n_bytes, frame);
    FUZZ_MUST(n_frame == ETHER + IPV4 + 8 + got.n_bytes);
    FUZZ_MUST(!memcmp(frame + ETHER + IPV4, udp, 8 + got.n_bytes));
    return 0;
}
