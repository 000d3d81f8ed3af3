/* server/html.h - pages as text: what is ours goes in as it is, what is others' is escaped.
 * Every string of a device or an operator goes through html_text; there is no other way for one to
 * reach a page. */
#ifndef SERVER_HTML_H
#define SERVER_HTML_H

#include <stdint.h>

#include "strbuf.h"

/** Adds markup of our own. fmt takes numbers and words of our own only. */
__attribute__((format(printf, 2, 3))) void html_add(struct ferry_strbuf *out, const char *fmt, ...);

/** Adds text with & < > " ' as entities, for content and for values in double quotes; what is no
 * UTF-8 and control characters become a question mark. */
void html_text(struct ferry_strbuf *out, const char *text);

/** Adds a query's value: letters, digits and - . _ as they are, the rest as %XX. */
void html_query(struct ferry_strbuf *out, const char *text);

/** Adds how long ago `at` was ("3 min ago"), with the time itself as a title; "never" for 0. */
void html_ago(struct ferry_strbuf *out, int64_t at, int64_t now);

/** Adds the day of a time, "2026-01-31". */
void html_day(struct ferry_strbuf *out, int64_t at);

/** Adds a size of bytes as people say it: "512 bytes", "1.5 MB". */
void html_size(struct ferry_strbuf *out, int64_t bytes);

#endif
