/* tests/agent/test_source_tcp.c - the sample protocol over a fake transport that plays a list of
 * pieces and writes down what it was told. */
#include "agent/source_tcp.h"

#include <string.h>

#include "t.h"

#define LENGTH (2 * FERRY_TCP_CHUNK_BYTES + 100)

static struct {
    struct ferry_tcp tcp; // first
    const uint8_t *bytes; // what the server sends, then it closes
    size_t n_bytes, at, piece;
    ferry_err connect_err, end_err, write_err; // end_err: instead of closing
    size_t answers_at[8];                      // where in the bytes each answer was given
    unsigned n_answers, n_connects, n_closes;
    uint32_t first_budget_ms; // of the read at hand
    char host[FERRY_TCP_HOST_BYTES];
    uint16_t port;
} fake;

static ferry_err fake_connect(struct ferry_tcp *t, const char *host, uint16_t port,
                              uint32_t *budget_ms, const struct ferry_cancel *cancel)
{
    (void)t, (void)budget_ms, (void)cancel;
    fake.n_connects++;
    fake.at = 0;
    strcpy(fake.host, host);
    fake.port = port;
    return fake.connect_err;
}

static ferry_err fake_read(struct ferry_tcp *t, void *dst, size_t n, uint32_t *budget_ms,
                           const struct ferry_cancel *cancel, size_t *got)
{
    (void)t, (void)cancel;
    size_t take = fake.n_bytes - fake.at;
    fake.first_budget_ms = *budget_ms;
    if (!take && fake.end_err)
        return fake.end_err;
    *budget_ms -= *budget_ms ? 1 : 0;
    take = take < n ? take : n;
    take = take < fake.piece ? take : fake.piece;
    memcpy(dst, fake.bytes + fake.at, take);
    fake.at += take;
    *got = take;
    return FERRY_OK;
}

static ferry_err fake_write(struct ferry_tcp *t, const void *src, size_t n, uint32_t *budget_ms,
                            const struct ferry_cancel *cancel)
{
    (void)t, (void)budget_ms, (void)cancel;
    T_EQ_INT(n, 1);
    T_EQ_INT(*(const uint8_t *)src, 0);
    if (fake.n_answers < 8)
        fake.answers_at[fake.n_answers++] = fake.at;
    return fake.write_err;
}

static void fake_close(struct ferry_tcp *t)
{
    (void)t;
    fake.n_closes++;
}

static uint8_t served[8 + LENGTH + 1];
static struct ferry_source_tcp source;

/* A server that announces n bytes and sends n_sent of them. */
static void serve(uint32_t n, size_t n_sent, size_t piece)
{
    static const struct ferry_tcp_ops ops = {fake_connect, fake_read, fake_write, fake_close};
    static const struct ferry_tcp_options options = {.allow_plain = true, .stall_timeout_ms = 5000};
    memset(&fake, 0, sizeof fake);
    fake.tcp.ops = &ops;
    memcpy(served,
           (const uint8_t[]){(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24),
                             0x78, 0x56, 0x34, 0x12},
           8);
    for (size_t i = 8; i < sizeof served; i++)
        served[i] = (uint8_t)(i * 7);
    fake.bytes = served;
    fake.n_bytes = 8 + n_sent;
    fake.piece = piece;
    ferry_source_tcp_init(&source, &fake.tcp, "tcp://host", &options, NULL);
}

static ferry_err drain(size_t *n)
{
    uint8_t buffer[3000];
    size_t got = 0;
    ferry_err err;
    *n = 0;
    do {
        err = ferry_source_read(&source.source, buffer, sizeof buffer, &got);
        if (!err)
            T_EQ_MEM(buffer, served + 8 + *n, got);
        *n += err ? 0 : got;
    } while (!err && got);
    return err;
}

