/* tests/agent/test_tftp.c - the TFTP client against a server made of a few lines: packet by packet
 * where the words matter, and over a wire that loses, doubles and reorders where the order does. */
#include "agent/tftp.h"
#include "t.h"

#include <stdlib.h>

#define TID         40000u
#define FILE_MOST   200000u
#define BLOCKS_MOST (70000u * 8u)

static struct ferry_tftp t;
static uint8_t sent[FERRY_TFTP_PACKET_BYTES];
static uint16_t sent_to;
static const uint8_t *piece;
static size_t n_piece;
static uint32_t now;

static void begin(const struct ferry_tftp_config *config)
{
    now = 1000;
    T_EQ_INT(ferry_tftp_begin(&t, config), FERRY_OK);
}

static void begin_default(void)
{
    begin(&(struct ferry_tftp_config){.file = "app.bin"});
}

/* What goes out now. */
static size_t out(void)
{
    memset(sent, 0, sizeof(sent));
    return ferry_tftp_output(&t, now, sent, &sent_to);
}

/* A packet comes in, in memory of exactly its size. */
static ferry_err in(unsigned from, const void *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!T_CHECK(exact))
        return FERRY_ERR_ARG;
    memcpy(exact, bytes, n);
    const ferry_err err = ferry_tftp_input(&t, (uint16_t)from, exact, n, &piece, &n_piece);
    free(exact);
    return err;
}

#define IN(from, text) in((from), (text), sizeof(text) - 1)

/* A block of n bytes comes in. */
static ferry_err in_block(unsigned number, size_t n)
{
    static uint8_t packet[4 + 2000];
    packet[1] = 3;
    packet[2] = (uint8_t)(number >> 8);
    packet[3] = (uint8_t)number;
    return in(TID, packet, 4 + n);
}

static bool is_ack(unsigned number)
{
    const uint8_t want[] = {0, 4, (uint8_t)(number >> 8), (uint8_t)number};
    return out() == sizeof(want) && !memcmp(sent, want, sizeof(want)) && sent_to == TID;
}

static void request_asks_for_both_options(void)
{
    static const char want[] = "\0\1app.bin\0octet\0blksize\0"
                               "1428\0tsize\0"
                               "0";
    begin_default();
    T_EQ_INT(ferry_tftp_wait_ms(&t, now), 0);
    T_EQ_INT(out(), sizeof(want));
    T_EQ_MEM(sent, want, sizeof(want));
    T_EQ_INT(sent_to, 0);
    T_EQ_INT(out(), 0);
    T_EQ_INT(ferry_tftp_wait_ms(&t, now), 250);
}

static void impossible_requests_are_refused(void)
{
    char name[FERRY_TFTP_FILE_BYTES + 1];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    T_EQ_INT(ferry_tftp_begin(&t, &(struct ferry_tftp_config){.file = ""}), FERRY_ERR_NET_URL);
    T_EQ_INT(ferry_tftp_begin(&t, &(struct ferry_tftp_config){.file = name}), FERRY_ERR_NET_URL);
    T_EQ_INT(t.fault.limit, FERRY_TFTP_FILE_BYTES - 1);
    T_EQ_INT(out(), 0);
    name[sizeof(name) - 2] = 0;
    begin(&(struct ferry_tftp_config){.file = name, .block_bytes = 65464});
    T_CHECK(out() <= FERRY_TFTP_PACKET_BYTES);
    for (size_t i = 0; i < 2; i++) {
        const struct ferry_tftp_config odd = {.file = "a", .block_bytes = i ? 65465 : 7};
        T_EQ_INT(ferry_tftp_begin(&t, &odd), FERRY_ERR_ARG);
    }
}

static void options_are_taken_and_acknowledged(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\6BLKSIZE\0"
                     "1024\0tsize\0"
                     "1500\0"),
             FERRY_OK);
    T_CHECK(t.has_length);
    T_EQ_INT(t.length_bytes, 1500);
    T_CHECK(is_ack(0));
    T_EQ_INT(in_block(1, 1024), FERRY_OK);
    T_EQ_INT(n_piece, 1024);
    T_CHECK(is_ack(1));
    T_EQ_INT(in_block(2, 476), FERRY_OK);
    T_EQ_INT(n_piece, 476);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
    T_CHECK(is_ack(2));
    T_EQ_INT(t.got_bytes, 1500);
    T_EQ_INT(ferry_tftp_wait_ms(&t, now), UINT32_MAX);
}

