/* host/http_gate.c - requests that two parsers could read differently are refused. */
#include "http_gate.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *s, size_t n)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];
        const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || (c && strchr(others, c));
        if (!is_plain)
            return false;
    }
    return n > 0;
}

static bool has_control(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
            return true;
    return false;
}

static bool is_named(const char *name, size_t n, const char *word)
{
    return n == strlen(word) && !strncasecmp(name, word, n);
}

void http_gate_field(struct http_gate *g, const char *name, size_t n_name, const char *value,
                     size_t n_value)
{
    g->n_fields++;
    g->n_host += is_named(name, n_name, "host");
    g->n_length += is_named(name, n_name, "content-length");
    g->n_encoding += is_named(name, n_name, "transfer-encoding");
    g->n_range += is_named(name, n_name, "range");
    g->n_if_range += is_named(name, n_name, "if-range");
    // A body, of any length but 0, is nothing that a file server can do something with.
    if (is_named(name, n_name, "content-length") && !(n_value == 1 && *value == '0'))
        g->has_body = true;
    g->is_refused |= !is_token(name, n_name) || has_control(value, n_value) ||
                     g->n_fields > HTTP_GATE_FIELDS || g->n_host > 1 || g->n_length > 1 ||
                     g->n_encoding > 0 || g->n_range > 1 || g->n_if_range > 1;
}

bool http_gate_line(const char *method, const char *version)
{
    return is_token(method, strlen(method)) &&
           (!strcmp(version, "HTTP/1.1") || !strcmp(version, "HTTP/1.0"));
}

bool http_gate_target(const char *target)
{
    return *target && strlen(target) == strcspn(target, " \"<>\\^`{|}") &&
           !has_control(target, strlen(target));
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** True if the escapes are well-formed and stand for nothing that misleads, least of all in the
 * path, which ends at query. */
static bool are_escapes_plain(const char *t, const char *query)
{
    for (; *t; t++) {
        if (*t != '%')
            continue;
        const int high = digit_of(t[1]), low = high < 0 ? -1 : digit_of(t[2]);
        const int c = high * 16 + low;
        if (low < 0 || c < ' ' || c == 0x7f || (t < query && (c == '/' || c == '\\' || c == '.')))
            return false;
    }
    return true;
}

bool http_gate_path(const char *target)
{
    if (*target != '/' || !http_gate_target(target) || strchr(target, '#'))
        return false;
    for (const char *t = target; *t; t++)
        if ((unsigned char)*t > 0x7e)
            return false;
    const size_t n_path = strcspn(target, "?");
    for (const char *segment = target; segment && segment < target + n_path;
         segment = memchr(segment + 1, '/', n_path - (size_t)(segment + 1 - target))) {
        const size_t n = strcspn(segment + 1, "/?");
        if ((n == 1 && segment[1] == '.') || (n == 2 && segment[1] == '.' && segment[2] == '.'))
            return false;
    }
    return are_escapes_plain(target, target + n_path);
}

/** Takes the line end at `at`: two bytes of the head, which are NULs by now. */
static void take_line_end(struct http_layout *l, const char *at)
{
    if (l->is_broken || at < l->begin || l->end - at < 2 || at[0] || at[1])
        l->is_broken = true;
    else
        l->next = at + 2;
}

void http_layout_begin(struct http_layout *l, const char *method, const char *target,
                       size_t n_target, const char *version, size_t n_head)
{
    const size_t n_method = strlen(method), n_version = strlen(version);
    l->begin = method;
    l->end = method + n_head;
    l->is_broken = n_head < n_method + n_target + n_version + 6 ||
                   target != method + n_method + 1 || version != target + n_target + 1;
    take_line_end(l, version + n_version);
}

void http_layout_field(struct http_layout *l, const char *name, size_t n_name, const char *value,
                       size_t n_value)
{
    // Nothing outside of the head is looked at, wherever the pointers lead.
    if (l->is_broken || name != l->next || name + n_name + 1 > value || value > l->end ||
        n_value > (size_t)(l->end - value)) {
        l->is_broken = true;
        return;
    }
    for (const char *t = name + n_name + 1; t < value; t++)
        l->is_broken |= *t != ' ' && *t != '\t';
    take_line_end(l, value + n_value);
}

bool http_layout_is_whole(const struct http_layout *l)
{
    return !l->is_broken && l->end - l->next == 2 && !l->next[0] && !l->next[1];
}
