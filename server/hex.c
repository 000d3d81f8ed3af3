/* server/hex.c - two digits a byte. */
#include "hex.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

void hex_write(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

bool hex_is(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdef") == n;
}

void hex_sha256(const void *bytes, size_t n, char out[65])
{
    uint8_t digest[32];
    // It fails only if the library was never set up; a wrong digest would then be believed.
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, n, digest) != 0)
        abort();
    hex_write(digest, sizeof(digest), out);
}
