/* agent/tftp.c - TFTP's client as a machine of states. Lock step: the acknowledgement of a block is
 * the request for the next, and only the clock repeats one. A block that comes twice is not
 * acknowledged twice at once, or a server that answers each acknowledgement with a block would send
 * the rest of the file twice ("sorcerer's apprentice", RFC 1123 section 4.2.3.1). */
#include "agent/tftp.h"

#include <string.h>

#define OP_READ           1u
#define OP_DATA           3u
#define OP_ACK            4u
#define OP_ERROR          5u
#define OP_OPTIONS        6u

#define CODE_UNDEFINED    0u
#define CODE_ILLEGAL      4u
#define CODE_UNKNOWN_PORT 5u
#define CODE_OPTIONS      8u

#define BLOCK_LEAST       8u
#define BLOCK_MOST        65464u
#define BLOCK_ETHERNET    1428u
#define FIRST_MS          250u
#define TRIES             6u
#define DETAIL_FIRST      ' '
#define DETAIL_LAST       '~'

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static size_t put16(uint8_t *p, size_t at, uint32_t v)
{
    p[at] = (uint8_t)(v >> 8);
    p[at + 1] = (uint8_t)v;
    return at + 2;
}

static size_t put_text(uint8_t *p, size_t at, const char *text)
{
    do
        p[at++] = (uint8_t)*text;
    while (*text++);
    return at;
}

static size_t put_number(uint8_t *p, size_t at, uint32_t v)
{
    char digits[11];
    size_t i = sizeof(digits) - 1;
    digits[i] = 0;
    do
        digits[--i] = (char)('0' + v % 10);
    while (v /= 10);
    return put_text(p, at, digits + i);
}

ferry_err ferry_tftp_begin(struct ferry_tftp *t, const struct ferry_tftp_config *config)
{
    const uint16_t block = config->block_bytes ? config->block_bytes : BLOCK_ETHERNET;
    size_t n = 0;
    memset(t, 0, sizeof(*t));
    t->state = FERRY_TFTP_FAILED;
    while (n < FERRY_TFTP_FILE_BYTES && config->file[n])
        n++;
    if (n == 0 || n == FERRY_TFTP_FILE_BYTES)
        return ferry_fail(&t->fault, FERRY_ERR_NET_URL, (uint32_t)n, FERRY_TFTP_FILE_BYTES - 1, 0);
    if (block < BLOCK_LEAST || block > BLOCK_MOST)
        return ferry_fail(&t->fault, FERRY_ERR_ARG, block, BLOCK_MOST, 0);
    memcpy(t->file, config->file, n);
    t->asked_bytes = block;
    t->block_bytes = FERRY_TFTP_BLOCK_BYTES;
    t->first_ms = config->first_ms ? config->first_ms : FIRST_MS;
    t->tries = config->tries ? config->tries : TRIES;
    t->state = FERRY_TFTP_ASKING;
    t->is_due = true;
    return FERRY_OK;
}

/* Something new happened: the next packet is due, and it gets all its tries. */
static void make_due(struct ferry_tftp *t)
{
    t->is_due = true;
    t->n_sent = 0;
}

/* Ends the transfer; is_told: the server is to know. */
static ferry_err fail(struct ferry_tftp *t, ferry_err err, uint32_t value, uint32_t limit,
                      bool is_told)
{
    t->state = FERRY_TFTP_FAILED;
    t->is_due = is_told && t->port;
    return ferry_fail(&t->fault, err, value, limit, t->got_bytes);
}

static size_t make_request(const struct ferry_tftp *t, uint8_t *packet)
{
    size_t n = put16(packet, 0, OP_READ);
    n = put_text(packet, n, t->file);
    n = put_text(packet, n, "octet");
    if (t->is_plain)
        return n;
    n = put_text(packet, n, "blksize");
    n = put_number(packet, n, t->asked_bytes);
    n = put_text(packet, n, "tsize");
    return put_number(packet, n, 0);
}

static size_t make_error(uint8_t *packet, uint32_t code, const char *text)
{
    return put_text(packet, put16(packet, put16(packet, 0, OP_ERROR), code), text);
}

