/* host/strbuf.h - text that grows. For readers of user files and for what they write.
 * Memory running out is remembered, not reported at each step: ask once, at the end. */
#ifndef FERRY_STRBUF_H
#define FERRY_STRBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** {0} is the empty text. text is NUL-terminated and owned, or NULL while nothing was added. */
struct ferry_strbuf {
    char *text;
    size_t n, room;
    bool failed; // memory ran out; text is no longer complete
};

void ferry_strbuf_add(struct ferry_strbuf *b, const char *s, size_t n);

__attribute__((format(printf, 2, 3))) void ferry_strbuf_addf(struct ferry_strbuf *b,
                                                             const char *fmt, ...);

/** Adds one code point as UTF-8; code is at most 0x10ffff. */
void ferry_strbuf_add_code(struct ferry_strbuf *b, uint32_t code);

/** Empties it and keeps the memory. */
void ferry_strbuf_clear(struct ferry_strbuf *b);

void ferry_strbuf_free(struct ferry_strbuf *b);

#endif
