/* tests/fuzz/fuzz_tcp.c - a server of the sample protocol that sends any bytes, in any pieces, to
 * any address.
 * Up to the first NUL the input is the address; the byte behind it how large the pieces are; the
 * rest is what the server sends before it closes. Whatever that is: a host is what is connected to
 * or nothing is, what is delivered is what was announced, each full chunk gets one answer, and the
 * connection is closed. */
#include "fuzz.h"

#include <string.h>

#include "agent/source_tcp.h"
#include "ferry/bytes.h"

struct script {
    struct ferry_tcp tcp; // first
    const uint8_t *at, *end;
    size_t piece;
    unsigned n_open, n_answers;
};

static ferry_err connect_script(struct ferry_tcp *t, const char *host, uint16_t port,
                                uint32_t *budget_ms, const struct ferry_cancel *cancel)
{
    struct script *s = (struct script *)(void *)t;
    (void)cancel;
    FUZZ_MUST(s->n_open == 0 && port > 0 && *budget_ms > 0);
    FUZZ_MUST(*host && strlen(host) < FERRY_TCP_HOST_BYTES && !strpbrk(host, "/@[] \t\r\n?#"));
    s->n_open++;
    return FERRY_OK;
}

static ferry_err read_script(struct ferry_tcp *t, void *dst, size_t n, uint32_t *budget_ms,
                             const struct ferry_cancel *cancel, size_t *got)
{
    struct script *s = (struct script *)(void *)t;
    const size_t left = (size_t)(s->end - s->at);
    const size_t most = n < s->piece ? n : s->piece;
    (void)budget_ms, (void)cancel;
    FUZZ_MUST(s->n_open == 1 && n > 0);
    *got = left < most ? left : most;
    memcpy(dst, s->at, *got);
    s->at += *got;
    return FERRY_OK;
}

static ferry_err write_script(struct ferry_tcp *t, const void *src, size_t n, uint32_t *budget_ms,
                              const struct ferry_cancel *cancel)
{
    struct script *s = (struct script *)(void *)t;
    (void)src, (void)budget_ms, (void)cancel;
    FUZZ_MUST(s->n_open == 1 && n == 1);
    s->n_answers++;
    return FERRY_OK;
}

static void close_script(struct ferry_tcp *t)
{
    FUZZ_MUST(((struct script *)(void *)t)->n_open-- == 1);
}

/* Reads all, in pieces that do not fit the chunks. */
static void drain(struct ferry_source *s, const struct script *script)
{
    const uint32_t length = s->facts.length_bytes;
    uint8_t buffer[1000];
    size_t got = 0;
    ferry_err err;
    do {
        err = ferry_source_read(s, buffer, sizeof buffer, &got);
        FUZZ_MUST(s->at_bytes <= length);
        FUZZ_MUST(script->n_answers <=
                  (s->at_bytes + FERRY_TCP_CHUNK_BYTES - 1) / FERRY_TCP_CHUNK_BYTES);
    } while (!err && got);
    if (err)
        return;
    FUZZ_MUST(s->at_bytes == length && script->at == script->end);
    FUZZ_MUST(script->n_answers ==
              length / FERRY_TCP_CHUNK_BYTES + (length % FERRY_TCP_CHUNK_BYTES != 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct ferry_tcp_ops ops = {connect_script, read_script, write_script,
                                             close_script};
    static const struct ferry_tcp_options options = {.allow_plain = true};
    static struct ferry_source_tcp source;
    const uint8_t *nul = n ? memchr(data, 0, n) : NULL;
    if (!nul || nul + 1 == data + n)
        return 0;
    struct script script = {
        .tcp = {.ops = &ops}, .at = nul + 2, .end = data + n, .piece = nul[1] + 1u};
    ferry_source_tcp_init(&source, &script.tcp, (const char *)data, &options, NULL);
    if (!ferry_source_open(&source.source, 0)) {
        FUZZ_MUST(source.source.facts.length_bytes == ferry_le32(nul + 2));
        FUZZ_MUST(!ferry_source_is_authenticated(&source.source));
        drain(&source.source, &script);
        ferry_source_close(&source.source);
    } else {
        FUZZ_MUST(source.source.fault.err != FERRY_OK);
    }
    FUZZ_MUST(script.n_open == 0);
    return 0;
}
