/* server/log.c - makes a line and writes it in one piece. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

/** What stands before the event. */
static size_t begin_line(char *line, size_t room, enum log_level level)
{
    static const char *const names[] = {"error", "warning", "info"};
    static const int syslog_levels[] = {3, 4, 6};
    struct timespec now;
    struct tm tm;
    char date[32];
    if (getenv("JOURNAL_STREAM"))
        return (size_t)snprintf(line, room, "<%d>", syslog_levels[level]);
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", gmtime_r(&now.tv_sec, &tm));
    return (size_t)snprintf(line, room, "time=%s.%03ldZ level=%s ", date, now.tv_nsec / 1000000,
                            names[level]);
}

void log_line(enum log_level level, const char *event, const char *fmt, ...)
{
    char line[LINE_BYTES];
    size_t n = begin_line(line, sizeof(line), level);
    n += (size_t)snprintf(line + n, sizeof(line) - n, "event=%s ", event);
    va_list ap;
    va_start(ap, fmt);
    const int more = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
    va_end(ap);
    n += more > 0 ? (size_t)more : 0;
    if (n > sizeof(line) - 2)
        n = sizeof(line) - 2;
    line[n++] = '\n';
    // Nobody to tell if even this fails.
    if (write(STDERR_FILENO, line, n) < 0)
        return;
}

const char *log_quoted(char out[LOG_QUOTED_BYTES], const char *text)
{
    size_t n = 0;
    out[n++] = '"';
    for (; *text && n < LOG_QUOTED_BYTES - 6; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c > ' ' - 1 && c < 0x7f && c != '"' && c != '\\')
            out[n++] = (char)c;
        else
            n += (size_t)snprintf(out + n, LOG_QUOTED_BYTES - n, "\\x%02x", c);
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}
