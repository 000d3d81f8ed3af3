/* agent/join.c - the join string. */
#include "agent/join.h"

#include <stdbool.h>
#include <string.h>

#include "agent/text.h"
#include "agent/url.h"

#define PREFIX      "ferry1:"
#define TOKEN_LEAST 22u // 128 bits as base64url

static ferry_err refuse(const char **why, const char *words)
{
    *why = words;
    return FERRY_ERR_JOIN;
}

/* The part up to the next # or the end; *at moves behind it. */
static bool take(const char **at, char *out, size_t n_out)
{
    const size_t n = strcspn(*at, "#");
    if (n >= n_out)
        return false;
    memcpy(out, *at, n);
    out[n] = '\0';
    *at += n;
    if (**at == '#')
        (*at)++;
    return true;
}

static bool is_of(const char *s, const char *more)
{
    for (; *s; s++) {
        const bool is_alnum =
            (*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');
        if (!is_alnum && !strchr(more, *s))
            return false;
    }
    return true;
}

static bool is_server(char *url)
{
    struct ferry_url parts;
    const size_t n = strlen(url);
    if (n && url[n - 1] == '/')
        url[n - 1] = '\0';
    return !ferry_url_split(url, &parts) && parts.is_https && !strpbrk(parts.path, "?#");
}

ferry_err ferry_join_parse(const char *text, struct ferry_join *out, const char **why)
{
    uint8_t pin[FERRY_SHA256_BYTES];
    const char *at = text;
    memset(out, 0, sizeof *out);
    if (strncmp(at, PREFIX, strlen(PREFIX)) != 0)
        return refuse(why, "it begins with ferry1:");
    at += strlen(PREFIX);
    if (!take(&at, out->url, sizeof out->url) || !is_server(out->url))
        return refuse(why, "its first part is an https address of at most 256 characters");
    if (!take(&at, out->pin, sizeof out->pin) || strlen(out->pin) != sizeof out->pin - 1 ||
        !ferry_text_hex(out->pin, pin, sizeof pin))
        return refuse(why, "its second part is the root's SHA-256, 64 hex digits");
    if (!take(&at, out->token, sizeof out->token) || strlen(out->token) < TOKEN_LEAST ||
        !is_of(out->token, "-_"))
        return refuse(why, "its third part is a token of 22 to 64 base64url characters");
    if (!take(&at, out->id, sizeof out->id) || *at || !is_of(out->id, "-_.:"))
        return refuse(why, "its fourth part is a device id of at most 64 letters, digits, - _ . :");
    return FERRY_OK;
}
