/* host/csv_number.c - Python's int() with suffixes. */
#include "csv_number.h"

#include <string.h>

#include "unicode.h"

static void strip(const char **s, size_t *n)
{
    uint32_t code;
    size_t step;
    while ((step = ferry_utf8_next(*s, *n, &code)) && ferry_char_is_blank(code)) {
        *s += step;
        *n -= step;
    }
    while (*n) {
        size_t at = *n - 1;
        while (at && ((uint8_t)(*s)[at] & 0xc0) == 0x80)
            at--;
        if (ferry_utf8_next(*s + at, *n - at, &code) != *n - at || !ferry_char_is_blank(code))
            return;
        *n = at;
    }
}

/** The base that a prefix names, 10 without one. */
static unsigned base_of(const char *s, size_t n)
{
    if (n < 2 || s[0] != '0')
        return 10;
    switch (s[1] | 0x20) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 10;
    }
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

int64_t ferry_csv_times(int64_t a, int64_t b)
{
    const bool negative = a < 0;
    const int64_t size = negative ? -a : a;
    const int64_t most = b && size > FERRY_CSV_NUMBER_MOST / b ? FERRY_CSV_NUMBER_MOST : size * b;
    return negative ? -most : most;
}

/** Digits with single underscores between them; one may also stand after a prefix. */
static bool read_digits(const char *s, size_t n, unsigned base, bool after_prefix, int64_t *out)
{
    int64_t sum = 0;
    bool may_underscore = after_prefix;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '_') {
            if (!may_underscore || i + 1 == n)
                return false;
            may_underscore = false;
            continue;
        }
        const unsigned digit = digit_of(s[i]);
        if (digit >= base)
            return false;
        sum = ferry_csv_times(sum, base);
        sum = sum > FERRY_CSV_NUMBER_MOST - (int64_t)digit ? FERRY_CSV_NUMBER_MOST : sum + digit;
        may_underscore = true;
    }
    *out = sum;
    return n > 0;
}

static bool is_all_zero(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] != '0' && s[i] != '_')
            return false;
    return true;
}

bool ferry_csv_int(const char *s, size_t n, unsigned base, int64_t *out)
{
    int64_t size;
    strip(&s, &n);
    const bool negative = n && s[0] == '-';
    if (n && (s[0] == '-' || s[0] == '+')) {
        s++;
        n--;
    }
    const unsigned named = base_of(s, n);
    const bool has_prefix = named != 10 && (!base || named == base);
    if (has_prefix) {
        s += 2;
        n -= 2;
    }
    if (!base && !has_prefix && n && s[0] == '0' && !is_all_zero(s, n))
        return false; // 010 is eight to some and ten to others
    if (!read_digits(s, n, base ? base : named, has_prefix, &size))
        return false;
    *out = negative ? -size : size;
    return true;
}

int64_t ferry_csv_suffixes(const char *s, size_t *n)
{
    int64_t product = 1;
    while (*n && strchr("kKmM", s[*n - 1])) {
        product = ferry_csv_times(product, (s[*n - 1] | 0x20) == 'k' ? 1024 : 1024 * 1024);
        --*n;
    }
    return product;
}

bool ferry_csv_number(const char *s, int64_t *out)
{
    size_t n = strlen(s);
    int64_t number;
    const int64_t product = ferry_csv_suffixes(s, &n);
    if (!ferry_csv_int(s, n, 0, &number))
        return false;
    *out = ferry_csv_times(number, product);
    return true;
}