static void odd_options_end_the_transfer(void)
{
    static const struct {
        const char *bytes;
        size_t n;
    } cases[] = {
#define CASE(text) {text, sizeof(text) - 1}
        CASE("\0\6blksize\0"
             "1429\0"),
        CASE("\0\6blksize\0"
             "7\0"),
        CASE("\0\6blksize\0"
             "\0"),
        CASE("\0\6blksize\0"
             "12x\0"),
        CASE("\0\6blksize\0"
             "1024"),
        CASE("\0\6blksize\0"),
        CASE("\0\6blksize"),
        CASE("\0\6tsize\0"
             "4294967296\0"),
        CASE("\0\6timeout\0"
             "3\0"),
        CASE("\0\6blksizes\0"
             "512\0"),
        CASE("\0\6tsize\0"
             "-1\0"),
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        begin_default();
        T_CHECK(out());
        T_EQ_INT(in(TID, cases[i].bytes, cases[i].n), FERRY_ERR_NET_PROTOCOL);
        T_EQ_INT(t.state, FERRY_TFTP_FAILED);
        T_CHECK(out() > 4 && sent[1] == 5 && sent[3] == 8 && sent_to == TID);
        T_EQ_INT(out(), 0);
        T_EQ_INT(in_block(1, 5), FERRY_ERR_STATE);
    }
}

static void server_that_knows_no_options_is_understood(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_CHECK(!t.has_length);
    T_CHECK(is_ack(1));
    T_EQ_INT(in_block(2, 0), FERRY_OK); // a file of whole blocks ends with an empty one
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
    T_EQ_INT(t.got_bytes, 512);
}

static void server_that_refuses_options_is_asked_without(void)
{
    static const char plain[] = "\0\1app.bin\0octet";
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0\10no options\0"), FERRY_OK);
    T_EQ_INT(out(), sizeof(plain));
    T_EQ_MEM(sent, plain, sizeof(plain));
    T_EQ_INT(sent_to, 0);
    // From another port than the refusal, and not again with options.
    const uint8_t block[] = {0, 3, 0, 1, 'x'};
    T_EQ_INT(in(TID + 1, block, sizeof(block)), FERRY_OK);
    T_EQ_INT(n_piece, 1);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0\10"), FERRY_OK);
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0\10"), FERRY_ERR_NET_STATUS);
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0\10"), FERRY_OK);
    T_EQ_INT(IN(TID, "\0\6tsize\0"
                     "5\0"),
             FERRY_ERR_NET_PROTOCOL);
}

