/* server/log.h - what happens, a line each on stderr: key=value, for people, journald and grep.
 * Never in a line: tokens, keys, passwords, cookies, bodies. Words of strangers go through
 * log_quoted, so that none can begin a line or a field of their own. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO };

#define LOG_QUOTED_BYTES 160u

/** Writes one line: time, level, event and what fmt makes, which is "key=value key=value". Under
 * systemd the level is the journal's, and the time its own. */
__attribute__((format(printf, 3, 4))) void log_line(enum log_level level, const char *event,
                                                    const char *fmt, ...);

/** The text in quotes, what is not plain as \xNN, cut where out ends. Returns out. */
const char *log_quoted(char out[LOG_QUOTED_BYTES], const char *text);

#endif
