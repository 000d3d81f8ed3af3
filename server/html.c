/* server/html.c - escaping, times and sizes. */
#include "html.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "unicode.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

void html_add(struct ferry_strbuf *out, const char *fmt, ...)
{
    char piece[2048];
    va_list args;
    va_start(args, fmt);
    const int n = vsnprintf(piece, sizeof(piece), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(piece))
        out->failed = true;
    else
        ferry_strbuf_add(out, piece, (size_t)n);
}

static const char *entity(uint32_t code)
{
    switch (code) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return code < ' ' || (code >= 0x7f && code < 0xa0) ? "?" : NULL;
    }
}

void html_text(struct ferry_strbuf *out, const char *text)
{
    size_t left = strlen(text);
    while (left) {
        uint32_t code = 0;
        const size_t n = ferry_utf8_next(text, left, &code);
        const char *const instead = n ? entity(code) : "?";
        ferry_strbuf_add(out, instead ? instead : text, instead ? strlen(instead) : n);
        text += n ? n : 1;
        left -= n ? n : 1;
    }
}

void html_query(struct ferry_strbuf *out, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
    for (; *text; text++)
        if (strchr(plain, *text))
            ferry_strbuf_add(out, text, 1);
        else
            ferry_strbuf_addf(out, "%%%02X", (unsigned char)*text);
}

void html_ago(struct ferry_strbuf *out, int64_t at, int64_t now)
{
    static const struct {
        int64_t below_s, unit_s;
        const char *word;
    } spans[] = {{2 * MINUTE, 1, "s"},
                 {2 * HOUR, MINUTE, "min"},
                 {2 * DAY, HOUR, "h"},
                 {INT64_MAX, DAY, "days"}};
    char when[32];
    const time_t t = (time_t)at;
    struct tm utc;
    const int64_t ago = now > at ? now - at : 0;
    size_t i = 0;
    if (!at || !gmtime_r(&t, &utc)) {
        html_add(out, "never");
        return;
    }
    while (ago >= spans[i].below_s)
        i++;
    strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &utc);
    html_add(out, "<time datetime=\"%.10sT%sZ\" title=\"%s UTC\">%" PRId64 " %s ago</time>", when,
             when + 11, when, ago / spans[i].unit_s, spans[i].word);
}

void html_day(struct ferry_strbuf *out, int64_t at)
{
    char day[16];
    const time_t t = (time_t)at;
    struct tm utc;
    if (gmtime_r(&t, &utc) && strftime(day, sizeof(day), "%Y-%m-%d", &utc))
        html_add(out, "<time datetime=\"%s\">%s</time>", day, day);
}

void html_size(struct ferry_strbuf *out, int64_t bytes)
{
    if (bytes < 10240)
        html_add(out, "%" PRId64 " bytes", bytes);
    else if (bytes < 1024 * 1024)
        html_add(out, "%.0f KB", (double)bytes / 1024);
    else
        html_add(out, "%.2f MB", (double)bytes / (1024 * 1024));
}
