/* host/sign_key.h - keys of Secure Boot v2 out of PEM files: whose signature it is, as the chips
 * store it, and signing with the private ones. */
#ifndef FERRY_SIGN_KEY_H
#define FERRY_SIGN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ferry/crypto.h"
#include "ferry/crypto_verify.h"
#include "ferry/err.h"

#define FERRY_KEY_PART_MOST  776u // bytes of the longest key part
#define FERRY_SIGNATURE_MOST 384u // bytes of the longest signature

struct evp_pkey_st; // OpenSSL's EVP_PKEY

struct ferry_sign_key {
    enum ferry_scheme scheme;
    bool is_private;
    uint8_t part[FERRY_KEY_PART_MOST]; // the public key part of a block, zeros behind it
    struct evp_pkey_st *pkey;          // owned
};

/** Takes a key out of PEM text: a private key (not encrypted), or a public one.
 * FERRY_ERR_KEY  not such a key, with the reason in *why (static). Nothing to close then. */
FERRY_MUST_CHECK ferry_err ferry_sign_key_parse(const uint8_t *pem, size_t n_bytes,
                                                struct ferry_sign_key *out, const char **why);

/** Frees the key. A key that is all zero is fine. */
void ferry_sign_key_close(struct ferry_sign_key *key);

/** "RSA-3072", "ECDSA P-256" ...; static. */
const char *ferry_scheme_name(enum ferry_scheme scheme);

/** The SHA-256 of the key part, as eFuses hold it. */
void ferry_sign_key_digest(const struct ferry_sign_key *key, uint8_t out[FERRY_SHA256_BYTES]);

/** Signs a digest, a SHA-384 for P-384 and a SHA-256 else; the signature comes as blocks hold it,
 * zeros behind it. FERRY_ERR_KEY  the key is not private, or OpenSSL will not sign with it. */
FERRY_MUST_CHECK ferry_err ferry_sign_key_sign(const struct ferry_sign_key *key,
                                               const uint8_t *digest,
                                               uint8_t out[FERRY_SIGNATURE_MOST]);

#endif
