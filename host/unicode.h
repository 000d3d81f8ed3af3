/* host/unicode.h - text files of any Unicode encoding into UTF-8, and what Python takes for blanks
 * and line ends: Espressif's tools are Python, and a table must mean the same here and there. */
#ifndef FERRY_UNICODE_H
#define FERRY_UNICODE_H

#include "ferry/err.h"
#include "strbuf.h"

/** Decodes a text file: by its byte order mark UTF-8, UTF-16 or big-endian UTF-32, without one
 * UTF-8; the mark is dropped. out is emptied first; it may hold NULs.
 * FERRY_ERR_SYNTAX     not text of that encoding; *bad_off the offset of the first wrong byte
 * FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_text_decode(const uint8_t *bytes, size_t n_bytes,
                                             struct ferry_strbuf *out, size_t *bad_off);

/** The first character of the n bytes at s: its length in bytes, 0 if it is no UTF-8 or n is 0. */
size_t ferry_utf8_next(const char *s, size_t n, uint32_t *code);

/** True if all n bytes are UTF-8. */
bool ferry_utf8_is_valid(const char *s, size_t n);

/** Makes a string UTF-8 without control characters: each byte that is none becomes '?'. For words
 * of others in a sentence, which may also have been cut within a character. */
void ferry_utf8_mend(char *s);

/** What Python's str.strip() removes. */
bool ferry_char_is_blank(uint32_t code);

/** What Python's str.splitlines() splits at. */
bool ferry_char_is_line_end(uint32_t code);

#endif
