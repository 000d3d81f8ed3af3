/* agent/http_head.c - reads the head of an HTTP response, line by line, for every transport. */
#include <string.h>

#include "agent/http.h"
#include "agent/text.h"

void ferry_http_head_begin(struct ferry_http_head *head)
{
    memset(head, 0, sizeof *head);
}

static bool is_printable(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x20 || s[i] >= 0x7f)
            return false;
    return true;
}

/* All of the value or nothing: half a validator or half an address is worse than none. */
static bool keep(char *dst, size_t n_dst, const char *value, size_t n)
{
    dst[0] = '\0';
    if (n >= n_dst || !is_printable(value, n))
        return false;
    memcpy(dst, value, n);
    dst[n] = '\0';
    return true;
}

static ferry_err status_line(struct ferry_http_head *head, const char *line, size_t n)
{
    // "HTTP/1.1 200 OK"; the reason may be missing, its blank with it.
    const char *blank = memchr(line, ' ', n);
    uint64_t status = 0;
    if (!blank)
        return FERRY_ERR_NET_PROTOCOL;
    const size_t at = (size_t)(blank - line) + 1;
    if (n - at < 3 || !ferry_text_number(line + at, 3, 999, &status) || status < 100 ||
        (n - at > 3 && line[at + 3] != ' '))
        return FERRY_ERR_NET_PROTOCOL;
    ferry_http_head_begin(head);
    head->status = (uint16_t)status;
    if (n - at > 4 && is_printable(line + at + 4, n - at - 4))
        ferry_text_add_n(head->reason, sizeof head->reason, line + at + 4, n - at - 4);
    return FERRY_OK;
}

/* A length that is no number, or two that differ, leave open where the body ends. */
static void content_length(struct ferry_http_head *head, const char *value, size_t n)
{
    uint64_t length = 0;
    if (!ferry_text_number(value, n, UINT64_MAX, &length) ||
        (head->has_length && head->length_bytes != length)) {
        head->is_broken = true;
        return;
    }
    head->has_length = true;
    head->length_bytes = length;
}

/* "bytes 100-199/200", the total maybe "*". What does not read so is as good as not there. */
static void content_range(struct ferry_http_head *head, const char *value, size_t n)
{
    const char *const unit = "bytes ";
    const size_t n_unit = strlen(unit);
    uint64_t first = 0;
    uint64_t last = 0;
    uint64_t total = 0;
    head->has_range = false;
    if (n <= n_unit || !ferry_text_is_word(value, n_unit, unit))
        return;
    value += n_unit;
    n -= n_unit;
    const char *const dash = memchr(value, '-', n);
    const char *const slash = memchr(value, '/', n);
    if (!dash || !slash || slash < dash)
        return;
    const size_t n_total = n - (size_t)(slash + 1 - value);
    const bool is_open = n_total == 1 && slash[1] == '*';
    if (!ferry_text_number(value, (size_t)(dash - value), UINT64_MAX, &first) ||
        !ferry_text_number(dash + 1, (size_t)(slash - dash - 1), UINT64_MAX, &last) ||
        (!is_open && !ferry_text_number(slash + 1, n_total, UINT64_MAX, &total)))
        return;
    if (last < first || (!is_open && last >= total))
        return;
    head->has_range = true;
    head->range_first = first;
    head->range_total = total;
}

static void location(struct ferry_http_head *head, const char *value, size_t n)
{
    const char *const first = head->location;
    if (*first && (strlen(first) != n || memcmp(first, value, n) != 0))
        head->is_broken = true;
    else if (!keep(head->location, sizeof head->location, value, n))
        head->location_is_cut = true;
}

/* What only ferry's own server says. */
static void own_field(struct ferry_http_head *head, const char *name, size_t n_name,
                      const char *value, size_t n_value)
{
    uint64_t n = 0;
    if (ferry_text_is_word(name, n_name, "ferry-poll") &&
        ferry_text_number(value, n_value, UINT32_MAX, &n))
        head->poll_s = (uint32_t)n;
    else if (ferry_text_is_word(name, n_name, "ferry-renew"))
        head->wants_renewal = n_value == 1 && *value == '1';
    else if (ferry_text_is_word(name, n_name, "ferry-device"))
        keep(head->device_id, sizeof head->device_id, value, n_value);
}

void ferry_http_head_field(struct ferry_http_head *head, const char *name, size_t n_name,
                           const char *value, size_t n_value)
{
    while (n_value && (*value == ' ' || *value == '\t'))
        value++, n_value--;
    while (n_value && (value[n_value - 1] == ' ' || value[n_value - 1] == '\t'))
        n_value--;
    uint64_t n = 0;
    if (ferry_text_is_word(name, n_name, "content-length"))
        content_length(head, value, n_value);
    else if (ferry_text_is_word(name, n_name, "transfer-encoding"))
        head->is_chunked = true;
    else if (ferry_text_is_word(name, n_name, "content-range"))
        content_range(head, value, n_value);
    else if (ferry_text_is_word(name, n_name, "location"))
        location(head, value, n_value);
    else if (ferry_text_is_word(name, n_name, "content-type"))
        keep(head->content_type, sizeof head->content_type, value, n_value);
    else if (ferry_text_is_word(name, n_name, "content-encoding"))
        keep(head->content_encoding, sizeof head->content_encoding, value, n_value);
    else if (ferry_text_is_word(name, n_name, "etag"))
        keep(head->etag, sizeof head->etag, value, n_value);
    else if (ferry_text_is_word(name, n_name, "last-modified"))
        keep(head->last_modified, sizeof head->last_modified, value, n_value);
    else if (ferry_text_is_word(name, n_name, "accept-ranges"))
        head->accepts_ranges = ferry_text_is_word(value, n_value, "bytes");
    else if (ferry_text_is_word(name, n_name, "retry-after") &&
             ferry_text_number(value, n_value, UINT32_MAX, &n))
        head->retry_after_s = (uint32_t)n;
    else
        own_field(head, name, n_name, value, n_value);
}

ferry_err ferry_http_head_line(struct ferry_http_head *head, const char *line, size_t n)
{
    if (n >= 5 && memcmp(line, "HTTP/", 5) == 0)
        return status_line(head, line, n);
    const char *const colon = memchr(line, ':', n);
    if (!head->status || !colon || colon == line)
        return FERRY_ERR_NET_PROTOCOL;
    const size_t n_name = (size_t)(colon - line);
    ferry_http_head_field(head, line, n_name, colon + 1, n - n_name - 1);
    return FERRY_OK;
}
