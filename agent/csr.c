/* agent/csr.c - DER by frames: all of a request but its name and its signature has one length, so
 * each part is a row of constant bytes and what goes between them. Facts: RFC 2986, 5480, 5758. */
#include "agent/csr.h"

#include <string.h>

#include "agent/text.h"
#include "ferry/crypto.h"

#define INTEGER    0x02
#define SEQUENCE   0x30

#define LONG_FROM  128u // lengths from here on take a byte more
#define COORD      (FERRY_KEY_RS_BYTES / 2)
#define INT_MOST   (2 + 1 + COORD)    // one zero in front keeps a number positive
#define SIG_MOST   (2 + 2 * INT_MOST) // SEQUENCE { r, s }
#define FRONT_MOST 4u                 // tag and length of the whole

// ecPublicKey on prime256v1, then the head of the BIT STRING that holds the point.
static const uint8_t key_head[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t version[] = {INTEGER, 0x01, 0x00};
static const uint8_t common_name[] = {0x06, 0x03, 0x55, 0x04, 0x03};
static const uint8_t no_attributes[] = {0xa0, 0x00};
static const uint8_t ecdsa_with_sha256[] = {0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86,
                                            0x48, 0xce, 0x3d, 0x04, 0x03, 0x02};

static size_t put(uint8_t *out, size_t at, const uint8_t *from, size_t n)
{
    memcpy(out + at, from, n);
    return at + n;
}

/* A tag and the length of what follows, below 65,536. */
static size_t put_head(uint8_t *out, size_t at, uint8_t tag, size_t n)
{
    out[at++] = tag;
    if (n > 0xff) {
        out[at++] = 0x82;
        out[at++] = (uint8_t)(n >> 8);
    } else if (n >= LONG_FROM) {
        out[at++] = 0x81;
    }
    out[at++] = (uint8_t)n;
    return at;
}

static size_t put_name(uint8_t *out, size_t at, const char *name, size_t n)
{
    const size_t pair = sizeof common_name + 2 + n;
    at = put_head(out, at, SEQUENCE, pair + 4);
    at = put_head(out, at, 0x31, pair + 2); // SET
    at = put_head(out, at, SEQUENCE, pair);
    at = put(out, at, common_name, sizeof common_name);
    at = put_head(out, at, 0x0c, n); // UTF8String
    return put(out, at, (const uint8_t *)name, n);
}

/* What is signed: version, name, key and no attributes. */
static size_t put_info(uint8_t *out, size_t at, const uint8_t *point, const char *name, size_t n)
{
    const size_t n_name = 2 + 4 + sizeof common_name + 2 + n;
    const size_t n_key = sizeof key_head + FERRY_KEY_POINT_BYTES;
    at = put_head(out, at, SEQUENCE, sizeof version + n_name + n_key + sizeof no_attributes);
    at = put(out, at, version, sizeof version);
    at = put_name(out, at, name, n);
    at = put(out, at, key_head, sizeof key_head);
    at = put(out, at, point, FERRY_KEY_POINT_BYTES);
    return put(out, at, no_attributes, sizeof no_attributes);
}

/* A positive number in its shortest form. */
static size_t put_integer(uint8_t *out, size_t at, const uint8_t number[COORD])
{
    size_t skip = 0;
    while (skip + 1 < COORD && number[skip] == 0)
        skip++;
    const size_t zero = number[skip] & 0x80 ? 1 : 0;
    at = put_head(out, at, INTEGER, zero + COORD - skip);
    if (zero)
        out[at++] = 0;
    return put(out, at, number + skip, COORD - skip);
}

static size_t put_signature(uint8_t *out, size_t at, const uint8_t rs[FERRY_KEY_RS_BYTES])
{
    uint8_t numbers[2 * INT_MOST];
    const size_t n = put_integer(numbers, put_integer(numbers, 0, rs), rs + COORD);
    at = put(out, at, ecdsa_with_sha256, sizeof ecdsa_with_sha256);
    const uint8_t heads[] = {0x03, (uint8_t)(1 + 2 + n), 0, // BIT STRING, no unused bits
                             SEQUENCE, (uint8_t)n};         // one byte each, see below
    at = put(out, at, heads, sizeof heads);
    return put(out, at, numbers, n);
}

_Static_assert(2 + 1 + SIG_MOST < LONG_FROM, "a signature's lengths take one byte");
_Static_assert(FERRY_CSR_BYTES == FRONT_MOST + 3 + sizeof version + 13 + FERRY_CSR_NAME_MOST +
                                      sizeof key_head + FERRY_KEY_POINT_BYTES +
                                      sizeof no_attributes + sizeof ecdsa_with_sha256 + 3 +
                                      SIG_MOST,
               "the longest request");

ferry_err ferry_csr_write(const uint8_t point[FERRY_KEY_POINT_BYTES], const char *name,
                          const struct ferry_signer *signer, uint8_t out[FERRY_CSR_BYTES],
                          size_t *n_bytes)
{
    struct ferry_sha256 hash;
    uint8_t digest[FERRY_SHA256_BYTES];
    uint8_t rs[FERRY_KEY_RS_BYTES];
    const size_t n = strlen(name);
    if (!n || n > FERRY_CSR_NAME_MOST || ferry_text_has_control(name) || point[0] != 0x04)
        return FERRY_ERR_ARG;

    // Written behind room for the longest front, and moved up when its length is known.
    size_t end = put_info(out, FRONT_MOST, point, name, n);
    ferry_sha256_init(&hash);
    ferry_sha256_update(&hash, out + FRONT_MOST, end - FRONT_MOST);
    ferry_sha256_finish(&hash, digest);
    const ferry_err err = signer->sign(signer->ctx, digest, rs);
    if (err)
        return err;
    end = put_signature(out, end, rs);
    const size_t inner = end - FRONT_MOST;
    const size_t front = inner > 0xff ? FRONT_MOST : FRONT_MOST - 1;
    memmove(out + front, out + FRONT_MOST, inner);
    (void)put_head(out, 0, SEQUENCE, inner);
    *n_bytes = front + inner;
    return FERRY_OK;
}

void ferry_key_der(const uint8_t scalar[FERRY_KEY_SCALAR_BYTES],
                   const uint8_t point[FERRY_KEY_POINT_BYTES], uint8_t out[FERRY_KEY_DER_BYTES])
{
    static const uint8_t head[] = {SEQUENCE, 0x77, INTEGER, 0x01, 0x01, 0x04, 0x20};
    static const uint8_t curve_and_point[] = {0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d,
                                              0x03, 0x01, 0x07, 0xa1, 0x44, 0x03, 0x42, 0x00};
    _Static_assert(FERRY_KEY_DER_BYTES == sizeof head + FERRY_KEY_SCALAR_BYTES +
                                              sizeof curve_and_point + FERRY_KEY_POINT_BYTES,
                   "all of it");
    size_t at = put(out, 0, head, sizeof head);
    at = put(out, at, scalar, FERRY_KEY_SCALAR_BYTES);
    at = put(out, at, curve_and_point, sizeof curve_and_point);
    (void)put(out, at, point, FERRY_KEY_POINT_BYTES);
}
