/* agent/text.c - short texts without libc. */
#include "agent/text.h"

#include <string.h>

void ferry_text_add_n(char *buf, size_t n_bytes, const char *s, size_t n_s)
{
    size_t at = strlen(buf);
    for (size_t i = 0; i < n_s && at + 1 < n_bytes; i++) {
        const unsigned char c = (unsigned char)s[i];
        buf[at++] = c < 0x20 || c == 0x7f ? '?' : s[i];
    }
    buf[at] = '\0';
}

void ferry_text_add(char *buf, size_t n_bytes, const char *s)
{
    ferry_text_add_n(buf, n_bytes, s, strlen(s));
}

void ferry_text_add_number(char *buf, size_t n_bytes, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n);
    ferry_text_add_n(buf, n_bytes, digits + at, sizeof digits - at);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool ferry_text_is_word(const char *s, size_t n, const char *word)
{
    for (size_t i = 0; i < n; i++)
        if (!word[i] || lower(s[i]) != lower(word[i]))
            return false;
    return word[n] == '\0';
}

bool ferry_text_has_prefix(const char *s, const char *prefix)
{
    const size_t n = strlen(prefix);
    return strlen(s) >= n && ferry_text_is_word(s, n, prefix);
}

bool ferry_text_has_suffix(const char *s, const char *suffix)
{
    const size_t n = strlen(s);
    const size_t n_suffix = strlen(suffix);
    return n >= n_suffix && memcmp(s + n - n_suffix, suffix, n_suffix) == 0;
}

bool ferry_text_has_control(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    return false;
}

bool ferry_text_number(const char *s, size_t n, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (n == 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        const uint64_t digit = (uint64_t)(s[i] - '0');
        if (digit > max || v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool ferry_text_hex(const char *s, uint8_t *out, size_t n_bytes)
{
    if (strlen(s) != 2 * n_bytes)
        return false;
    for (size_t i = 0; i < n_bytes; i++) {
        const int high = hex_digit(s[2 * i]);
        const int low = hex_digit(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