static void file_comes_with_its_length_and_crc(void)
{
    static const size_t pieces[] = {1, 7, 5000, LENGTH + 9};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        size_t n;
        serve(LENGTH, LENGTH, pieces[i]);
        T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_OK);
        T_EQ_INT(source.source.facts.length_bytes, LENGTH);
        T_CHECK(source.source.facts.has_crc32);
        T_EQ_INT(source.source.facts.crc32, 0x12345678);
        T_CHECK(!ferry_source_is_authenticated(&source.source));
        T_EQ_INT(drain(&n), FERRY_OK);
        T_EQ_INT(n, LENGTH);
        ferry_source_close(&source.source);
        T_EQ_INT(fake.n_closes, 1);
    }
}

static void each_chunk_is_answered_once_and_not_before_it_is_here(void)
{
    size_t n;
    serve(LENGTH, LENGTH, SIZE_MAX);
    T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(fake.n_answers, 3);
    T_EQ_INT(fake.answers_at[0], 8 + FERRY_TCP_CHUNK_BYTES);
    T_EQ_INT(fake.answers_at[1], 8 + 2 * FERRY_TCP_CHUNK_BYTES);
    T_EQ_INT(fake.answers_at[2], 8 + LENGTH);
    ferry_source_close(&source.source);
}

static void server_that_is_gone_before_the_last_answer_has_done_its_work(void)
{
    size_t n;
    serve(100, 100, SIZE_MAX);
    fake.write_err = FERRY_ERR_NET_CLOSED;
    fake.end_err = FERRY_ERR_NET_CLOSED;
    T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_OK);
    T_EQ_INT(drain(&n), FERRY_OK);
    T_EQ_INT(n, 100);
    ferry_source_close(&source.source);
}

static const struct {
    uint32_t announced;
    size_t sent; // of the file; the head is cut instead if head_bytes is not 0
    size_t head_bytes;
    ferry_err end_err;
    ferry_err err;
    uint32_t value, limit;
    const char *detail;
} hostile[] = {
    {0, 0, 0, FERRY_OK, FERRY_ERR_NET_PROTOCOL, 0, 0, "it announces a file of 0 bytes"},
    {100, 0, 7, FERRY_OK, FERRY_ERR_NET_CLOSED, 0, 0, ""},
    {100, 0, 3, FERRY_ERR_NET_TIMEOUT, FERRY_ERR_NET_TIMEOUT, 0, 0,
     "its head was not there after 5000 ms"},
    {100, 60, 0, FERRY_OK, FERRY_ERR_NET_CLOSED, 60, 100, ""},
    {100, 60, 0, FERRY_ERR_NET_CLOSED, FERRY_ERR_NET_CLOSED, 60, 100, ""},
    {100, 60, 0, FERRY_ERR_NET_TIMEOUT, FERRY_ERR_NET_TIMEOUT, 0, 0,
     "a chunk was not there after 5000 ms"},
    {100, 101, 0, FERRY_OK, FERRY_ERR_NET_LENGTH, 101, 100, ""},
    {100, 60, 0, FERRY_ERR_CANCELLED, FERRY_ERR_CANCELLED, 0, 0, ""},
};

static void server_that_lies_or_stops_is_refused(void)
{
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        size_t n;
        serve(hostile[i].announced, hostile[i].sent, SIZE_MAX);
        if (hostile[i].head_bytes)
            fake.n_bytes = hostile[i].head_bytes;
        fake.end_err = hostile[i].end_err;
        ferry_err err = ferry_source_open(&source.source, 0);
        if (!err)
            err = drain(&n);
        ferry_source_close(&source.source);
        T_EQ_INT(err, hostile[i].err);
        T_EQ_INT(source.source.fault.err, hostile[i].err);
        T_EQ_INT(source.source.fault.value, hostile[i].value);
        T_EQ_INT(source.source.fault.limit, hostile[i].limit);
        T_EQ_STR(source.source.detail, hostile[i].detail);
        T_EQ_INT(fake.n_closes, 1);
    }
}

/* The limit is for a whole chunk: a byte now and then does not begin it anew. */
static void time_for_a_chunk_is_not_renewed_by_a_byte(void)
{
    uint8_t byte;
    size_t got;
    serve(LENGTH, LENGTH, 1);
    T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_OK);
    for (uint32_t i = 0; i < FERRY_TCP_CHUNK_BYTES; i++) {
        T_EQ_INT(ferry_source_read(&source.source, &byte, 1, &got), FERRY_OK);
        T_EQ_INT(fake.first_budget_ms, i < 5000 ? 5000 - i : 0);
    }
    T_EQ_INT(ferry_source_read(&source.source, &byte, 1, &got), FERRY_OK);
    T_EQ_INT(fake.first_budget_ms, 5000);
    ferry_source_close(&source.source);
}

