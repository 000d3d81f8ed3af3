/* tests/idf/test_hashes.c - SHA-256 and SHA-384, ferry's own and PSA's, against published vectors
 * and against OpenSSL, for every length around a block's edges and many splits. Built once for
 * each. */
#include <openssl/evp.h>

#include "ferry/crypto.h"
#include "ferry/crypto_verify.h"
#include "t.h"

#define MOST 400u

static uint8_t data[MOST];

static void sha256(size_t n, size_t piece, uint8_t *out)
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    for (size_t at = 0; at < n; at += piece)
        ferry_sha256_update(&h, data + at, n - at < piece ? n - at : piece);
    ferry_sha256_update(&h, NULL, 0);
    ferry_sha256_finish(&h, out);
}

static void sha384(size_t n, size_t piece, uint8_t *out)
{
    struct ferry_sha384 h;
    ferry_sha384_init(&h);
    for (size_t at = 0; at < n; at += piece)
        ferry_sha384_update(&h, data + at, n - at < piece ? n - at : piece);
    ferry_sha384_update(&h, NULL, 0);
    ferry_sha384_finish(&h, out);
}

static void published_vectors(void)
{
    static const uint8_t want256[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};
    static const uint8_t want384[] = {0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b};
    uint8_t got[FERRY_SHA384_BYTES];
    memcpy(data, "abc", 3);
    sha256(3, 3, got);
    T_EQ_MEM(got, want256, sizeof want256);
    sha384(3, 3, got);
    T_EQ_MEM(got, want384, sizeof want384);
}

static void agrees_with_openssl(void (*hash)(size_t n, size_t piece, uint8_t *out),
                                const EVP_MD *same)
{
    static const size_t pieces[] = {1, 7, 63, 64, 65, 127, 128, 129, MOST};
    for (size_t n = 0; n <= MOST; n++) {
        uint8_t want[EVP_MAX_MD_SIZE], got[FERRY_SHA384_BYTES];
        unsigned n_want = 0;
        T_EQ_INT(EVP_Digest(data, n, want, &n_want, same, NULL), 1);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            hash(n, pieces[i], got);
            T_EQ_MEM(got, want, n_want);
        }
    }
}

static void every_length_and_split_agrees_with_openssl(void)
{
    for (size_t i = 0; i < MOST; i++)
        data[i] = (uint8_t)(i * 7);
    agrees_with_openssl(sha256, EVP_sha256());
    agrees_with_openssl(sha384, EVP_sha384());
}

static void a_copy_goes_its_own_way(void)
{
    struct ferry_sha256 h, copy;
    uint8_t a[FERRY_SHA256_BYTES], b[FERRY_SHA256_BYTES], want[FERRY_SHA256_BYTES];
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, data, 100);
    copy = h;
    ferry_sha256_finish(&copy, a);
    ferry_sha256_update(&h, data + 100, 100);
    ferry_sha256_finish(&h, b);
    sha256(100, 100, want);
    T_EQ_MEM(a, want, sizeof a);
    sha256(200, 200, want);
    T_EQ_MEM(b, want, sizeof b);
}

static void a_long_copy_goes_its_own_way(void)
{
    struct ferry_sha384 h, copy;
    uint8_t a[FERRY_SHA384_BYTES], b[FERRY_SHA384_BYTES], want[FERRY_SHA384_BYTES];
    ferry_sha384_init(&h);
    ferry_sha384_update(&h, data, 100);
    copy = h;
    ferry_sha384_finish(&copy, a);
    ferry_sha384_update(&h, data + 100, 100);
    ferry_sha384_finish(&h, b);
    sha384(100, 100, want);
    T_EQ_MEM(a, want, sizeof a);
    sha384(200, 200, want);
    T_EQ_MEM(b, want, sizeof b);
}

int main(void)
{
    T_RUN(published_vectors);
    T_RUN(every_length_and_split_agrees_with_openssl);
    T_RUN(a_copy_goes_its_own_way);
    T_RUN(a_long_copy_goes_its_own_way);
    return t_end();
}
