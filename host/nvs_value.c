/* host/nvs_value.c - numbers as Python's int() and C's strtod read them; base64 by OpenSSL. */
#include "nvs_value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

static const struct type_name {
    enum ferry_nvs_type type;
    const char *name;
} type_names[] = {
    {FERRY_NVS_U8, "u8"},         {FERRY_NVS_I8, "i8"},         {FERRY_NVS_U16, "u16"},
    {FERRY_NVS_I16, "i16"},       {FERRY_NVS_U32, "u32"},       {FERRY_NVS_I32, "i32"},
    {FERRY_NVS_U64, "u64"},       {FERRY_NVS_I64, "i64"},       {FERRY_NVS_FLOAT, "float"},
    {FERRY_NVS_DOUBLE, "double"}, {FERRY_NVS_STRING, "string"}, {FERRY_NVS_BLOB, "blob"},
    {FERRY_NVS_BLOB_V1, "blob"},
};
#define N_TYPE_NAMES (sizeof(type_names) / sizeof(*type_names))

const char *ferry_nvs_type_name(uint32_t type)
{
    for (size_t i = 0; i < N_TYPE_NAMES; i++)
        if ((uint32_t)type_names[i].type == type)
            return type_names[i].name;
    return NULL;
}

bool ferry_nvs_type_by_name(const char *name, enum ferry_nvs_type *type)
{
    for (size_t i = 0; i < N_TYPE_NAMES; i++)
        if (!strcmp(type_names[i].name, name)) {
            *type = type_names[i].type;
            return true;
        }
    return false;
}

bool ferry_nvs_type_is_signed(uint32_t type)
{
    return type == FERRY_NVS_I8 || type == FERRY_NVS_I16 || type == FERRY_NVS_I32 ||
           type == FERRY_NVS_I64;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void strip(const char **s, size_t *n)
{
    for (; *n && is_blank(**s); ++*s)
        --*n;
    while (*n && is_blank((*s)[*n - 1]))
        --*n;
}

/** How much of a value an error message shows. */
static int shown(size_t n)
{
    return n < 40 ? (int)n : 40;
}

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 16;
}

static unsigned base_at(const char *s, size_t n)
{
    if (n < 2 || s[0] != '0')
        return 10;
    const char mark = (char)(s[1] | 0x20);
    return mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
}

/** Reads digits; *is_huge: they go beyond 64 bits. False: they are no number. */
static bool read_digits(const char *s, size_t n, uint64_t *out, bool *is_huge)
{
    const unsigned base = base_at(s, n);
    const size_t n_prefix = base == 10 ? 0 : 2;
    bool may_underscore = n_prefix != 0;
    *out = 0;
    for (size_t i = n_prefix; i < n; i++) {
        if (s[i] == '_') {
            if (!may_underscore || i + 1 == n)
                return false;
            may_underscore = false;
            continue;
        }
        const unsigned digit = digit_of(s[i]);
        if (digit >= base)
            return false;
        *is_huge |= *out > (UINT64_MAX - digit) / base;
        *out = *out * base + digit;
        may_underscore = true;
    }
    return n > n_prefix;
}

static bool parse_integer(enum ferry_nvs_type type, const char *s, size_t n, uint64_t *bits,
                          char why[FERRY_NVS_WHY_BYTES])
{
    const char *text = s;
    const size_t n_text = n;
    const unsigned width = ((unsigned)type & 0xf) * 8;
    const uint64_t most = UINT64_MAX >> (64 - width + ferry_nvs_type_is_signed(type));
    const bool is_negative = n && *s == '-';
    uint64_t size;
    bool is_huge = false;
    if (n && (*s == '-' || *s == '+')) {
        s++;
        n--;
    }
    if (!read_digits(s, n, &size, &is_huge)) {
        snprintf(why, FERRY_NVS_WHY_BYTES, "'%.*s' is not a whole number (12, -5, 0xff)",
                 shown(n_text), text);
        return false;
    }
    // The lowest is one further from zero than the highest; of unsigned types it is zero.
    const uint64_t lowest = ferry_nvs_type_is_signed(type) ? most + 1 : 0;
    if (is_huge || size > (is_negative ? lowest : most)) {
        snprintf(why, FERRY_NVS_WHY_BYTES, "%.*s is out of range for %s; the limit is %s%llu",
                 shown(n_text), text, ferry_nvs_type_name(type), is_negative && lowest ? "-" : "",
                 (unsigned long long)(is_negative ? lowest : most));
        return false;
    }
    *bits = is_negative ? 0 - size : size;
    return true;
}

/** The IEEE bits of a float or double. NaN is refused, as ESP-IDF refuses it: no NaN equals what
 * is stored, so every set would write. */
