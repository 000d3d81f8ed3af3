/* tests/fuzz/fuzz_tftp.c - a TFTP server that sends any datagrams, from any port, at any moment.
 * The input is a row of them: milliseconds until it comes (1 byte), port (1), length (2), bytes.
 * Whatever they are: pieces lie in the datagram and come to exactly what was got, never past what
 * was announced or with a block longer than agreed; what goes out is short, and bounded by what
 * came in and by the tries; and once nothing comes any more the transfer ends. */
#include "fuzz.h"

#include <string.h>

#include "agent/tftp.h"

#define TRIES         3u
#define RECORD_BYTES  4u
#define MOST_AT_START 16384u // of the milliseconds after the last datagram

static struct ferry_tftp t;
static uint32_t now, n_out, n_in;

static void send_all(void)
{
    uint8_t packet[FERRY_TFTP_PACKET_BYTES];
    uint16_t port;
    size_t n;
    while ((n = ferry_tftp_output(&t, now, packet, &port)) > 0) {
        FUZZ_MUST(n >= 4 && n <= sizeof(packet));
        // Each datagram may be answered by one packet and, to a stranger, another; each answer has
        // its tries.
        FUZZ_MUST(++n_out <= (n_in + 1) * (TRIES + 1));
    }
}

static void take(uint16_t port, const uint8_t *bytes, size_t n)
{
    const uint8_t *piece;
    size_t n_piece;
    const struct ferry_tftp before = t;
    n_in++;
    const ferry_err err = ferry_tftp_input(&t, port, bytes, n, &piece, &n_piece);
    FUZZ_MUST((before.state == FERRY_TFTP_FAILED) == (err == FERRY_ERR_STATE));
    FUZZ_MUST(!err || t.state == FERRY_TFTP_FAILED);
    FUZZ_MUST(!err || err == FERRY_ERR_STATE || t.fault.err == err);
    FUZZ_MUST(!err || n_piece == 0);
    FUZZ_MUST(n_piece == 0 || (piece >= bytes && n_piece <= n - (size_t)(piece - bytes)));
    FUZZ_MUST(t.state == FERRY_TFTP_FAILED || t.got_bytes - before.got_bytes == n_piece);
    FUZZ_MUST(n_piece <= 1428);
    FUZZ_MUST(!t.has_length || t.state == FERRY_TFTP_FAILED || t.got_bytes <= t.length_bytes);
    FUZZ_MUST(t.state != FERRY_TFTP_DONE || !t.has_length || t.got_bytes == t.length_bytes);
    FUZZ_MUST(before.state != FERRY_TFTP_DONE || t.state == FERRY_TFTP_DONE);
    FUZZ_MUST(memchr(t.detail, 0, sizeof(t.detail)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const struct ferry_tftp_config config = {.file = "app.bin", .tries = TRIES};
    now = n_out = n_in = 0;
    FUZZ_MUST(ferry_tftp_begin(&t, &config) == FERRY_OK);
    send_all();
    while (n >= RECORD_BYTES) {
        const size_t length = (size_t)data[2] << 8 | data[3];
        const size_t here = length < n - RECORD_BYTES ? length : n - RECORD_BYTES;
        now += data[0] * 8u;
        send_all();
        take((uint16_t)(40000u + data[1] % 3), data + RECORD_BYTES, here);
        send_all();
        data += RECORD_BYTES + here;
        n -= RECORD_BYTES + here;
    }
    for (uint32_t end = now + MOST_AT_START; now < end; now += 50)
        send_all();
    FUZZ_MUST(t.state == FERRY_TFTP_DONE || t.state == FERRY_TFTP_FAILED);
    return 0;
}
