/* agent/tftp.h - a TFTP client that fetches one file: RFC 1350, with the options block size and
 * transfer size of RFC 2347 to 2349. It is the protocol only: packets come in and go out, time is
 * told, and nothing here knows a network. TFTP authenticates nobody, so what it brings needs a
 * signature of its own. */
#ifndef FERRY_TFTP_H
#define FERRY_TFTP_H

#include "ferry/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_TFTP_PORT         69u
#define FERRY_TFTP_HEAD_BYTES   4u  // before a block's bytes
#define FERRY_TFTP_PACKET_BYTES 176 // the longest that the client sends
#define FERRY_TFTP_FILE_BYTES   128 // of a file's name, its NUL included
#define FERRY_TFTP_DETAIL_BYTES 64
#define FERRY_TFTP_BLOCK_BYTES  512u // what there is without the option

/** How to fetch; all zero but the name is right for an Ethernet. */
struct ferry_tftp_config {
    const char *file;     // borrowed for the call; fewer than FERRY_TFTP_FILE_BYTES
    uint16_t block_bytes; // to ask for, 8 to 65464; 0: as much as fits an Ethernet frame, 1428
    uint16_t first_ms;    // after this long without an answer a packet goes out again; 0: 250.
                          // Each further wait is twice as long
    uint8_t tries;        // how often a packet goes out in all; 0: 6, which is 15.75 s by then
};

enum ferry_tftp_state {
    FERRY_TFTP_ASKING,    // the request is out
    FERRY_TFTP_RECEIVING, // the server has answered
    FERRY_TFTP_DONE,      // the last block is in; its acknowledgement may be due still
    FERRY_TFTP_FAILED     // fault says why; a last packet may be due still
};

/** One transfer; caller-owned, plain data. */
struct ferry_tftp {
    enum ferry_tftp_state state;
    uint32_t got_bytes;
    uint32_t length_bytes; // as the server announced it; has_length: it did
    bool has_length;
    struct ferry_fault fault;
    char detail[FERRY_TFTP_DETAIL_BYTES]; // the server's own words; "" none

    // The rest is nobody else's.
    char file[FERRY_TFTP_FILE_BYTES];
    uint16_t asked_bytes, block_bytes;
    uint16_t port; // of the server's end; 0: its well-known one, as nothing came yet
    uint16_t first_ms;
    uint8_t tries, n_sent;
    uint16_t last_block; // the number acknowledged last
    bool is_plain;       // options were refused
    bool is_due;         // a packet goes out with the next ferry_tftp_output
    uint32_t sent_ms, wait_ms;
    uint16_t stray_port; // who sent without being asked and is to be told; 0: nobody
};

/** Begins a transfer: the request goes out with the first ferry_tftp_output.
 * FERRY_ERR_NET_URL  the name is empty or too long; fault: its length, the limit
 * FERRY_ERR_ARG      a block size that the protocol does not have */
FERRY_MUST_CHECK ferry_err ferry_tftp_begin(struct ferry_tftp *t,
                                            const struct ferry_tftp_config *config);

/** The packet to send now, its length, and in *port to which port of the server (0: its well-known
 * one); 0: nothing is due. Called after each input and whenever ferry_tftp_wait_ms has passed,
 * until it says 0. Too long without an answer ends the transfer: FERRY_TFTP_FAILED with
 * FERRY_ERR_NET_TIMEOUT, fault: how often it was tried. */
size_t ferry_tftp_output(struct ferry_tftp *t, uint32_t now_ms,
                         uint8_t packet[FERRY_TFTP_PACKET_BYTES], uint16_t *port);

/** How long ferry_tftp_output has nothing to send if nothing comes in. */
uint32_t ferry_tftp_wait_ms(const struct ferry_tftp *t, uint32_t now_ms);

/** Takes a datagram that came from the server's address, from_port its port there. *piece: the next
 * bytes of the file within the packet, *n_piece of them; 0 if it brought none. Their
 * acknowledgement is what ferry_tftp_output gives next, so a file is asked for no faster than it is
 * put away. Packets that are late, double or not of this transfer change nothing.
 * FERRY_ERR_NET_STATUS    the server refuses; fault: its number, detail: its words
 * FERRY_ERR_NET_PROTOCOL  it answers what was not asked for, or a block longer than agreed
 * FERRY_ERR_NET_LENGTH    more than it announced or than 4 GiB; fault: bytes, announced
 * FERRY_ERR_NET_CLOSED    the file ends before its announced length; fault: the same
 * FERRY_ERR_STATE         the transfer is over */
FERRY_MUST_CHECK ferry_err ferry_tftp_input(struct ferry_tftp *t, uint16_t from_port,
                                            const uint8_t *packet, size_t n, const uint8_t **piece,
                                            size_t *n_piece);

/** Gives the transfer up for a reason of the caller's; the next ferry_tftp_output tells the
 * server. */
void ferry_tftp_abort(struct ferry_tftp *t, ferry_err why);

#ifdef __cplusplus
}
#endif
#endif
