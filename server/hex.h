/* server/hex.h - digests as text: lower-case hex, which both databases keep and people copy. */
#ifndef SERVER_HEX_H
#define SERVER_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Writes n bytes as 2 n digits and a NUL. */
void hex_write(const uint8_t *bytes, size_t n, char *out);

/** Whether text is exactly n lower-case hex digits. */
bool hex_is(const char *text, size_t n);

/** The SHA-256 of bytes as 64 digits and a NUL. */
void hex_sha256(const void *bytes, size_t n, char out[65]);

#endif
