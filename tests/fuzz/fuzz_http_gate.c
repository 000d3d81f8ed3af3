/* tests/fuzz/fuzz_http_gate.c - any bytes as the head of a request to ferryd.
 * They are taken apart in place as leniently as libmicrohttpd 0.9.75 does it; what gate and layout
 * let through must be a head by the letter of RFC 9112, as a second, strict reader sees it. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "host/http_gate.h"

/** What the lenient reader has found. */
struct head {
    char *bytes;
    size_t n, at; // of the head; where the next line begins
    char *method, *target, *version;
    size_t n_target;
    struct http_gate gate;
    struct http_layout layout;
};

/** The next line without its end, which may be a bare LF; NULL: there is none. */
static char *next_line(struct head *h)
{
    char *const line = h->bytes + h->at;
    for (size_t i = h->at; i < h->n; i++) {
        const bool is_crlf = h->bytes[i] == '\r' && i + 1 < h->n && h->bytes[i + 1] == '\n';
        if (!is_crlf && h->bytes[i] != '\n')
            continue;
        h->bytes[i] = '\0';
        if (is_crlf)
            h->bytes[++i] = '\0';
        h->at = i + 1;
        return line;
    }
    return NULL;
}

static bool take_first_line(struct head *h)
{
    char *const line = next_line(h);
    char *const blank = line ? strchr(line, ' ') : NULL;
    char *const last = line ? strrchr(line, ' ') : NULL;
    if (!blank || last == blank)
        return false;
    *blank = *last = '\0';
    h->method = line;
    h->target = blank + 1 + strspn(blank + 1, " ");
    h->version = last + 1;
    h->n_target = strlen(h->target);
    return h->target <= last;
}

/** Takes the fields; a folded line is joined to the one before somewhere else in memory. */
static bool take_fields(struct head *h)
{
    static char joined[1 << 16];
    char *name = NULL, *value = NULL;
    for (char *line; (line = next_line(h));) {
        if (name && (*line == ' ' || *line == '\t') && strlen(value) + strlen(line) < 60000) {
            memmove(joined, value, strlen(value) + 1);
            strcat(joined, line);
            value = joined;
            continue;
        }
        if (name) {
            http_gate_field(&h->gate, name, strlen(name), value, strlen(value));
            http_layout_field(&h->layout, name, strlen(name), value, strlen(value));
        }
        if (!*line)
            return true;
        char *const colon = strchr(line, ':');
        if (!colon)
            return false;
        *colon = '\0';
        name = line;
        value = colon + 1 + strspn(colon + 1, " \t");
    }
    return false;
}

static bool is_token_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/** The strict reader: n bytes that are a head, to the last one. */
static bool is_strict(const char *t, size_t n)
{
    const char *const end = t + n;
    for (unsigned blanks = 0; t < end && *t != '\r'; t++) {
        FUZZ_MUST(*t != '\n' && *t != '\0');
        blanks += *t == ' ';
        FUZZ_MUST(blanks <= 2);
    }
    while (end - t > 2) {
        FUZZ_MUST(t[0] == '\r' && t[1] == '\n');
        t += 2;
        if (end - t == 2)
            break;
        const char *const name = t;
        while (t < end && is_token_byte(*t))
            t++;
        FUZZ_MUST(t > name && t < end && *t == ':');
        for (; t < end && *t != '\r'; t++)
            FUZZ_MUST((unsigned char)*t >= ' ' || *t == '\t');
    }
    return end - t == 2 && t[0] == '\r' && t[1] == '\n';
}

static bool is_line_end(uint8_t c)
{
    return c == '\r' || c == '\n' || c == '\0';
}

/** The one thing that cannot be told apart, because line ends become NULs. */
static bool has_nul_at_line_end(const uint8_t *data, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        if ((data[i] == '\0' && is_line_end(data[i + 1])) ||
            (is_line_end(data[i]) && data[i + 1] == '\0'))
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct head h = {.bytes = malloc(n + 1), .n = n};
    if (!h.bytes)
        return 0;
    memcpy(h.bytes, data, n);
    h.bytes[n] = '\0';
    if (take_first_line(&h)) {
        const bool is_path = http_gate_path(h.target) && http_gate_line(h.method, h.version);
        // The head's length is known to the library before its fields are shown.
        struct head whole = h;
        size_t n_head = 0;
        whole.bytes = malloc(n + 1);
        if (whole.bytes) {
            memcpy(whole.bytes, h.bytes, n + 1);
            n_head = take_fields(&whole) ? whole.at : 0;
            free(whole.bytes);
        }
        http_layout_begin(&h.layout, h.method, h.target, h.n_target, h.version, n_head);
        if (n_head && take_fields(&h) && is_path && !h.gate.is_refused &&
            http_layout_is_whole(&h.layout)) {
            FUZZ_MUST(has_nul_at_line_end(data, n_head) || is_strict((const char *)data, n_head));
            FUZZ_MUST(h.gate.n_host <= 1 && h.gate.n_length <= 1 && !h.gate.n_encoding);
            h.target[strcspn(h.target, "?")] = '\0';
            FUZZ_MUST(h.target[0] == '/' && !strstr(h.target, "/../"));
        }
    }
    free(h.bytes);
    return 0;
}
