/* host/unicode.c - Unicode encodings, strictly: no overlong forms, no lone surrogates. */
#include "unicode.h"

#include <string.h>

#define CODE_MAX 0x10ffffu

static bool is_surrogate(uint32_t code)
{
    return code >= 0xd800 && code < 0xe000;
}

size_t ferry_utf8_next(const char *s, size_t n, uint32_t *code)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    const uint8_t lead = n ? (uint8_t)s[0] : 0xff;
    if (lead < 0x80) {
        *code = lead;
        return 1;
    }
    const unsigned n_more = lead >= 0xf8   ? 0
                            : lead >= 0xf0 ? 3
                            : lead >= 0xe0 ? 2
                            : lead >= 0xc0 ? 1
                                           : 0;
    if (!n_more || n_more >= n)
        return 0;
    uint32_t c = lead & (0x3fu >> n_more);
    for (unsigned i = 1; i <= n_more; i++) {
        if (((uint8_t)s[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | ((uint8_t)s[i] & 0x3fu);
    }
    if (c < least[n_more] || c > CODE_MAX || is_surrogate(c))
        return 0;
    *code = c;
    return n_more + 1;
}

bool ferry_utf8_is_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        uint32_t code;
        const size_t step = ferry_utf8_next(s + i, n - i, &code);
        if (!step)
            return false;
        i += step;
    }
    return true;
}

void ferry_utf8_mend(char *s)
{
    size_t left = strlen(s);
    while (left) {
        uint32_t code = 0;
        const size_t n = ferry_utf8_next(s, left, &code);
        if (!n || code < ' ')
            *s = '?';
        s += n ? n : 1;
        left -= n ? n : 1;
    }
}

static ferry_err take_utf8(const uint8_t *bytes, size_t n, struct ferry_strbuf *out,
                           size_t *bad_off)
{
    for (size_t i = 0; i < n;) {
        uint32_t code;
        const size_t step = ferry_utf8_next((const char *)bytes + i, n - i, &code);
        if (!step) {
            *bad_off = i;
            return FERRY_ERR_SYNTAX;
        }
        i += step;
    }
    ferry_strbuf_add(out, (const char *)bytes, n);
    return FERRY_OK;
}

static uint32_t load16(const uint8_t *p, bool big)
{
    return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

/** The code point at p; returns its length, 0 if there is none. */
static size_t utf16_next(const uint8_t *p, size_t n, bool big, uint32_t *code)
{
    if (n < 2)
        return 0;
    const uint32_t high = load16(p, big);
    *code = high;
    if (!is_surrogate(high))
        return 2;
    const uint32_t low = n < 4 ? 0 : load16(p + 2, big);
    if (high >= 0xdc00 || low < 0xdc00 || low >= 0xe000)
        return 0;
    *code = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
    return 4;
}

static size_t utf32_next(const uint8_t *p, size_t n, bool big, uint32_t *code)
{
    (void)big; // little-endian never comes here: see encodings[]
    if (n < 4)
        return 0;
    *code = load16(p, true) << 16 | load16(p + 2, true);
    return *code > CODE_MAX || is_surrogate(*code) ? 0 : 4;
}

/* In the order in which Espressif's tool looks. So the mark of little-endian UTF-32, FF FE 00 00,
 * counts as UTF-16 and what follows as text full of NULs, which no table can be made of. */
static const struct encoding {
    uint8_t mark[4];
    uint8_t n_mark;
    bool big;
    size_t (*next)(const uint8_t *p, size_t n, bool big, uint32_t *code); // NULL: UTF-8
} encodings[] = {
    {{0xef, 0xbb, 0xbf}, 3, false, NULL},
    {{0xff, 0xfe}, 2, false, utf16_next},
    {{0xfe, 0xff}, 2, true, utf16_next},
    {{0x00, 0x00, 0xfe, 0xff}, 4, true, utf32_next},
    {{0}, 0, false, NULL},
};

ferry_err ferry_text_decode(const uint8_t *bytes, size_t n_bytes, struct ferry_strbuf *out,
                            size_t *bad_off)
{
    const struct encoding *e = encodings;
    while (n_bytes < e->n_mark || memcmp(bytes, e->mark, e->n_mark) != 0)
        e++;
    ferry_strbuf_clear(out);
    ferry_err err = FERRY_OK;
    if (!e->next) {
        err = take_utf8(bytes + e->n_mark, n_bytes - e->n_mark, out, bad_off);
        if (err)
            *bad_off += e->n_mark;
    }
    for (size_t i = e->n_mark; e->next && i < n_bytes;) {
        uint32_t code;
        const size_t step = e->next(bytes + i, n_bytes - i, e->big, &code);
        if (!step) {
            *bad_off = i;
            return FERRY_ERR_SYNTAX;
        }
        ferry_strbuf_add_code(out, code);
        i += step;
    }
    ferry_strbuf_add(out, "", 0); // an empty file is a text, too
    return !err && out->failed ? FERRY_ERR_NO_MEMORY : err;
}

bool ferry_char_is_line_end(uint32_t code)
{
    return (code >= 0x0a && code <= 0x0d) || (code >= 0x1c && code <= 0x1e) || code == 0x85 ||
           code == 0x2028 || code == 0x2029;
}

bool ferry_char_is_blank(uint32_t code)
{
    return ferry_char_is_line_end(code) || code == 0x09 || code == 0x1f || code == 0x20 ||
           code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x202f ||
           code == 0x205f || code == 0x3000;
}
