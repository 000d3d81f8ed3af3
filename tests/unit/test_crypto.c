/* test_crypto - SHA-256 and MD5 as ferry/crypto.h promises them, against published vectors and
 * against OpenSSL for every length around a block's edges and many splits. Built once for each file
 * of crypto/. */
#include "t.h"

#include <openssl/evp.h>

#include "ferry/crypto.h"

#define MOST 300u

static uint8_t data[MOST];

static void fill(void)
{
    uint32_t x = 1;
    for (size_t i = 0; i < MOST; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = (uint8_t)(x >> 24);
    }
}

static void sha256(const void *bytes, size_t n, size_t piece, uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 h;
    ferry_sha256_init(&h);
    for (size_t at = 0; at < n; at += piece)
        ferry_sha256_update(&h, (const uint8_t *)bytes + at, n - at < piece ? n - at : piece);
    ferry_sha256_finish(&h, out);
}

static void md5(const void *bytes, size_t n, size_t piece, uint8_t out[FERRY_MD5_BYTES])
{
    struct ferry_md5 h;
    ferry_md5_init(&h);
    for (size_t at = 0; at < n; at += piece)
        ferry_md5_update(&h, (const uint8_t *)bytes + at, n - at < piece ? n - at : piece);
    ferry_md5_finish(&h, out);
}

static void published_vectors(void)
{
    static const uint8_t sha_abc[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea,
                                      0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23,
                                      0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c,
                                      0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad};
    static const uint8_t md5_abc[] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                      0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
    uint8_t out[FERRY_SHA256_BYTES];
    sha256("abc", 3, 3, out);
    T_EQ_MEM(out, sha_abc, sizeof(sha_abc));
    md5("abc", 3, 3, out);
    T_EQ_MEM(out, md5_abc, sizeof(md5_abc));
}

static void every_length_and_split_agrees_with_openssl(void)
{
    static const size_t pieces[] = {1, 7, 63, 64, 65, MOST};
    for (size_t n = 0; n <= MOST; n++) {
        uint8_t want_sha[EVP_MAX_MD_SIZE], want_md5[EVP_MAX_MD_SIZE], got[FERRY_SHA256_BYTES];
        T_CHECK(EVP_Digest(data, n, want_sha, NULL, EVP_sha256(), NULL) == 1);
        T_CHECK(EVP_Digest(data, n, want_md5, NULL, EVP_md5(), NULL) == 1);
        for (size_t p = 0; p < sizeof(pieces) / sizeof(*pieces); p++) {
            sha256(data, n, pieces[p], got);
            T_EQ_MEM(got, want_sha, FERRY_SHA256_BYTES);
            md5(data, n, pieces[p], got);
            T_EQ_MEM(got, want_md5, FERRY_MD5_BYTES);
        }
    }
}

static void a_copied_hash_goes_its_own_way(void)
{
    uint8_t early[FERRY_SHA256_BYTES], want[FERRY_SHA256_BYTES], late[FERRY_SHA256_BYTES];
    struct ferry_sha256 h, copy;
    ferry_sha256_init(&h);
    ferry_sha256_update(&h, data, 100);
    copy = h;
    ferry_sha256_finish(&copy, early);
    sha256(data, 100, 100, want);
    T_EQ_MEM(early, want, sizeof(want));
    ferry_sha256_update(&h, data + 100, 100);
    ferry_sha256_finish(&h, late);
    sha256(data, 200, 200, want);
    T_EQ_MEM(late, want, sizeof(want));
}

int main(void)
{
    fill();
    T_RUN(published_vectors);
    T_RUN(every_length_and_split_agrees_with_openssl);
    T_RUN(a_copied_hash_goes_its_own_way);
    return t_end();
}