static void refusal_is_told_in_the_servers_words(void)
{
    char longest[4 + 200] = "\0\5\0\1";
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0\1File \33[2Jnot found\0rest"), FERRY_ERR_NET_STATUS);
    T_EQ_INT(t.fault.value, 1);
    T_EQ_STR(t.detail, "File ?[2Jnot found");
    T_EQ_INT(out(), 0);
    begin_default();
    T_CHECK(out());
    memset(longest + 4, 'x', sizeof(longest) - 4); // no end
    T_EQ_INT(in(TID, longest, sizeof(longest)), FERRY_ERR_NET_STATUS);
    T_EQ_INT(strlen(t.detail), FERRY_TFTP_DETAIL_BYTES - 1);
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\5\0"), FERRY_ERR_NET_STATUS);
    T_EQ_STR(t.detail, "");
    // Also in the middle.
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_EQ_INT(IN(TID, "\0\5\0\3full\0"), FERRY_ERR_NET_STATUS);
    T_EQ_INT(t.fault.off_bytes, 512);
}

static void other_ports_are_told_and_change_nothing(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_CHECK(is_ack(1));
    const uint8_t block[] = {0, 3, 0, 2, 'x'};
    T_EQ_INT(in(TID + 1, block, sizeof(block)), FERRY_OK);
    T_EQ_INT(n_piece, 0);
    T_EQ_INT(ferry_tftp_wait_ms(&t, now), 0);
    T_CHECK(out() > 4 && sent[1] == 5 && sent[3] == 5);
    T_EQ_INT(sent_to, TID + 1);
    T_EQ_INT(out(), 0);
    // An error from there is neither believed nor answered.
    T_EQ_INT(IN(TID + 1, "\0\5\0\1gone\0"), FERRY_OK);
    T_EQ_INT(out(), 0);
    T_EQ_INT(in_block(2, 3), FERRY_OK);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
}

/* Only what is waited for makes somebody the server. */
static void leftovers_of_another_transfer_are_no_answer(void)
{
    begin_default();
    T_CHECK(out());
    const uint8_t late[] = {0, 3, 0, 9, 'x'}, ack[] = {0, 4, 0, 0}, more[] = {0, 9, 0, 0};
    T_EQ_INT(in(TID + 1, late, sizeof(late)), FERRY_OK);
    T_EQ_INT(in(TID + 1, ack, sizeof(ack)), FERRY_OK);
    T_EQ_INT(in(TID + 1, more, sizeof(more)), FERRY_OK);
    T_EQ_INT(in(TID + 1, late, 3), FERRY_OK);
    T_EQ_INT(in(TID + 1, late, 1), FERRY_OK);
    T_EQ_INT(in(TID + 1, late, 0), FERRY_OK);
    T_EQ_INT(out(), 0);
    T_EQ_INT(in_block(1, 3), FERRY_OK);
    T_EQ_INT(n_piece, 3);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
}

/* Else a server that answers each acknowledgement would send everything twice from here on. */
static void double_block_is_not_acknowledged_at_once(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_CHECK(is_ack(1));
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_EQ_INT(n_piece, 0);
    T_EQ_INT(out(), 0);
    now += 250;
    T_CHECK(is_ack(1)); // but it is if nothing else comes
    T_EQ_INT(in_block(0, 512), FERRY_OK);
    T_EQ_INT(in_block(3, 512), FERRY_OK);
    T_EQ_INT(n_piece, 0);
    T_EQ_INT(t.got_bytes, 512);
}

static void lost_last_acknowledgement_is_given_again(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 5), FERRY_OK);
    T_CHECK(is_ack(1));
    T_EQ_INT(in_block(1, 5), FERRY_OK);
    T_EQ_INT(n_piece, 0);
    T_CHECK(is_ack(1));
    T_EQ_INT(in_block(0, 5), FERRY_OK);
    T_EQ_INT(out(), 0);
    T_EQ_INT(IN(TID, "\0\5\0\1late\0"), FERRY_OK);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
    now += 100000;
    T_EQ_INT(out(), 0);
}

static void silence_ends_after_bounded_tries(void)
{
    for (unsigned answered = 0; answered < 2; answered++) {
        begin_default();
        unsigned n_sent = 0;
        uint32_t from = now;
        if (answered) {
            T_CHECK(out());
            T_EQ_INT(in_block(1, 512), FERRY_OK);
        }
        while (t.state != FERRY_TFTP_FAILED && n_sent < 100) {
            n_sent += out() != 0;
            const uint32_t wait = ferry_tftp_wait_ms(&t, now);
            if (wait != UINT32_MAX)
                now += wait;
        }
        T_EQ_INT(n_sent, 6);
        T_EQ_INT(now - from, 15750);
        T_EQ_INT(t.fault.err, FERRY_ERR_NET_TIMEOUT);
        T_EQ_INT(t.fault.value, 6);
    }
    // Each answer gives all tries anew; the clock may wrap meanwhile.
    begin(&(struct ferry_tftp_config){.file = "a", .first_ms = 10, .tries = 2});
    now = UINT32_MAX - 15;
    for (unsigned i = 1; i < 10; i++) {
        T_CHECK(out());
        now += 10;
        T_CHECK(out());
        T_EQ_INT(ferry_tftp_wait_ms(&t, now), 20);
        T_EQ_INT(in_block(i, 512), FERRY_OK);
    }
    T_CHECK(out());
    now += 10;
    T_CHECK(out());
    now += 19;
    T_EQ_INT(out(), 0);
    T_EQ_INT(t.state, FERRY_TFTP_RECEIVING);
    now++;
    T_EQ_INT(out(), 0);
    T_EQ_INT(t.state, FERRY_TFTP_FAILED);
}