/* What the server is told of a failure of this side. */
static size_t make_last_word(const struct ferry_tftp *t, uint8_t *packet)
{
    if (t->fault.err == FERRY_ERR_NET_PROTOCOL)
        return t->got_bytes ? make_error(packet, CODE_ILLEGAL, "not what was agreed")
                            : make_error(packet, CODE_OPTIONS, "not what was asked for");
    return make_error(packet, CODE_UNDEFINED, "the client gives up");
}

static size_t make_packet(const struct ferry_tftp *t, uint8_t *packet)
{
    if (t->state == FERRY_TFTP_ASKING)
        return make_request(t, packet);
    if (t->state == FERRY_TFTP_FAILED)
        return make_last_word(t, packet);
    return put16(packet, put16(packet, 0, OP_ACK), t->last_block);
}

static bool is_waiting(const struct ferry_tftp *t)
{
    return t->state == FERRY_TFTP_ASKING || t->state == FERRY_TFTP_RECEIVING;
}

uint32_t ferry_tftp_wait_ms(const struct ferry_tftp *t, uint32_t now_ms)
{
    if (t->is_due || t->stray_port)
        return 0;
    if (!is_waiting(t))
        return UINT32_MAX;
    const uint32_t gone = now_ms - t->sent_ms;
    return gone < t->wait_ms ? t->wait_ms - gone : 0;
}

size_t ferry_tftp_output(struct ferry_tftp *t, uint32_t now_ms,
                         uint8_t packet[FERRY_TFTP_PACKET_BYTES], uint16_t *port)
{
    if (t->stray_port) {
        *port = t->stray_port;
        t->stray_port = 0;
        return make_error(packet, CODE_UNKNOWN_PORT, "unknown transfer ID");
    }
    if (!t->is_due) {
        if (!is_waiting(t) || now_ms - t->sent_ms < t->wait_ms)
            return 0;
        if (t->n_sent >= t->tries) {
            (void)fail(t, FERRY_ERR_NET_TIMEOUT, t->n_sent, t->tries, false);
            return 0;
        }
    }
    t->is_due = false;
    t->wait_ms = t->n_sent ? 2 * t->wait_ms : t->first_ms;
    t->n_sent++;
    t->sent_ms = now_ms;
    *port = t->port;
    return make_packet(t, packet);
}

/* The text at *at of the packet and its length; *at moves behind its NUL. NULL: it has no end. */
static const char *next_text(const uint8_t *packet, size_t n, size_t *at)
{
    const size_t start = *at;
    while (*at < n && packet[*at])
        ++*at;
    if (*at == n)
        return NULL;
    ++*at;
    return (const char *)packet + start;
}

/* Names of options have no case. */
static bool is_named(const char *text, const char *name)
{
    for (; *text && *name; text++, name++) {
        const char c = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
        if (c != *name)
            return false;
    }
    return *text == *name;
}