static void there_is_no_middle_to_begin_at(void)
{
    serve(LENGTH, LENGTH, SIZE_MAX);
    T_EQ_INT(ferry_source_open(&source.source, 100), FERRY_ERR_NET_PROTOCOL);
    T_EQ_INT(fake.n_connects, 0);
    T_EQ_INT(ferry_source_open_near(&source.source, 100, NULL), FERRY_OK);
    T_EQ_INT(source.source.at_bytes, 0);
    T_EQ_INT(ferry_source_rewind(&source.source), FERRY_OK);
    T_EQ_INT(fake.n_connects, 2);
    ferry_source_close(&source.source);
}

static void plain_tcp_must_be_allowed(void)
{
    serve(LENGTH, LENGTH, SIZE_MAX);
    ferry_source_tcp_init(&source, &fake.tcp, "tcp://host", NULL, NULL);
    T_EQ_INT(ferry_source_open(&source.source, 0), FERRY_ERR_NET_INSECURE);
    T_EQ_INT(fake.n_connects, 0);
}

static const struct {
    const char *text, *host; // host NULL: refused
    uint16_t port;
} addresses[] = {
    {"tcp://h", "h", 6969},
    {"TCP://Bench-1.local:1", "Bench-1.local", 1},
    {"tcp://10.0.0.7:65535/", "10.0.0.7", 65535},
    {"tcp://[::1]", "::1", 6969},
    {"tcp://[fe80::1%eth0]:70", "fe80::1%eth0", 70},
    {"tcp://[::ffff:1.2.3.4]:70/", "::ffff:1.2.3.4", 70},
    {"tcp://", NULL, 0},
    {"tcp:/h", NULL, 0},
    {"tcp://:6969", NULL, 0},
    {"tcp://h:", NULL, 0},
    {"tcp://h:0", NULL, 0},
    {"tcp://h:65536", NULL, 0},
    {"tcp://h:99999999999999999999", NULL, 0},
    {"tcp://h:+1", NULL, 0},
    {"tcp://h:6969x", NULL, 0},
    {"tcp://h:1/app.bin", NULL, 0},
    {"tcp://h?x", NULL, 0},
    {"tcp://user@h:1", NULL, 0},
    {"tcp://h h", NULL, 0},
    {"tcp://h\n", NULL, 0},
    {"tcp://::1", NULL, 0},
    {"tcp://[::1", NULL, 0},
    {"tcp://[]", NULL, 0},
    {"tcp://[::1]x", NULL, 0},
    {"tcp://[::1]:", NULL, 0},
};

static void addresses_are_split_or_refused(void)
{
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        char host[FERRY_TCP_HOST_BYTES] = "untouched";
        const char *why = NULL;
        uint16_t port = 7;
        const ferry_err err = ferry_tcp_split(addresses[i].text, host, &port, &why);
        T_EQ_INT(err, addresses[i].host ? FERRY_OK : FERRY_ERR_NET_URL);
        T_EQ_STR(host, addresses[i].host ? addresses[i].host : "untouched");
        T_EQ_INT(port, addresses[i].host ? addresses[i].port : 7);
        T_EQ_INT(why != NULL, err != FERRY_OK);
    }
}

int main(void)
{
    T_RUN(file_comes_with_its_length_and_crc);
    T_RUN(each_chunk_is_answered_once_and_not_before_it_is_here);
    T_RUN(server_that_is_gone_before_the_last_answer_has_done_its_work);
    T_RUN(server_that_lies_or_stops_is_refused);
    T_RUN(time_for_a_chunk_is_not_renewed_by_a_byte);
    T_RUN(there_is_no_middle_to_begin_at);
    T_RUN(plain_tcp_must_be_allowed);
    T_RUN(addresses_are_split_or_refused);
    return t_end();
}
