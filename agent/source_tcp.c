/* agent/source_tcp.c - the source that asks a server of esp-hal-ota's sample protocol. */
#include "agent/source_tcp.h"

#include <string.h>

#include "agent/text.h"
#include "ferry/bytes.h"

static struct ferry_source_tcp *as_tcp(struct ferry_source *s)
{
    return (struct ferry_source_tcp *)(void *)s;
}

bool ferry_tcp_is_address(const char *text)
{
    return ferry_text_has_prefix(text, "tcp://");
}

static ferry_err refuse(const char **why, const char *words)
{
    if (why)
        *why = words;
    return FERRY_ERR_NET_URL;
}

/* What may stand in a host: letters, digits and what addresses are written with. Everything else
 * is somebody's mistake, or an attempt to be read differently elsewhere. */
static bool is_host(const char *s, size_t n, bool is_v6)
{
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];
        const bool is_word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                             (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_';
        if (!is_word && !(is_v6 && (c == ':' || c == '%')))
            return false;
    }
    return n > 0 && n < FERRY_TCP_HOST_BYTES;
}

static ferry_err split_port(const char *s, uint16_t *port, const char **why)
{
    size_t n = strlen(s);
    uint64_t number = FERRY_TCP_PORT;
    if (n && s[n - 1] == '/')
        n--;
    if (n && (s[0] != ':' || memchr(s, '/', n)))
        return refuse(why, "a tcp address is tcp://host:port and nothing else");
    if (n && (!ferry_text_number(s + 1, n - 1, UINT16_MAX, &number) || number == 0))
        return refuse(why, "the port is a number from 1 to 65535");
    *port = (uint16_t)number;
    return FERRY_OK;
}

ferry_err ferry_tcp_split(const char *text, char *host, uint16_t *port, const char **why)
{
    if (!ferry_tcp_is_address(text))
        return refuse(why, "a tcp address begins with tcp://");
    const char *at = text + strlen("tcp://");
    const bool is_v6 = *at == '[';
    const size_t n = strcspn(at += is_v6, is_v6 ? "]" : ":/");
    if (!is_host(at, n, is_v6))
        return refuse(why, "the host is missing or is none");
    if (is_v6 && at[n] != ']')
        return refuse(why, "an IPv6 address ends in ]");
    uint16_t number = 0;
    const ferry_err err = split_port(at + n + is_v6, &number, why);
    if (err)
        return err;
    memcpy(host, at, n);
    host[n] = '\0';
    *port = number;
    return FERRY_OK;
}

static ferry_err fail_timeout(struct ferry_source_tcp *t)
{
    char words[FERRY_TCP_DETAIL_BYTES] = "";
    ferry_text_add(words, sizeof words, t->source.facts.length_bytes ? "a chunk" : "its head");
    ferry_text_add(words, sizeof words, " was not there after ");
    ferry_text_add_number(words, sizeof words, t->options.stall_timeout_ms);
    ferry_text_add(words, sizeof words, " ms");
    return ferry_source_fail(&t->source, FERRY_ERR_NET_TIMEOUT, 0, 0, words);
}

/* The transport's failure, with the numbers that its sentence wants. */
static ferry_err fail_tcp(struct ferry_source_tcp *t, ferry_err err)
{
    struct ferry_source *s = &t->source;
    const uint32_t announced = s->facts.length_bytes;
    if (err == FERRY_ERR_NET_TIMEOUT)
        return fail_timeout(t);
    if (err == FERRY_ERR_NET_CLOSED)
        return ferry_source_fail(s, err, s->at_bytes, announced, t->tcp->detail);
    return ferry_source_fail(s, err, 0, 0, t->tcp->detail);
}

static ferry_err fail_closed(struct ferry_source_tcp *t)
{
    t->tcp->detail[0] = '\0';
    return fail_tcp(t, FERRY_ERR_NET_CLOSED);
}

static ferry_err read_head(struct ferry_source_tcp *t)
{
    struct ferry_source *s = &t->source;
    uint8_t head[FERRY_TCP_HEAD_BYTES];
    t->budget_ms = t->options.stall_timeout_ms;
    for (size_t n = 0; n < sizeof head;) {
        size_t got = 0;
        const ferry_err err =
            t->tcp->ops->read(t->tcp, head + n, sizeof head - n, &t->budget_ms, s->cancel, &got);
        if (err || got == 0)
            return err ? fail_tcp(t, err) : fail_closed(t);
        n += got;
    }
    s->facts.length_bytes = ferry_le32(head);
    s->facts.crc32 = ferry_le32(head + 4);
    s->facts.has_crc32 = true;
    if (s->facts.length_bytes == 0)
        return ferry_source_fail(s, FERRY_ERR_NET_PROTOCOL, 0, 0, "it announces a file of 0 bytes");
    return FERRY_OK;
}

