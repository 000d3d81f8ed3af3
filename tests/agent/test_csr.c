/* tests/agent/test_csr.c - certificate requests and key files against OpenSSL, which reads them,
 * checks their signature and writes the same bytes again. The keys are fresh in every run. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "agent/csr.h"
#include "t.h"

#define TRIES 300 // r and s begin with zeros once in 128 signatures

static EVP_PKEY *key;
static uint8_t point[FERRY_KEY_POINT_BYTES];
static const char *const longest =
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void new_key(void)
{
    size_t n = 0;
    EVP_PKEY_free(key);
    key = EVP_EC_gen("P-256");
    T_CHECK(key);
    T_EQ_INT(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n),
             1);
    T_EQ_INT(n, FERRY_KEY_POINT_BYTES);
}

static ferry_err sign(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    uint8_t der[80];
    size_t n = sizeof der;
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new(ctx, NULL);
    T_CHECK(c && EVP_PKEY_sign_init(c) == 1 && EVP_PKEY_sign(c, der, &n, digest, 32) == 1);
    EVP_PKEY_CTX_free(c);
    const uint8_t *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
    T_EQ_INT(BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs, 32), 32);
    T_EQ_INT(BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 32, 32), 32);
    ECDSA_SIG_free(sig);
    return FERRY_OK;
}

static ferry_err refuse(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    (void)ctx, (void)digest, (void)rs;
    return FERRY_ERR_KEY;
}

/* OpenSSL reads all of it, finds the signature genuine, and would write the same bytes. */
static void check_request(const uint8_t *csr, size_t n, const char *name)
{
    char subject[128] = "";
    uint8_t *again = NULL;
    const uint8_t *at = csr;
    X509_REQ *req = d2i_X509_REQ(NULL, &at, (long)n);
    if (!T_CHECK(req))
        return;
    T_EQ_INT(at - csr, (long)n);
    T_EQ_INT(X509_REQ_verify(req, key), 1);
    T_EQ_INT(EVP_PKEY_eq(X509_REQ_get0_pubkey(req), key), 1);
    T_EQ_INT(X509_REQ_get_version(req), X509_REQ_VERSION_1);
    X509_NAME *who = X509_REQ_get_subject_name(req);
    T_EQ_INT(X509_NAME_entry_count(who), 1);
    (void)X509_NAME_get_text_by_NID(who, NID_commonName, subject, sizeof subject);
    T_EQ_STR(subject, name);
    (void)i2d_re_X509_REQ_tbs(req, NULL); // forget the bytes that were read
    T_EQ_INT(i2d_X509_REQ(req, &again), (int)n);
    T_EQ_MEM(again, csr, n);
    OPENSSL_free(again);
    X509_REQ_free(req);
}

static void openssl_takes_a_request_of_every_name(void)
{
    for (size_t n = 1; n <= FERRY_CSR_NAME_MOST; n++) {
        uint8_t csr[FERRY_CSR_BYTES];
        size_t n_csr = 0;
        const char *name = longest + FERRY_CSR_NAME_MOST - n;
        new_key();
        const struct ferry_signer signer = {sign, key};
        T_EQ_INT(ferry_csr_write(point, name, &signer, csr, &n_csr), FERRY_OK);
        check_request(csr, n_csr, name);
    }
}

static void openssl_takes_short_numbers(void)
{
    uint32_t n_lengths = 0;
    size_t seen[FERRY_CSR_BYTES + 1] = {0};
    new_key();
    for (int i = 0; i < TRIES; i++) {
        uint8_t csr[FERRY_CSR_BYTES];
        size_t n = 0;
        const struct ferry_signer signer = {sign, key};
        T_EQ_INT(ferry_csr_write(point, "dev-1", &signer, csr, &n), FERRY_OK);
        check_request(csr, n, "dev-1");
        n_lengths += seen[n]++ == 0;
    }
    T_CHECK(n_lengths >= 3); // none, one and two of r and s with a zero in front
}

/* Of numbers that no key would make: a request all the same, in the shortest form. */
static ferry_err sign_small(void *ctx, const uint8_t digest[32], uint8_t rs[FERRY_KEY_RS_BYTES])
{
    (void)digest;
    memset(rs, 0, FERRY_KEY_RS_BYTES);
    memcpy(rs + 31, ctx, 1);
    memcpy(rs + 63, ctx, 1);
    return FERRY_OK;
}

static void numbers_are_written_in_their_shortest_form(void)
{
    static const struct {
        uint8_t value;
        uint8_t want[11];
        size_t n_want;
    } rows[] = {
        {0, {0x03, 9, 0, 0x30, 6, 2, 1, 0, 2, 1, 0}, 11},
        {0x7f, {0x03, 9, 0, 0x30, 6, 2, 1, 0x7f, 2, 1, 0x7f}, 11},
        {0x80, {0, 0x30, 8, 2, 2, 0, 0x80, 2, 2, 0, 0x80}, 11},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t csr[FERRY_CSR_BYTES], value = rows[i].value;
        size_t n = 0;
        const struct ferry_signer signer = {sign_small, &value};
        T_EQ_INT(ferry_csr_write(point, "a", &signer, csr, &n), FERRY_OK);
        T_CHECK(n > rows[i].n_want);
        T_EQ_MEM(csr + n - rows[i].n_want, rows[i].want, rows[i].n_want);
    }
}

static void what_cannot_be_a_request_is_refused(void)
{
    uint8_t csr[FERRY_CSR_BYTES], compressed[FERRY_KEY_POINT_BYTES] = {0x02};
    char too_long[FERRY_CSR_NAME_MOST + 2];
    size_t n = 0;
    const struct ferry_signer signer = {sign, key}, locked = {refuse, NULL};
    memset(too_long, 'a', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    T_EQ_INT(ferry_csr_write(point, "", &signer, csr, &n), FERRY_ERR_ARG);
    T_EQ_INT(ferry_csr_write(point, too_long, &signer, csr, &n), FERRY_ERR_ARG);
    T_EQ_INT(ferry_csr_write(point, "a\nb", &signer, csr, &n), FERRY_ERR_ARG);
    T_EQ_INT(ferry_csr_write(compressed, "a", &signer, csr, &n), FERRY_ERR_ARG);
    T_EQ_INT(ferry_csr_write(point, "a", &locked, csr, &n), FERRY_ERR_KEY);
    T_EQ_INT(n, 0);
}

static void openssl_reads_the_key_file(void)
{
    uint8_t scalar[FERRY_KEY_SCALAR_BYTES], der[FERRY_KEY_DER_BYTES];
    const uint8_t *at = der;
    BIGNUM *secret = NULL;
    new_key();
    T_EQ_INT(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &secret), 1);
    T_EQ_INT(BN_bn2binpad(secret, scalar, sizeof scalar), FERRY_KEY_SCALAR_BYTES);
    BN_free(secret);
    ferry_key_der(scalar, point, der);
    EVP_PKEY *read = d2i_PrivateKey(EVP_PKEY_EC, NULL, &at, sizeof der);
    if (T_CHECK(read)) {
        T_EQ_INT(at - der, FERRY_KEY_DER_BYTES);
        T_EQ_INT(EVP_PKEY_eq(read, key), 1);
    }
    EVP_PKEY_free(read);
}

int main(void)
{
    new_key();
    T_RUN(openssl_takes_a_request_of_every_name);
    T_RUN(openssl_takes_short_numbers);
    T_RUN(numbers_are_written_in_their_shortest_form);
    T_RUN(what_cannot_be_a_request_is_refused);
    T_RUN(openssl_reads_the_key_file);
    EVP_PKEY_free(key);
    return t_end();
}
