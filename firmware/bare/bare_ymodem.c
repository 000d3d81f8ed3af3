/* firmware/bare/bare_ymodem.c - an update from any terminal program that sends YMODEM, such as `sb`
 * of lrzsz. The protocol has neither hash nor resume: the image's own checks decide, and after a
 * cut it starts again. Facts: Chuck Forsberg's "XMODEM/YMODEM Protocol Reference", 1988. */
#include "bare_app.h"

#include "ferry/update.h"

#define SOH         0x01 // a block of 128 bytes
#define STX         0x02 // a block of 1024
#define EOT         0x04
#define ACK         0x06
#define NAK         0x15
#define CAN         0x18

#define BLOCK_MOST  1024u
#define BYTE_US     1000000u
#define SETTLE_US   100000u // a line this long silent has nothing more to say
#define TRIES_START 30u
#define TRIES_BLOCK 10u

enum event { GOT_BLOCK, GOT_END, GOT_CANCEL, GOT_NOTHING, GOT_NOISE };

static struct ferry_update update;
static uint8_t sector[FERRY_UPDATE_WORK_BYTES(4096)];
static uint8_t block[BLOCK_MOST];

/** The block last received. */
static struct {
    uint32_t n;
    uint8_t number;
} got;

static void drain(void)
{
    while (console_get(SETTLE_US) >= 0)
        ;
}

static uint16_t crc16(uint16_t crc, uint8_t byte)
{
    crc = (uint16_t)(crc ^ byte << 8);
    for (unsigned i = 0; i < 8; i++)
        crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    return crc;
}

static enum event read_body(uint32_t n)
{
    uint16_t crc = 0;
    const int number = console_get(BYTE_US);
    const int inverse = console_get(BYTE_US);
    for (uint32_t i = 0; i < n + 2; i++) {
        const int c = console_get(BYTE_US);
        if (c < 0)
            return GOT_NOISE;
        crc = crc16(crc, (uint8_t)c);
        if (i < n)
            block[i] = (uint8_t)c;
    }
    // With its own two bytes behind it, the CRC of what is right is 0.
    if (crc || number < 0 || (number ^ inverse) != 0xff) {
        drain();
        return GOT_NOISE;
    }
    got.n = n;
    got.number = (uint8_t)number;
    return GOT_BLOCK;
}

static enum event read_event(void)
{
    const int c = console_get(BYTE_US);
    switch (c) {
    case SOH:
        return read_body(128);
    case STX:
        return read_body(1024);
    case EOT:
        return GOT_END;
    case CAN:
        return console_get(BYTE_US) == CAN ? GOT_CANCEL : GOT_NOISE;
    default:
        return c < 0 ? GOT_NOTHING : GOT_NOISE;
    }
}

/* Asks until block 0 comes: "name", NUL, the length in decimal, and more that is of no use here. */
static ferry_err read_header(uint32_t *length)
{
    for (unsigned i = 0; i < TRIES_START; i++) {
        console_put_char('C');
        const enum event event = read_event();
        if (event == GOT_CANCEL)
            return FERRY_ERR_CANCELLED;
        if (event != GOT_BLOCK || got.number != 0)
            continue;
        uint32_t at = 0, n = 0;
        while (at < got.n && block[at])
            at++;
        for (at++; at < got.n && block[at] >= '0' && block[at] <= '9' && n < 100000000; at++)
            n = n * 10 + block[at] - '0';
        *length = n;
        return FERRY_OK;
    }
    return FERRY_ERR_NET_TIMEOUT;
}

/* Takes a block that came in order; what fills the last one up is no part of the file. */
static ferry_err take_block(uint32_t length)
{
    uint32_t used = 0;
    const uint32_t left = length - update.got_bytes;
    return ferry_update_write(&update, block, got.n < left ? got.n : left, &used);
}

static ferry_err receive_blocks(uint32_t length)
{
    uint8_t expected = 1;
    for (unsigned tries = 0; tries < TRIES_BLOCK;) {
        const enum event event = read_event();
        if (event == GOT_END)
            return FERRY_OK;
        if (event == GOT_CANCEL)
            return FERRY_ERR_CANCELLED;
        if (event != GOT_BLOCK) {
            tries++;
            console_put_char(NAK);
            continue;
        }
        if (got.number == expected) {
            const ferry_err err = take_block(length);
            if (err)
                return err;
            expected++;
            tries = 0;
        } else if (got.number != (uint8_t)(expected - 1)) { // that one came twice
            return FERRY_ERR_NET_PROTOCOL;
        }
        console_put_char(ACK);
    }
    return FERRY_ERR_NET_TIMEOUT;
}

/* The sender's batch ends with an empty header. */
static void end_batch(void)
{
    uint32_t nothing;
    console_put_char(ACK);
    if (!read_header(&nothing))
        console_put_char(ACK);
    drain();
}

void bare_ymodem(struct bare_app *app, const char *const words[BARE_WORDS])
{
    struct ferry_update_config config = {.slot = app->target,
                                         .replaced = app->replaced,
                                         .work = sector,
                                         .work_bytes = sizeof(sector)};
    app->has_staged = false;
    config.flags = words[1][0] == 'o' ? FERRY_UPDATE_DOWNGRADE : 0;
    update.fault = (struct ferry_fault){0};
    ferry_err err = read_header(&config.length_bytes);
    if (!err && !config.length_bytes)
        err = FERRY_ERR_NET_LENGTH;
    if (!err)
        err = ferry_update_begin(&update, &app->dev, &config);
    const bool is_begun = !err;
    if (!err) {
        console_put_char(ACK);
        console_put_char('C');
        err = receive_blocks(config.length_bytes);
    }
    if (err) {
        console_put_char(CAN);
        console_put_char(CAN);
        drain();
    } else {
        end_batch();
        console_put_text("checking\r\n");
        err = ferry_update_finish(&update);
    }
    if (err && is_begun)
        ferry_update_abort(&update);
    console_put_text("\r\n");
    bare_put_result(err, &update.fault);
}
