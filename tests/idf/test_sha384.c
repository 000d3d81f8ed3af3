/* tests/idf/test_sha384.c - SHA-384 in plain C against the published vector and against OpenSSL,
 * for every length around a block's edges and many splits. */
#include <openssl/evp.h>

#include "ferry/crypto_verify.h"
#include "t.h"

#define MOST 400u

static uint8_t data[MOST];

static void sha384(size_t n, size_t piece, uint8_t out[FERRY_SHA384_BYTES])
{
    struct ferry_sha384 h;
    ferry_sha384_init(&h);
    for (size_t at = 0; at < n; at += piece)
        ferry_sha384_update(&h, data + at, n - at < piece ? n - at : piece);
    ferry_sha384_finish(&h, out);
}

static void published_vector(void)
{
    static const uint8_t want[] = {0xcb, 0x00, 0x75, 0x3f, 0x45, 0xa3, 0x5e, 0x8b};
    uint8_t got[FERRY_SHA384_BYTES];
    memcpy(data, "abc", 3);
    sha384(3, 3, got);
    T_EQ_MEM(got, want, sizeof want);
}

static void every_length_and_split_agrees_with_openssl(void)
{
    static const size_t pieces[] = {1, 7, 127, 128, 129, MOST};
    for (size_t i = 0; i < MOST; i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t n = 0; n <= MOST; n++) {
        uint8_t want[EVP_MAX_MD_SIZE], got[FERRY_SHA384_BYTES];
        T_EQ_INT(EVP_Digest(data, n, want, NULL, EVP_sha384(), NULL), 1);
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            sha384(n, pieces[i], got);
            T_EQ_MEM(got, want, sizeof got);
        }
    }
}

static void a_copy_goes_its_own_way(void)
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
    T_RUN(published_vector);
    T_RUN(every_length_and_split_agrees_with_openssl);
    T_RUN(a_copy_goes_its_own_way);
    return t_end();
}