static void lengths_are_held_to_what_was_said(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 513), FERRY_ERR_NET_PROTOCOL); // nobody agreed on more than 512
    T_EQ_INT(t.fault.value, 513);
    T_EQ_INT(t.fault.limit, 512);
    T_CHECK(out() > 4 && sent[1] == 5);
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\6tsize\0"
                     "600\0"),
             FERRY_OK);
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    T_EQ_INT(in_block(2, 89), FERRY_ERR_NET_LENGTH);
    T_EQ_INT(t.fault.value, 601);
    T_EQ_INT(t.fault.limit, 600);
    begin_default();
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\6tsize\0"
                     "600\0"),
             FERRY_OK);
    T_EQ_INT(in_block(1, 511), FERRY_ERR_NET_CLOSED);
    T_EQ_INT(t.fault.value, 511);
    T_EQ_INT(n_piece, 0);
}

static void giving_up_is_told_to_the_server(void)
{
    begin_default();
    T_CHECK(out());
    T_EQ_INT(in_block(1, 512), FERRY_OK);
    ferry_tftp_abort(&t, FERRY_ERR_IMAGE_SIZE);
    T_CHECK(out() > 4 && sent[1] == 5 && sent_to == TID);
    T_EQ_INT(out(), 0);
    T_EQ_INT(t.fault.err, FERRY_ERR_IMAGE_SIZE);
    begin_default();
    ferry_tftp_abort(&t, FERRY_ERR_CANCELLED); // nobody is there to be told
    T_EQ_INT(out(), 0);
    ferry_tftp_abort(&t, FERRY_ERR_ARG);
    T_EQ_INT(t.fault.err, FERRY_ERR_CANCELLED);
}

static void block_numbers_wrap(void)
{
    begin(&(struct ferry_tftp_config){.file = "a", .block_bytes = 8});
    T_CHECK(out());
    T_EQ_INT(IN(TID, "\0\6blksize\0"
                     "8\0tsize\0"
                     "560004\0"),
             FERRY_OK);
    unsigned n_right = 0;
    for (uint32_t i = 1; i <= BLOCKS_MOST / 8; i++)
        n_right += in_block(i & 0xffff, 8) == FERRY_OK && n_piece == 8 && is_ack(i & 0xffff);
    T_EQ_INT(n_right, BLOCKS_MOST / 8);
    T_EQ_INT(in_block((BLOCKS_MOST / 8 + 1) & 0xffff, 4), FERRY_OK);
    T_EQ_INT(t.got_bytes, BLOCKS_MOST + 4);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
}

/* A wire with a server at its other end: packets on their way, each with the time it arrives. */
#define WIRE 64u
static struct {
    struct {
        uint32_t at_ms;
        uint16_t port;
        size_t n;
        uint8_t bytes[600];
        bool is_used, to_server;
    } packets[WIRE];
    uint32_t chance;
    unsigned loss_pct, double_pct, n_sent[2];
    uint16_t block; // last sent by the server
    bool is_asked, is_apprentice;
    uint32_t file_bytes, resend_ms, sent_ms;
    unsigned n_resent;
} wire;

static unsigned chance_pct(void)
{
    wire.chance = wire.chance * 1664525u + 1013904223u;
    return (wire.chance >> 8) % 100;
}

static void put(bool to_server, uint16_t port, const uint8_t *bytes, size_t n)
{
    wire.n_sent[to_server]++;
    const unsigned copies = chance_pct() < wire.loss_pct     ? 0
                            : chance_pct() < wire.double_pct ? 2
                                                             : 1;
    for (unsigned i = 0, c = 0; c < copies && i < WIRE; i++) {
        if (wire.packets[i].is_used)
            continue;
        wire.packets[i].is_used = true;
        wire.packets[i].to_server = to_server;
        wire.packets[i].at_ms = now + 1 + chance_pct() % 40;
        wire.packets[i].port = port;
        wire.packets[i].n = n;
        memcpy(wire.packets[i].bytes, bytes, n);
        c++;
    }
}

static uint8_t byte_at(uint32_t at)
{
    return (uint8_t)(at * 2654435761u >> 24);
}

static void serve_block(void)
{
    uint8_t packet[4 + 512] = {0, 3, (uint8_t)(wire.block >> 8), (uint8_t)wire.block};
    const uint32_t off = (wire.block - 1u) * 512;
    const uint32_t left = wire.file_bytes - off, n = left < 512 ? left : 512;
    for (uint32_t i = 0; i < n; i++)
        packet[4 + i] = byte_at(off + i);
    wire.sent_ms = now;
    put(false, TID, packet, 4 + n);
}

