/* host/http_range.c - Range, If-Range and If-None-Match. */
#include "http_range.h"

#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *t)
{
    return t + strspn(t, " \t");
}

/** Digits; true if there is one at least. A number that leaves 64 bits stands at their end: it is
 * larger than any file. */
static bool take_number(const char **t, uint64_t *out)
{
    const char *const begin = *t;
    uint64_t n = 0;
    for (; **t >= '0' && **t <= '9'; (*t)++) {
        const uint64_t digit = (uint64_t)(**t - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *out = n;
    return *t != begin;
}

enum http_part http_range(const char *range, uint64_t length_bytes, uint64_t *first, uint64_t *last)
{
    uint64_t a = 0, b = UINT64_MAX;
    if (!range || strncasecmp(range, "bytes=", 6) != 0)
        return HTTP_WHOLE;
    const char *t = skip_blanks(range + 6);
    const bool has_a = take_number(&t, &a);
    if (*t++ != '-')
        return HTTP_WHOLE;
    const bool has_b = take_number(&t, &b);
    if (!has_b)
        b = UINT64_MAX;
    if (*skip_blanks(t) || (!has_a && !has_b) || (has_a && a > b))
        return HTTP_WHOLE;
    if (!has_a) { // the last b bytes
        a = b < length_bytes ? length_bytes - b : 0;
        b = b ? UINT64_MAX : 0;
    }
    if (a >= length_bytes || (!has_a && !b))
        return HTTP_OUTSIDE;
    *first = a;
    *last = b < length_bytes ? b : length_bytes - 1;
    return HTTP_PART;
}

bool http_if_range(const char *if_range, const char *etag, const char *date)
{
    return !if_range || !strcmp(if_range, etag) || !strcmp(if_range, date);
}

bool http_none_match(const char *list, const char *etag)
{
    const size_t n_etag = strlen(etag);
    if (!list)
        return false;
    if (!strcmp(list, "*"))
        return true;
    for (const char *t = list; *t;) {
        t += strspn(t, ", \t");
        if (!strncmp(t, "W/", 2))
            t += 2;
        const char *const close = *t == '"' ? strchr(t + 1, '"') : NULL;
        if (!close)
            return false;
        if ((size_t)(close + 1 - t) == n_etag && !strncmp(t, etag, n_etag))
            return true;
        t = close + 1;
    }
    return false;
}
