/* crypto/portable_sha384.c - SHA-384 in plain C, small before fast, for the signatures of P-384
 * keys on chips. After FIPS 180-4; a running hash is plain memory, as ferry/crypto_verify.h
 * promises. */
#include "ferry/crypto_verify.h"

#include <string.h>

#define BLOCK_BYTES 128u
#define ROUNDS      80u

struct sha384_state {
    uint64_t n_bytes;
    uint64_t h[8];
    uint8_t block[BLOCK_BYTES];
};

_Static_assert(sizeof(struct sha384_state) <= sizeof(struct ferry_sha384), "state fits");

static const uint64_t k[ROUNDS] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static struct sha384_state *state_of(struct ferry_sha384 *h)
{
    return (struct sha384_state *)(void *)h->opaque;
}

static uint64_t be64(const uint8_t *p)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static void put_be64(uint8_t *p, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint64_t turn(uint64_t x, unsigned n)
{
    return x >> n | x << (64 - n);
}

/* The message schedule is kept as a ring of its last 16 words: that is all a round looks back. */
static uint64_t next_word(uint64_t w[16], unsigned t)
{
    const uint64_t w2 = w[(t - 2) & 15];
    const uint64_t w15 = w[(t - 15) & 15];
    const uint64_t s1 = turn(w2, 19) ^ turn(w2, 61) ^ w2 >> 6;
    const uint64_t s0 = turn(w15, 1) ^ turn(w15, 8) ^ w15 >> 7;
    return w[t & 15] += s1 + w[(t - 7) & 15] + s0;
}

static void do_block(struct sha384_state *s, const uint8_t block[BLOCK_BYTES])
{
    uint64_t w[16];
    uint64_t v[8];
    memcpy(v, s->h, sizeof v);
    for (unsigned t = 0; t < 16; t++)
        w[t] = be64(block + 8u * t);
    for (unsigned t = 0; t < ROUNDS; t++) {
        const uint64_t word = t < 16 ? w[t] : next_word(w, t);
        const uint64_t e = v[4];
        const uint64_t a = v[0];
        const uint64_t t1 = v[7] + (turn(e, 14) ^ turn(e, 18) ^ turn(e, 41)) +
                            ((e & v[5]) ^ (~e & v[6])) + k[t] + word;
        const uint64_t t2 =
            (turn(a, 28) ^ turn(a, 34) ^ turn(a, 39)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += t1;
        v[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        s->h[i] += v[i];
}

void ferry_sha384_init(struct ferry_sha384 *h)
{
    static const uint64_t start[8] = {
        0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
        0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
    };
    struct sha384_state *s = state_of(h);
    s->n_bytes = 0;
    memcpy(s->h, start, sizeof start);
}

void ferry_sha384_update(struct ferry_sha384 *h, const void *data, size_t n)
{
    struct sha384_state *s = state_of(h);
    const uint8_t *p = data;
    while (n) {
        const size_t at = (size_t)(s->n_bytes % BLOCK_BYTES);
        const size_t take = n < BLOCK_BYTES - at ? n : BLOCK_BYTES - at;
        memcpy(s->block + at, p, take);
        s->n_bytes += take;
        p += take;
        n -= take;
        if (at + take == BLOCK_BYTES)
            do_block(s, s->block);
    }
}

/* A one bit, zeros, and the length in bits as 128 bits, which ends the last block. */
void ferry_sha384_finish(struct ferry_sha384 *h, uint8_t out[FERRY_SHA384_BYTES])
{
    static const uint8_t pad[BLOCK_BYTES] = {0x80};
    struct sha384_state *s = state_of(h);
    uint8_t length[16] = {0};
    put_be64(length, s->n_bytes >> 61);
    put_be64(length + 8, s->n_bytes << 3);
    const size_t at = (size_t)(s->n_bytes % BLOCK_BYTES);
    ferry_sha384_update(h, pad, at < 112 ? 112 - at : 240 - at);
    ferry_sha384_update(h, length, sizeof length);
    for (unsigned i = 0; i < 6; i++)
        put_be64(out + 8u * i, s->h[i]);
}
