/* agent/text.h - short texts put together without libc, and the few readers of text that the agent
 * needs. What does not fit is cut; the result always ends in NUL. Control characters become '?',
 * because these texts quote strangers and end on somebody's terminal. */
#ifndef FERRY_TEXT_H
#define FERRY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Appends s to the text in buf, which is n_bytes large. */
void ferry_text_add(char *buf, size_t n_bytes, const char *s);

/** The same for the first n_s bytes of s. */
void ferry_text_add_n(char *buf, size_t n_bytes, const char *s, size_t n_s);

/** Appends n in decimal. */
void ferry_text_add_number(char *buf, size_t n_bytes, uint64_t n);

/** True if the n bytes of s are the word, ASCII case ignored. */
bool ferry_text_is_word(const char *s, size_t n, const char *word);

/** True if s begins with prefix, ASCII case ignored. */
bool ferry_text_has_prefix(const char *s, const char *prefix);

/** True if s ends in suffix, to the letter. */
bool ferry_text_has_suffix(const char *s, const char *suffix);

/** True if s holds a control character (below 0x20, or 0x7f). */
bool ferry_text_has_control(const char *s);

/** The number written in the n bytes of s: one or more decimal digits and nothing else, at most
 * max. False, with *out untouched, for anything else. */
bool ferry_text_number(const char *s, size_t n, uint64_t max, uint64_t *out);

/** The n_bytes bytes written in s as exactly 2 * n_bytes hex digits. False for anything else; then
 * *out may be half written. */
bool ferry_text_hex(const char *s, uint8_t *out, size_t n_bytes);

#endif
