/* tests/conformance/beside_openssl.c - a ferry_verify for conformance_signature in which BearSSL
 * and OpenSSL answer side by side: every P-256 check must get the same verdict from both,
 * signatures at the edges among them, and BearSSL must refuse the schemes that it does not know.
 * Both are our own files, built under other names. */
#include "ferry/crypto_verify.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_BYTES         32
#define SIGNATURE_BYTES (2 * N_BYTES)
#define KEY_BYTES       (1 + 2 * N_BYTES)

ferry_verdict bearssl_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                             const uint8_t *signature);
ferry_verdict openssl_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                             const uint8_t *signature);

/* The order of the curve's group, SEC 2 section 2.4.2, least significant byte first. */
static const uint8_t order[N_BYTES] = {
    0x51, 0x25, 0x63, 0xfc, 0xc2, 0xca, 0xb9, 0xf3, 0x84, 0x9e, 0x17, 0xa7, 0xad, 0xfa, 0xe6, 0xbc,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff};

static long n_genuine, n_refused, n_edges;

static void tell(void)
{
    printf("BearSSL: %ld P-256 signatures genuine, %ld refused, %ld edges, as OpenSSL says\n",
           n_genuine, n_refused, n_edges);
    if (n_genuine < 10 || n_refused < 10) {
        printf("that is too few to show anything\n");
        fflush(stdout);
        _Exit(1);
    }
}

static ferry_verdict both(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                          const uint8_t *signature)
{
    const ferry_verdict told = openssl_verify(scheme, key, digest, signature);
    const ferry_verdict other = bearssl_verify(scheme, key, digest, signature);
    if (other == (scheme == FERRY_SCHEME_ECDSA_P256 ? told : FERRY_VERDICT_NONE))
        return told;
    fprintf(stderr, "BearSSL says %d where OpenSSL says %d, scheme %d\n", (int)other, (int)told,
            (int)scheme);
    abort();
}

static void expect(const uint8_t *key, const uint8_t *digest, const uint8_t *signature,
                   bool is_genuine)
{
    const ferry_verdict told = both(FERRY_SCHEME_ECDSA_P256, key, digest, signature);
    n_edges++;
    if ((told == FERRY_VERDICT_GENUINE) != is_genuine)
        abort();
}

/* What a genuine signature becomes when one of its numbers is 0, the order, or negative; and when
 * its key is no point of the curve. -s is as good as s: that is how ECDSA is. */
static void try_edges(const uint8_t *key, const uint8_t *digest, const uint8_t *signature)
{
    uint8_t changed[SIGNATURE_BYTES], other[KEY_BYTES];
    for (size_t half = 0; half < 2; half++) {
        memcpy(changed, signature, sizeof(changed));
        memset(changed + half * N_BYTES, 0, N_BYTES);
        expect(key, digest, changed, false);
        memcpy(changed + half * N_BYTES, order, N_BYTES);
        expect(key, digest, changed, false);
        memset(changed + half * N_BYTES, 0xff, N_BYTES);
        expect(key, digest, changed, false);
        unsigned borrow = 0;
        for (size_t i = half * N_BYTES; i < (half + 1) * N_BYTES; i++) {
            const unsigned digit = 0x100u + order[i % N_BYTES] - signature[i] - borrow;
            borrow = digit < 0x100;
            changed[i] = (uint8_t)digit;
        }
        expect(key, digest, changed, half == 1);
    }
    memset(changed, 0, sizeof(changed));
    expect(key, digest, changed, false);
    memcpy(other, key, sizeof(other));
    other[1 + N_BYTES] ^= 1;
    expect(other, digest, signature, false);
    memset(other + 1, 0, sizeof(other) - 1);
    expect(other, digest, signature, false);
}

ferry_verdict ferry_verify(enum ferry_scheme scheme, const uint8_t *key, const uint8_t *digest,
                           const uint8_t *signature)
{
    static bool is_told;
    if (!is_told && atexit(tell) != 0)
        abort();
    is_told = true;
    const ferry_verdict told = both(scheme, key, digest, signature);
    if (scheme == FERRY_SCHEME_ECDSA_P256 && told == FERRY_VERDICT_GENUINE) {
        if (n_genuine++ % 16 == 0)
            try_edges(key, digest, signature);
    } else {
        n_refused += scheme == FERRY_SCHEME_ECDSA_P256;
    }
    return told;
}
