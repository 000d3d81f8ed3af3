/* tests/support/fresh_key.h - signing keys made anew in every run, for tests of signatures. Rests
 * on OpenSSL and host/sign_key.h; the including test links ferry_host. */
#ifndef FRESH_KEY_H
#define FRESH_KEY_H

#include "sign_key.h"
#include "t.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

/** Takes a key that OpenSSL has just made, by way of PEM as a user's file would; pkey is freed. A
 * failure counts as a failed check. */
static inline void fresh_key_take(struct ferry_sign_key *key, EVP_PKEY *pkey)
{
    const char *why = NULL;
    char *pem;
    BIO *bio = BIO_new(BIO_s_mem());
    T_CHECK(pkey && PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1);
    const long n = BIO_get_mem_data(bio, &pem);
    T_EQ_INT(ferry_sign_key_parse((uint8_t *)pem, (size_t)n, key, &why), FERRY_OK);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

#endif
