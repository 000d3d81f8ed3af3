/* agent/url.c - http and https addresses. */
#include "agent/url.h"

#include <string.h>

#include "agent/text.h"

#define HOST_MAX_BYTES 255u

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_address_char(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

static bool is_host_char(char c, bool in_brackets)
{
    if (in_brackets)
        return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
               c == '.';
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
}

bool ferry_url_is_http(const char *text)
{
    return ferry_text_has_prefix(text, "http:") || ferry_text_has_prefix(text, "https:");
}

/* Takes the host at *at; false if there is none or it holds anything odd. */
static bool take_host(const char **at, struct ferry_url *out)
{
    const char *p = *at;
    const bool in_brackets = *p == '[';
    out->host = p;
    if (in_brackets)
        p++;
    const char *const first = p;
    while (is_host_char(*p, in_brackets))
        p++;
    if (p == first)
        return false;
    if (in_brackets && *p++ != ']')
        return false;
    out->host_bytes = (size_t)(p - out->host);
    *at = p;
    return out->host_bytes <= HOST_MAX_BYTES;
}

static bool take_port(const char **at, struct ferry_url *out)
{
    out->port = out->is_https ? 443 : 80;
    if (**at != ':')
        return true;
    const char *const first = *at + 1;
    const char *p = first;
    while (is_digit(*p))
        p++;
    uint64_t port = 0;
    if (!ferry_text_number(first, (size_t)(p - first), UINT16_MAX, &port) || port == 0)
        return false;
    out->port = (uint16_t)port;
    *at = p;
    return true;
}

ferry_err ferry_url_split(const char *text, struct ferry_url *out)
{
    struct ferry_url url = {0};
    const char *p;
    if (ferry_text_has_prefix(text, "https://")) {
        url.is_https = true;
        p = text + strlen("https://");
    } else if (ferry_text_has_prefix(text, "http://")) {
        p = text + strlen("http://");
    } else {
        return FERRY_ERR_NET_URL;
    }
    if (!take_host(&p, &url) || !take_port(&p, &url))
        return FERRY_ERR_NET_URL;
    // Anything but the path here, an '@' above all, would make the host ambiguous.
    if (*p && *p != '/' && *p != '?' && *p != '#')
        return FERRY_ERR_NET_URL;
    url.path = p;
    while (is_address_char(*p))
        p++;
    if (*p || (size_t)(p - text) >= FERRY_URL_BYTES)
        return FERRY_ERR_NET_URL;
    *out = url;
    return FERRY_OK;
}

bool ferry_url_same_origin(const struct ferry_url *a, const struct ferry_url *b)
{
    if (a->is_https != b->is_https || a->port != b->port || a->host_bytes != b->host_bytes)
        return false;
    char host[HOST_MAX_BYTES + 1];
    memcpy(host, b->host, b->host_bytes);
    host[b->host_bytes] = '\0';
    return ferry_text_is_word(a->host, a->host_bytes, host);
}

/* True if ref begins with a scheme: a letter, then letters, digits, + - . up to a colon. */
static bool has_scheme(const char *ref)
{
    if (!is_alpha(*ref))
        return false;
    while (is_alpha(*ref) || is_digit(*ref) || *ref == '+' || *ref == '-' || *ref == '.')
        ref++;
    return *ref == ':';
}

static const char *path_end(const char *path)
{
    return path + strcspn(path, "?#");
}

/* How much of base stays in front of ref. */
static size_t kept_of_base(const char *base, const struct ferry_url *url, const char *ref)
{
    if (has_scheme(ref))
        return 0;
    if (ref[0] == '/' && ref[1] == '/')
        return (size_t)(strchr(base, ':') + 1 - base);
    if (ref[0] == '/')
        return (size_t)(url->path - base);
    const char *end = path_end(url->path);
    if (ref[0] != '?')
        while (end > url->path && end[-1] != '/')
            end--;
    return (size_t)(end - base);
}

/* Removes "." and ".." segments from the path that begins at path; what follows it moves up. */
static void remove_dots(char *path)
{
    const char *const end = path_end(path);
    const char *in = path;
    char *out = path;
    while (in < end) {
        const char *const next = in + 1 + strcspn(in + 1, "/?#"); // *in is '/'
        const size_t n = (size_t)(next - in);
        const bool is_up = n == 3 && in[1] == '.' && in[2] == '.';
        if (is_up || (n == 2 && in[1] == '.')) {
            while (is_up && out > path && *--out != '/')
                ;
            if (next == end) // "/a/.." names the folder: its slash stays
                *out++ = '/';
        } else {
            memmove(out, in, n);
            out += n;
        }
        in = next;
    }
    memmove(out, end, strlen(end) + 1);
}

static bool append(char *out, size_t n_bytes, const char *s, size_t n)
{
    const size_t at = strlen(out);
    if (n >= n_bytes - at)
        return false;
    memcpy(out + at, s, n);
    out[at + n] = '\0';
    return true;
}

static ferry_err join(const char *base, const char *ref, char *out, size_t n_bytes)
{
    struct ferry_url url;
    const size_t n_ref = strcspn(ref, "#");
    if (n_ref == 0 || ferry_url_split(base, &url))
        return FERRY_ERR_NET_URL;
    const size_t kept = kept_of_base(base, &url, ref);
    // "http://host" and "x" meet at the slash that an empty path stands for.
    const bool slash = kept == (size_t)(url.path - base) && ref[0] != '/';
    if (!append(out, n_bytes, base, kept) || (slash && !append(out, n_bytes, "/", 1)) ||
        !append(out, n_bytes, ref, n_ref) || ferry_url_split(out, &url))
        return FERRY_ERR_NET_URL;
    if (*url.path == '/')
        remove_dots(out + (url.path - out));
    for (char *p = out; *p != ':'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return FERRY_OK;
}

ferry_err ferry_url_join(const char *base, const char *ref, char *out, size_t n_bytes)
{
    if (n_bytes == 0)
        return FERRY_ERR_NET_URL;
    out[0] = '\0';
    const ferry_err err = join(base, ref, out, n_bytes);
    if (err)
        out[0] = '\0';
    return err;
}