static void serve(const uint8_t *bytes)
{
    const unsigned number = (unsigned)bytes[2] << 8 | bytes[3];
    if (bytes[1] == 1 && (!wire.is_asked || wire.block == 1)) {
        wire.is_asked = true;
        wire.block = 1;
        serve_block();
    } else if (bytes[1] == 4 && number == wire.block) {
        if ((uint32_t)number * 512 <= wire.file_bytes) {
            wire.block++;
            serve_block();
        } else {
            wire.is_asked = false; // all of it is acknowledged
        }
    } else if (bytes[1] == 4 && wire.is_apprentice && number + 1 == wire.block) {
        serve_block(); // the fault: the answer to an old acknowledgement
    }
}

/* Lets time pass until the client is done. */
static void run_wire(uint8_t *file)
{
    for (unsigned step = 0; step < 2000000 && t.state != FERRY_TFTP_DONE; step++, now++) {
        for (size_t n; (n = out()) > 0;)
            put(true, sent_to, sent, n);
        if (t.state == FERRY_TFTP_FAILED)
            return;
        for (unsigned i = 0; i < WIRE; i++) {
            if (!wire.packets[i].is_used || wire.packets[i].at_ms > now)
                continue;
            wire.packets[i].is_used = false;
            if (wire.packets[i].to_server) {
                serve(wire.packets[i].bytes);
                continue;
            }
            const uint32_t at = t.got_bytes;
            if (ferry_tftp_input(&t, wire.packets[i].port, wire.packets[i].bytes, wire.packets[i].n,
                                 &piece, &n_piece))
                return;
            memcpy(file + at, piece ? piece : file, n_piece);
        }
        if (wire.is_asked && now - wire.sent_ms >= wire.resend_ms) {
            wire.n_resent++;
            serve_block();
        }
    }
}

static void file_arrives_over(unsigned loss_pct, unsigned double_pct, bool is_apprentice,
                              uint32_t resend_ms, uint32_t seed)
{
    static uint8_t file[FILE_MOST];
    uint32_t n_wrong = 0;
    memset(&wire, 0, sizeof(wire));
    wire.chance = seed;
    wire.loss_pct = loss_pct;
    wire.double_pct = double_pct;
    wire.is_apprentice = is_apprentice;
    wire.resend_ms = resend_ms;
    wire.file_bytes = 100 * 512 + seed % 3 * 256;
    begin(&(struct ferry_tftp_config){.file = "a", .tries = 12, .first_ms = 100});
    run_wire(file);
    T_EQ_INT(t.state, FERRY_TFTP_DONE);
    T_EQ_INT(t.got_bytes, wire.file_bytes);
    for (uint32_t i = 0; i < t.got_bytes; i++)
        n_wrong += file[i] != byte_at(i);
    T_EQ_INT(n_wrong, 0);
}

static void file_arrives_over_a_bad_wire(void)
{
    for (uint32_t seed = 1; seed <= 40; seed++) {
        file_arrives_over(0, 0, false, 1000, seed);
        file_arrives_over(20, 10, false, 300, seed);
        file_arrives_over(20, 0, true, UINT32_MAX, seed + 100); // a server without a clock
    }
}

static void apprentice_does_not_send_everything_twice(void)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        file_arrives_over(0, 20, true, UINT32_MAX, seed);
        // One packet for each of some hundred blocks, one more for what the wire doubles.
        T_CHECK(wire.n_sent[0] <= 160);
    }
}

int main(void)
{
    T_RUN(request_asks_for_both_options);
    T_RUN(impossible_requests_are_refused);
    T_RUN(options_are_taken_and_acknowledged);
    T_RUN(odd_options_end_the_transfer);
    T_RUN(server_that_knows_no_options_is_understood);
    T_RUN(server_that_refuses_options_is_asked_without);
    T_RUN(refusal_is_told_in_the_servers_words);
    T_RUN(other_ports_are_told_and_change_nothing);
    T_RUN(leftovers_of_another_transfer_are_no_answer);
    T_RUN(double_block_is_not_acknowledged_at_once);
    T_RUN(lost_last_acknowledgement_is_given_again);
    T_RUN(silence_ends_after_bounded_tries);
    T_RUN(lengths_are_held_to_what_was_said);
    T_RUN(giving_up_is_told_to_the_server);
    T_RUN(block_numbers_wrap);
    T_RUN(file_arrives_over_a_bad_wire);
    T_RUN(apprentice_does_not_send_everything_twice);
    return t_end();
}