static bool number_of(const char *text, uint32_t *out)
{
    uint32_t v = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        const uint32_t digit = (uint32_t)(unsigned char)*text - '0';
        if (digit > 9 || v > (UINT32_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static bool take_option(struct ferry_tftp *t, const char *name, const char *value)
{
    uint32_t v;
    if (!number_of(value, &v))
        return false;
    if (is_named(name, "blksize")) {
        // A server may offer less than it was asked for, never more.
        if (v < BLOCK_LEAST || v > t->asked_bytes)
            return false;
        t->block_bytes = (uint16_t)v;
        return true;
    }
    if (!is_named(name, "tsize"))
        return false;
    t->length_bytes = v;
    t->has_length = true;
    return true;
}

static ferry_err take_options(struct ferry_tftp *t, const uint8_t *packet, size_t n)
{
    size_t at = 2;
    if (t->is_plain)
        return fail(t, FERRY_ERR_NET_PROTOCOL, OP_OPTIONS, 0, true);
    while (at < n) {
        const char *name = next_text(packet, n, &at);
        const char *value = name ? next_text(packet, n, &at) : NULL;
        if (!value || !take_option(t, name, value))
            return fail(t, FERRY_ERR_NET_PROTOCOL, OP_OPTIONS, 0, true);
    }
    t->state = FERRY_TFTP_RECEIVING;
    make_due(t);
    return FERRY_OK;
}

/* The block that is next, n bytes of it. */
static ferry_err take_block(struct ferry_tftp *t, size_t n)
{
    if (n > t->block_bytes)
        return fail(t, FERRY_ERR_NET_PROTOCOL, (uint32_t)n, t->block_bytes, true);
    const uint32_t most = t->has_length ? t->length_bytes : UINT32_MAX;
    if (n > most - t->got_bytes)
        return fail(t, FERRY_ERR_NET_LENGTH, t->got_bytes + (uint32_t)n, most, true);
    t->got_bytes += (uint32_t)n;
    t->last_block++;
    const bool is_last = n < t->block_bytes;
    if (is_last && t->has_length && t->got_bytes != t->length_bytes)
        return fail(t, FERRY_ERR_NET_CLOSED, t->got_bytes, t->length_bytes, true);
    t->state = is_last ? FERRY_TFTP_DONE : FERRY_TFTP_RECEIVING;
    make_due(t);
    return FERRY_OK;
}

static ferry_err take_data(struct ferry_tftp *t, const uint8_t *packet, size_t n,
                           const uint8_t **piece, size_t *n_piece)
{
    const ferry_err err = take_block(t, n - FERRY_TFTP_HEAD_BYTES);
    if (err)
        return err;
    *piece = packet + FERRY_TFTP_HEAD_BYTES;
    *n_piece = n - FERRY_TFTP_HEAD_BYTES;
    return FERRY_OK;
}

static ferry_err take_error(struct ferry_tftp *t, const uint8_t *packet, size_t n)
{
    const uint32_t code = n < FERRY_TFTP_HEAD_BYTES ? CODE_UNDEFINED : be16(packet + 2);
    if (code == CODE_OPTIONS && t->state == FERRY_TFTP_ASKING && !t->is_plain) {
        t->is_plain = true; // RFC 2347: ask again without them
        t->port = 0;
        make_due(t);
        return FERRY_OK;
    }
    size_t len = 0;
    for (size_t at = FERRY_TFTP_HEAD_BYTES; at < n && packet[at] && len + 1 < sizeof(t->detail);
         at++)
        t->detail[len++] = packet[at] >= DETAIL_FIRST && packet[at] <= DETAIL_LAST
                               ? (char)packet[at]
                               : '?'; // it goes onto somebody's terminal
    return fail(t, FERRY_ERR_NET_STATUS, code, 0, false);
}

/* Whether a packet is one that this transfer waits for, whoever sent it. */
static bool is_expected(const struct ferry_tftp *t, uint32_t op, const uint8_t *packet, size_t n)
{
    if (op == OP_DATA)
        return n >= FERRY_TFTP_HEAD_BYTES && be16(packet + 2) == (uint16_t)(t->last_block + 1);
    return op == OP_OPTIONS ? t->state == FERRY_TFTP_ASKING : op == OP_ERROR;
}

/* The last block again means that its acknowledgement was lost. Nothing follows it that could come
 * twice then, so it is acknowledged at once. */
static void take_after_end(struct ferry_tftp *t, uint32_t op, const uint8_t *packet, size_t n)
{
    t->is_due |= op == OP_DATA && n >= FERRY_TFTP_HEAD_BYTES && be16(packet + 2) == t->last_block;
}

ferry_err ferry_tftp_input(struct ferry_tftp *t, uint16_t from_port, const uint8_t *packet,
                           size_t n, const uint8_t **piece, size_t *n_piece)
{
    *piece = NULL;
    *n_piece = 0;
    if (t->state == FERRY_TFTP_FAILED)
        return FERRY_ERR_STATE;
    const uint32_t op = n < 2 || !from_port ? 0 : be16(packet);
    if (op != OP_DATA && op != OP_OPTIONS && op != OP_ERROR)
        return FERRY_OK;
    if (t->port && from_port != t->port) {
        t->stray_port = op == OP_ERROR ? 0 : from_port; // an error is never answered
        return FERRY_OK;
    }
    if (t->state == FERRY_TFTP_DONE) {
        take_after_end(t, op, packet, n);
        return FERRY_OK;
    }
    if (!is_expected(t, op, packet, n))
        return FERRY_OK;
    t->port = from_port; // the first that answers is the server's end from here on
    if (op == OP_OPTIONS)
        return take_options(t, packet, n);
    return op == OP_ERROR ? take_error(t, packet, n) : take_data(t, packet, n, piece, n_piece);
}

void ferry_tftp_abort(struct ferry_tftp *t, ferry_err why)
{
    if (is_waiting(t))
        (void)fail(t, why, 0, 0, true);
}