static ferry_err open_tcp(struct ferry_source *s, uint32_t off_bytes)
{
    struct ferry_source_tcp *t = as_tcp(s);
    char host[FERRY_TCP_HOST_BYTES];
    uint16_t port = 0;
    const char *why = NULL;
    if (!t->options.allow_plain)
        return ferry_source_fail(s, FERRY_ERR_NET_INSECURE, 0, 0, NULL);
    if (ferry_tcp_split(t->address, host, &port, &why))
        return ferry_source_fail(s, FERRY_ERR_NET_URL, 0, 0, why);
    if (off_bytes && !s->may_begin_at_start)
        return ferry_source_fail(s, FERRY_ERR_NET_PROTOCOL, off_bytes, 0,
                                 "the protocol begins at the first byte only");
    s->at_bytes = 0;
    t->n_unanswered = 0;
    t->budget_ms = t->options.connect_timeout_ms;
    ferry_err err = t->tcp->ops->connect(t->tcp, host, port, &t->budget_ms, s->cancel);
    if (err)
        return ferry_source_fail(s, err, 0, 0, t->tcp->detail);
    err = read_head(t);
    if (err)
        t->tcp->ops->close(t->tcp);
    t->budget_ms = t->options.stall_timeout_ms;
    return err;
}

/* The byte that asks for the next chunk. esp-hal-ota's device sends a zero; its server takes any.
 * After the last chunk nothing depends on it: a server that is gone by then has done its work. */
static ferry_err answer(struct ferry_source_tcp *t, bool is_last)
{
    static const uint8_t byte;
    t->n_unanswered = 0;
    t->budget_ms = t->options.stall_timeout_ms;
    const ferry_err err =
        t->tcp->ops->write(t->tcp, &byte, sizeof byte, &t->budget_ms, t->source.cancel);
    if (err && (!is_last || err == FERRY_ERR_CANCELLED))
        return fail_tcp(t, err);
    return FERRY_OK;
}

/* Everything has come. A server has no reason to send more: one that does means another file than
 * it announced. Most close at once; one that keeps the line open is not waited for long. */
static ferry_err end(struct ferry_source_tcp *t)
{
    struct ferry_source *s = &t->source;
    uint8_t extra;
    size_t got = 0;
    uint32_t wait_ms = FERRY_TCP_END_WAIT_MS;
    ferry_err err = t->n_unanswered ? answer(t, true) : FERRY_OK;
    if (err)
        return err;
    err = t->tcp->ops->read(t->tcp, &extra, sizeof extra, &wait_ms, s->cancel, &got);
    if (err == FERRY_ERR_CANCELLED)
        return fail_tcp(t, err);
    if (!err && got) {
        const uint32_t length = s->facts.length_bytes;
        return ferry_source_fail(s, FERRY_ERR_NET_LENGTH, length < UINT32_MAX ? length + 1 : length,
                                 length, NULL);
    }
    return FERRY_OK;
}

static ferry_err read_tcp(struct ferry_source *s, void *dst, size_t n, size_t *got)
{
    struct ferry_source_tcp *t = as_tcp(s);
    const uint32_t left = s->facts.length_bytes - s->at_bytes;
    *got = 0;
    if (left == 0)
        return end(t);
    // Only now: the reader has done with the chunk, so the server never runs ahead of the flash.
    if (t->n_unanswered == FERRY_TCP_CHUNK_BYTES) {
        const ferry_err err = answer(t, false);
        if (err)
            return err;
    }
    const uint32_t chunk_left = FERRY_TCP_CHUNK_BYTES - t->n_unanswered;
    const uint32_t most = left < chunk_left ? left : chunk_left;
    const ferry_err err =
        t->tcp->ops->read(t->tcp, dst, n < most ? n : most, &t->budget_ms, s->cancel, got);
    if (err)
        return fail_tcp(t, err);
    if (*got == 0)
        return fail_closed(t);
    t->n_unanswered += (uint32_t)*got;
    return FERRY_OK;
}

static void close_tcp(struct ferry_source *s)
{
    struct ferry_source_tcp *t = as_tcp(s);
    t->tcp->ops->close(t->tcp);
}

void ferry_source_tcp_init(struct ferry_source_tcp *s, struct ferry_tcp *tcp, const char *address,
                           const struct ferry_tcp_options *options,
                           const struct ferry_cancel *cancel)
{
    static const struct ferry_source_ops ops = {open_tcp, read_tcp, close_tcp, NULL};
    memset(s, 0, sizeof *s);
    s->source.ops = &ops;
    s->source.cancel = cancel;
    s->source.address = address;
    s->tcp = tcp;
    s->address = address;
    if (options)
        s->options = *options;
    if (!s->options.connect_timeout_ms)
        s->options.connect_timeout_ms = FERRY_TCP_CONNECT_TIMEOUT_MS;
    if (!s->options.stall_timeout_ms)
        s->options.stall_timeout_ms = FERRY_TCP_STALL_TIMEOUT_MS;
}