static bool parse_real(enum ferry_nvs_type type, const char *s, size_t n, uint64_t *bits,
                       char why[FERRY_NVS_WHY_BYTES])
{
    char text[64], *end = text;
    const bool is_float = type == FERRY_NVS_FLOAT;
    const bool fits = n < sizeof(text);
    memcpy(text, s, fits ? n : 0);
    text[fits ? n : 0] = '\0';
    errno = 0;
    const double d = is_float ? (double)strtof(text, &end) : strtod(text, &end);
    if (!*text || *end || isnan(d)) {
        snprintf(why, FERRY_NVS_WHY_BYTES, "'%.*s' is not a number that %s can hold (1.5, -2e10)",
                 shown(n), s, ferry_nvs_type_name(type));
        return false;
    }
    if (errno == ERANGE && isinf(d)) {
        snprintf(why, FERRY_NVS_WHY_BYTES, "%s is out of range for %s; the limit is %s", text,
                 ferry_nvs_type_name(type),
                 is_float ? "3.40282347e+38" : "1.7976931348623157e+308");
        return false;
    }
    const union {
        float number;
        uint32_t bits;
    } single = {(float)d};
    const union {
        double number;
        uint64_t bits;
    } whole = {d};
    *bits = is_float ? single.bits : whole.bits;
    return true;
}

bool ferry_nvs_parse_number(enum ferry_nvs_type type, const char *s, size_t n, uint64_t *bits,
                            char why[FERRY_NVS_WHY_BYTES])
{
    strip(&s, &n);
    return type == FERRY_NVS_FLOAT || type == FERRY_NVS_DOUBLE
               ? parse_real(type, s, n, bits, why)
               : parse_integer(type, s, n, bits, why);
}

bool ferry_nvs_parse_hex(const char *s, size_t n, struct ferry_strbuf *out,
                         char why[FERRY_NVS_WHY_BYTES])
{
    strip(&s, &n);
    if (n % 2) {
        snprintf(why, FERRY_NVS_WHY_BYTES, "%zu hex digits are no whole number of bytes", n);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (digit_of(s[i]) > 15) {
            snprintf(why, FERRY_NVS_WHY_BYTES, "character %zu of the value is no hex digit", i + 1);
            return false;
        }
    for (size_t i = 0; i < n; i += 2) {
        const char byte = (char)(digit_of(s[i]) << 4 | digit_of(s[i + 1]));
        ferry_strbuf_add(out, &byte, 1);
    }
    return true;
}

static bool is_base64(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/** Copies the digits without blanks into *tight. False: something else stands among them. */
static bool tighten(const char *s, size_t n, struct ferry_strbuf *tight, size_t *n_padding,
                    char why[FERRY_NVS_WHY_BYTES])
{
    *n_padding = 0;
    for (size_t i = 0; i < n; i++) {
        if (is_blank(s[i]))
            continue;
        const bool is_padding = s[i] == '=';
        if ((!is_padding && !is_base64(s[i])) || (*n_padding && !is_padding)) {
            snprintf(why, FERRY_NVS_WHY_BYTES, "character %zu of the value is no base64%s", i + 1,
                     *n_padding ? " after its end" : "");
            return false;
        }
        *n_padding += is_padding;
        ferry_strbuf_add(tight, s + i, 1);
    }
    return true;
}

bool ferry_nvs_parse_base64(const char *s, size_t n, struct ferry_strbuf *out,
                            char why[FERRY_NVS_WHY_BYTES])
{
    struct ferry_strbuf tight = {0};
    size_t n_padding;
    if (!tighten(s, n, &tight, &n_padding, why)) {
        ferry_strbuf_free(&tight);
        return false;
    }
    const bool whole = tight.n % 4 == 0 && n_padding <= 2 && tight.n <= INT32_MAX;
    if (!whole)
        snprintf(why, FERRY_NVS_WHY_BYTES,
                 "%zu characters of base64 (%zu of them padding) are incomplete", tight.n,
                 n_padding);
    uint8_t *bytes = malloc(tight.n / 4 * 3 + 1);
    if (bytes && whole && tight.n) {
        const int got = EVP_DecodeBlock(bytes, (const uint8_t *)tight.text, (int)tight.n);
        if (got >= 0)
            ferry_strbuf_add(out, (const char *)bytes, (size_t)got - n_padding);
        out->failed |= got < 0;
    }
    out->failed |= tight.failed || !bytes;
    free(bytes);
    ferry_strbuf_free(&tight);
    return whole;
}

const char *ferry_nvs_number_words(char *buf, size_t n_bytes, uint32_t type, uint64_t bits)
{
    const uint32_t word = (uint32_t)bits;
    double d;
    float f;
    memcpy(&d, &bits, sizeof(d));
    memcpy(&f, &word, sizeof(f));
    if (type == FERRY_NVS_FLOAT)
        snprintf(buf, n_bytes, "%.9g", (double)f);
    else if (type == FERRY_NVS_DOUBLE)
        snprintf(buf, n_bytes, "%.17g", d);
    else if (ferry_nvs_type_is_signed(type))
        snprintf(buf, n_bytes, "%lld", (long long)bits);
    else
        snprintf(buf, n_bytes, "%llu", (unsigned long long)bits);
    return buf;
}
