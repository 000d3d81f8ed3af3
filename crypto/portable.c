/* crypto/portable.c - SHA-256 and MD5 in plain C, small before fast: for chips without a library
 * and without an accelerator. Links the memory functions and ferry/bytes.h alone. SHA-256 after
 * FIPS 180-4, MD5 after RFC 1321. */
#include "ferry/crypto.h"

#include "ferry/bytes.h"

#include <string.h>

/* A message on its way: both hashes work on blocks of 64 bytes and count the message in bytes. */
struct message {
    uint64_t n_bytes;
    uint8_t block[64];
};

struct sha256_state {
    struct message m;
    uint32_t h[8];
};

struct md5_state {
    struct message m;
    uint32_t h[4];
};

_Static_assert(sizeof(struct sha256_state) <= sizeof(struct ferry_sha256), "state fits");
_Static_assert(sizeof(struct md5_state) <= sizeof(struct ferry_md5), "state fits");

static void absorb(struct message *m, uint32_t *h, void (*block)(uint32_t *h, const uint8_t *block),
                   const void *data, size_t n)
{
    const uint8_t *p = data;
    while (n) {
        const size_t at = (size_t)(m->n_bytes & 63);
        const size_t take = n < 64 - at ? n : 64 - at;
        memcpy(m->block + at, p, take);
        m->n_bytes += take;
        p += take;
        n -= take;
        if (at + take == 64)
            block(h, m->block);
    }
}

/* A one bit, zeros, and the length in bits, which ends the last block. */
static void close_message(struct message *m, uint32_t *h,
                          void (*block)(uint32_t *h, const uint8_t *block), const uint8_t length[8])
{
    static const uint8_t pad[64] = {0x80};
    const size_t at = (size_t)(m->n_bytes & 63);
    absorb(m, h, block, pad, at < 56 ? 56 - at : 120 - at);
    absorb(m, h, block, length, 8);
}

static const uint32_t sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotr(uint32_t v, unsigned n)
{
    return v >> n | v << (32 - n);
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

static void sha256_block(uint32_t *h, const uint8_t *block)
{
    // The message schedule as a ring of 16 words: word i needs words i-16, i-15, i-7 and i-2.
    uint32_t w[16];
    uint32_t s[8];
    memcpy(s, h, sizeof(s));
    for (unsigned i = 0; i < 64; i++) {
        if (i < 16) {
            w[i] = be32(block + 4 * i);
        } else {
            const uint32_t a = w[(i - 15) & 15];
            const uint32_t b = w[(i - 2) & 15];
            w[i & 15] += (rotr(a, 7) ^ rotr(a, 18) ^ a >> 3) + w[(i - 7) & 15] +
                         (rotr(b, 17) ^ rotr(b, 19) ^ b >> 10);
        }
        const uint32_t e = s[4];
        const uint32_t t1 = s[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) +
                            ((e & s[5]) ^ (~e & s[6])) + sha256_k[i] + w[i & 15];
        const uint32_t a = s[0];
        const uint32_t t2 =
            (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
}

static const uint32_t sha256_start[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

void ferry_sha256_init(struct ferry_sha256 *h)
{
    struct sha256_state *s = (struct sha256_state *)(void *)h->opaque;
    memcpy(s->h, sha256_start, sizeof(s->h));
    s->m.n_bytes = 0;
}

void ferry_sha256_update(struct ferry_sha256 *h, const void *data, size_t n)
{
    struct sha256_state *s = (struct sha256_state *)(void *)h->opaque;
    absorb(&s->m, s->h, sha256_block, data, n);
}

void ferry_sha256_finish(struct ferry_sha256 *h, uint8_t out[FERRY_SHA256_BYTES])
{
    struct sha256_state *s = (struct sha256_state *)(void *)h->opaque;
    const uint64_t n_bits = s->m.n_bytes * 8;
    uint8_t length[8];
    put_be32(length, (uint32_t)(n_bits >> 32));
    put_be32(length + 4, (uint32_t)n_bits);
    close_message(&s->m, s->h, sha256_block, length);
    for (unsigned i = 0; i < 8; i++)
        put_be32(out + 4 * i, s->h[i]);
}

#ifndef FERRY_CFG_MD5_ELSEWHERE // a port with an MD5 of its own, in the chip's ROM, says so

static const uint32_t md5_k[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static const uint8_t md5_shift[4][4] = {
    {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};

static void md5_block(uint32_t *h, const uint8_t *block)
{
    uint32_t a = h[0], b = h[1], c = h[2], d = h[3];
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f;
        unsigned word;
        if (i < 16) {
            f = (b & c) | (~b & d);
            word = i;
        } else if (i < 32) {
            f = (d & b) | (~d & c);
            word = (5 * i + 1) & 15;
        } else if (i < 48) {
            f = b ^ c ^ d;
            word = (3 * i + 5) & 15;
        } else {
            f = c ^ (b | ~d);
            word = (7 * i) & 15;
        }
        const uint32_t t = a + f + md5_k[i] + ferry_le32(block + 4 * word);
        const unsigned turn = md5_shift[i >> 4][i & 3];
        a = d;
        d = c;
        c = b;
        b += t << turn | t >> (32 - turn);
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
}

static const uint32_t md5_start[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};

void ferry_md5_init(struct ferry_md5 *h)
{
    struct md5_state *s = (struct md5_state *)(void *)h->opaque;
    memcpy(s->h, md5_start, sizeof(s->h));
    s->m.n_bytes = 0;
}

void ferry_md5_update(struct ferry_md5 *h, const void *data, size_t n)
{
    struct md5_state *s = (struct md5_state *)(void *)h->opaque;
    absorb(&s->m, s->h, md5_block, data, n);
}

void ferry_md5_finish(struct ferry_md5 *h, uint8_t out[FERRY_MD5_BYTES])
{
    struct md5_state *s = (struct md5_state *)(void *)h->opaque;
    const uint64_t n_bits = s->m.n_bytes * 8;
    uint8_t length[8];
    ferry_put_le32(length, (uint32_t)n_bits);
    ferry_put_le32(length + 4, (uint32_t)(n_bits >> 32));
    close_message(&s->m, s->h, md5_block, length);
    for (unsigned i = 0; i < 4; i++)
        ferry_put_le32(out + 4 * i, s->h[i]);
}

#endif
