/* host/strbuf.c - text that grows. */
#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES 128u

/** Makes room for n more bytes and the NUL. */
static bool reserve(struct ferry_strbuf *b, size_t n)
{
    if (b->failed || n >= SIZE_MAX / 2 - b->n) {
        b->failed = true;
        return false;
    }
    if (b->n + n < b->room)
        return true;
    size_t room = b->room ? b->room : FIRST_BYTES;
    while (room <= b->n + n)
        room *= 2;
    char *grown = realloc(b->text, room);
    if (!grown) {
        b->failed = true;
        return false;
    }
    b->text = grown;
    b->room = room;
    return true;
}

void ferry_strbuf_add(struct ferry_strbuf *b, const char *s, size_t n)
{
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->text + b->n, s, n);
    b->n += n;
    b->text[b->n] = '\0';
}

void ferry_strbuf_addf(struct ferry_strbuf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(b, (size_t)n)) {
        b->failed = true;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(b->text + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void ferry_strbuf_add_code(struct ferry_strbuf *b, uint32_t code)
{
    char out[4];
    size_t n = 0;
    if (code < 0x80) {
        out[n++] = (char)code;
    } else {
        const unsigned n_more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
        static const uint8_t lead[] = {0, 0xc0, 0xe0, 0xf0};
        out[n++] = (char)(lead[n_more] | code >> (6 * n_more));
        for (unsigned left = n_more; left-- > 0;)
            out[n++] = (char)(0x80 | (code >> (6 * left) & 0x3f));
    }
    ferry_strbuf_add(b, out, n);
}

void ferry_strbuf_clear(struct ferry_strbuf *b)
{
    b->n = 0;
    b->failed = false;
    if (b->text)
        b->text[0] = '\0';
}

void ferry_strbuf_free(struct ferry_strbuf *b)
{
    free(b->text);
    *b = (struct ferry_strbuf){0};
}
