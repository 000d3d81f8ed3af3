/* firmware/bare/bare_tftp.c - an update from a TFTP server on the machine's network. Nobody on the
 * way is trusted: the image's signature decides, where this release was built to ask for one. The
 * protocol cannot begin in the middle, so after a cut it starts again. */
#include "bare_app.h"

#include "agent/tftp.h"
#include "ferry/update.h"
#include "lan.h"
#include "net_virtio.h"

#define OUR_IP      0x0a00020fu // 10.0.2.15
#define SERVER_IP   0x0a000202u // 10.0.2.2
#define FIRST_PORT  49152u      // what nobody has registered begins here
#define N_PORTS     16384u
#define TRIES       5u // 0.25 s to 4 s apart: silence ends after 7.75 s
#define ARP_TRIES   10u
#define ARP_WAIT_US 200000u
#define REPORT_STEP 65536u

static struct {
    struct lan lan;
    struct ferry_tftp tftp;
    struct ferry_update update;
    struct ferry_update_config config;
    uint16_t our_port, server_port;
    bool is_begun; // the update
    uint8_t frame[LAN_FRAME_BYTES];
    uint8_t sector[FERRY_UPDATE_WORK_BYTES(4096)];
} job;

_Static_assert(LAN_FRAME_BYTES == NET_FRAME_BYTES, "the card takes what the frames are made for");

static uint32_t now_ms(void)
{
    return clock_us() / 1000; // once in 71 minutes it jumps, and a packet goes out early
}

/* The next datagram from the server, within wait_us; answers who asks for us meanwhile. */
static bool receive(struct lan_datagram *got, uint32_t wait_us)
{
    static uint8_t answer[LAN_FRAME_BYTES];
    const size_t n = net_receive(job.frame, wait_us);
    const bool is_ours = n && lan_take(&job.lan, job.frame, n, got) && got->to_port == job.our_port;
    // With a card that takes nothing more, what comes next fails and says so.
    if (job.lan.is_asked && net_send(answer, lan_answer(&job.lan, answer)))
        return false;
    return is_ours;
}

static ferry_err find_server(void)
{
    for (unsigned i = 0; i < ARP_TRIES && !job.lan.is_peer_known; i++) {
        struct lan_datagram none;
        const ferry_err err = net_send(job.frame, lan_ask(&job.lan, job.frame));
        if (err)
            return err;
        (void)receive(&none, ARP_WAIT_US);
    }
    return job.lan.is_peer_known ? FERRY_OK : FERRY_ERR_NET_CONNECT;
}

/* Sends all that is due. */
static ferry_err send_due(void)
{
    uint8_t packet[FERRY_TFTP_PACKET_BYTES];
    uint16_t port;
    size_t n;
    while ((n = ferry_tftp_output(&job.tftp, now_ms(), packet, &port)) > 0) {
        const size_t n_frame =
            lan_send(&job.lan, job.our_port, port ? port : job.server_port, packet, n, job.frame);
        const ferry_err err = net_send(job.frame, n_frame);
        if (err)
            return err;
    }
    return FERRY_OK;
}

static void report(uint32_t before)
{
    const uint32_t got = job.tftp.got_bytes;
    if (job.tftp.state != FERRY_TFTP_DONE && before / REPORT_STEP == got / REPORT_STEP)
        return;
    console_put_text("got ");
    console_put_number(got);
    if (job.tftp.has_length) {
        console_put_text(" of ");
        console_put_number(job.tftp.length_bytes);
    }
    console_put_text("\r\n");
}

/* Puts a piece away; the first opens the session, as by then the length is known. */
static ferry_err take_piece(struct bare_app *app, const uint8_t *piece, size_t n)
{
    uint32_t used = 0;
    if (!job.is_begun) {
        job.config.length_bytes = job.tftp.has_length ? job.tftp.length_bytes : 0;
        const ferry_err err = ferry_update_begin(&job.update, &app->dev, &job.config);
        if (err)
            return err;
        job.is_begun = true;
    }
    return n ? ferry_update_write(&job.update, piece, (uint32_t)n, &used) : FERRY_OK;
}

static ferry_err fetch(struct bare_app *app)
{
    while (job.tftp.state != FERRY_TFTP_DONE) {
        struct lan_datagram got;
        const uint8_t *piece;
        size_t n;
        ferry_err err = send_due();
        if (err)
            return err;
        if (job.tftp.state == FERRY_TFTP_FAILED)
            return job.tftp.fault.err;
        if (!receive(&got, ferry_tftp_wait_ms(&job.tftp, now_ms()) * 1000))
            continue;
        const uint32_t before = job.tftp.got_bytes;
        err = ferry_tftp_input(&job.tftp, got.from_port, got.bytes, got.n_bytes, &piece, &n);
        if (!err && piece)
            err = take_piece(app, piece, n);
        if (err)
            return err;
        report(before);
    }
    return send_due(); // the last acknowledgement
}

static ferry_err open_job(const char *const words[BARE_WORDS])
{
    const uint32_t chance = clock_us();
    const bool has_port = words[2][0] >= '0' && words[2][0] <= '9';
    const char *const last = words[has_port ? 3 : 2];
    uint32_t port = FERRY_TFTP_PORT;
    if (has_port && (!bare_number(words[2], &port) || !port || port > UINT16_MAX))
        return FERRY_ERR_ARG;
    job.is_begun = false;
    job.update.fault = (struct ferry_fault){0};
    job.config = (struct ferry_update_config){
        .slot = FERRY_SLOT_NEXT, .work = job.sector, .work_bytes = sizeof(job.sector)};
    job.config.flags = last[0] == 'o' ? FERRY_UPDATE_DOWNGRADE : 0;
    job.server_port = (uint16_t)port;
    job.our_port = (uint16_t)(FIRST_PORT + chance % N_PORTS);
    job.lan = (struct lan){.ip = OUR_IP, .peer_ip = SERVER_IP};
    const struct ferry_tftp_config config = {.file = words[1], .tries = TRIES};
    ferry_err err = ferry_tftp_begin(&job.tftp, &config);
    if (!err)
        err = net_open(job.lan.mac);
    return err ? err : find_server();
}

/* The server learns why nothing more is asked for; whether it does is its own affair. */
static void give_up(ferry_err why)
{
    ferry_tftp_abort(&job.tftp, why);
    (void)send_due();
    if (job.is_begun)
        ferry_update_abort(&job.update);
}

void bare_tftp(struct bare_app *app, const char *const words[BARE_WORDS])
{
    app->has_staged = false;
    ferry_err err = open_job(words);
    if (!err)
        err = fetch(app);
    if (!err) {
        console_put_text("checking\r\n");
        err = ferry_update_finish(&job.update);
    }
    if (err)
        give_up(err);
    if (err == FERRY_ERR_NET_STATUS && job.tftp.detail[0]) {
        console_put_text("server says: ");
        console_put_text(job.tftp.detail);
        console_put_text("\r\n");
    }
    bare_put_result(err, err == job.update.fault.err ? &job.update.fault : &job.tftp.fault);
}
