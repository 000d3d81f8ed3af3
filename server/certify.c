/* server/certify.c - one function a rule; the first that fails ends it. */
#include "certify.h"

#include <arpa/inet.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define KEY_ID_BYTES 20u

/* Of a public key: the same for a root and for its cross certificates. */
static int key_id(gnutls_pubkey_t key, uint8_t id[32])
{
    size_t n = 32;
    return gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &n);
}

/* Positive and of full length whatever the dice say: its first bits are 01. */
static int set_serial(gnutls_x509_crt_t crt)
{
    uint8_t serial[CA_SERIAL_BYTES];
    const int err = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));
    if (err)
        return err;
    serial[0] = (uint8_t)((serial[0] & 0x3f) | 0x40);
    return gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
}

static int set_times(gnutls_x509_crt_t crt, const struct certify *c)
{
    int64_t from = c->now - CERTIFY_EARLY_S, until = c->now + c->valid_s;
    if (c->issuer) {
        const int64_t first = gnutls_x509_crt_get_activation_time(c->issuer);
        const int64_t last = gnutls_x509_crt_get_expiration_time(c->issuer);
        from = from < first ? first : from;
        until = until > last ? last : until;
        if (until <= c->now)
            return GNUTLS_E_EXPIRED;
    }
    const int err = gnutls_x509_crt_set_activation_time(crt, (time_t)from);
    return err ? err : gnutls_x509_crt_set_expiration_time(crt, (time_t)until);
}

static int set_names(gnutls_x509_crt_t crt, const struct certify *c)
{
    int err = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, c->subject,
                                            (unsigned)strlen(c->subject));
    if (!err && c->kind == CERTIFY_DEVICE) {
        char uri[CA_NAME_BYTES + 32];
        snprintf(uri, sizeof(uri), "urn:ferry:device:%s", c->subject);
        err = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_URI, uri, (unsigned)strlen(uri),
                                                   GNUTLS_FSAN_SET);
    }
    for (unsigned i = 0; !err && c->hosts && c->hosts[i]; i++) {
        uint8_t address[16];
        const char *host = c->hosts[i];
        const unsigned n = inet_pton(AF_INET, host, address) == 1    ? 4
                           : inet_pton(AF_INET6, host, address) == 1 ? 16
                                                                     : 0;
        err = gnutls_x509_crt_set_subject_alt_name(
            crt, n ? GNUTLS_SAN_IPADDRESS : GNUTLS_SAN_DNSNAME,
            n ? (const void *)address : (const void *)host, n ? n : (unsigned)strlen(host),
            GNUTLS_FSAN_APPEND);
    }
    return err;
}

/* What it may be used for, and nothing beside. */
static int set_purpose(gnutls_x509_crt_t crt, enum certify_kind kind)
{
    const bool is_ca = kind == CERTIFY_ROOT || kind == CERTIFY_ISSUING;
    const int below = kind == CERTIFY_ISSUING ? 0 : -1;
    int err = gnutls_x509_crt_set_basic_constraints(crt, is_ca, is_ca ? below : -1);
    if (!err)
        err = gnutls_x509_crt_set_key_usage(crt,
                                            is_ca ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                                  : GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (!err && !is_ca)
        err = gnutls_x509_crt_set_key_purpose_oid(
            crt, kind == CERTIFY_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0);
    return err;
}

static int set_key_ids(gnutls_x509_crt_t crt, const struct certify *c)
{
    uint8_t id[32];
    size_t n = sizeof(id);
    int err = key_id(c->key, id);
    if (!err)
        err = gnutls_x509_crt_set_subject_key_id(crt, id, KEY_ID_BYTES);
    if (!err && c->issuer)
        err = gnutls_x509_crt_get_subject_key_id(c->issuer, id, &n, NULL);
    if (!err && c->issuer)
        err = gnutls_x509_crt_set_authority_key_id(crt, id, n);
    return err;
}

static int fill_and_sign(gnutls_x509_crt_t crt, const struct certify *c)
{
    int err = gnutls_x509_crt_set_version(crt, 3);
    if (!err)
        err = set_serial(crt);
    if (!err)
        err = set_times(crt, c);
    if (!err)
        err = set_names(crt, c);
    if (!err)
        err = gnutls_x509_crt_set_pubkey(crt, c->key);
    if (!err)
        err = set_purpose(crt, c->kind);
    if (!err)
        err = set_key_ids(crt, c);
    if (!err)
        err = gnutls_x509_crt_privkey_sign(crt, c->issuer ? c->issuer : crt, c->signer,
                                           GNUTLS_DIG_SHA256, 0);
    return err;
}

bool certify(const struct certify *c, gnutls_x509_crt_t *out, char why[CA_WHY_BYTES])
{
    int err = gnutls_x509_crt_init(out);
    if (!err) {
        err = fill_and_sign(*out, c);
        if (!err)
            return true;
        gnutls_x509_crt_deinit(*out);
    }
    if (err == GNUTLS_E_EXPIRED)
        snprintf(why, CA_WHY_BYTES,
                 "the CA that would sign \"%s\" has expired; see `ferryd ca show`", c->subject);
    else
        snprintf(why, CA_WHY_BYTES, "the certificate \"%s\" could not be made: %s", c->subject,
                 gnutls_strerror(err));
    return false;
}

/* Whether the private value takes 32 bytes and no sign: GnuTLS 3.7 writes it as an INTEGER, with a
 * zero before a set bit and without leading zeros, while others, nginx's OpenSSL among them, read
 * 32 bytes (RFC 5915) and nothing else. One bit of 256 is the price. */
static bool is_readable(gnutls_privkey_t key)
{
    gnutls_datum_t k = {0};
    if (gnutls_privkey_export_ecc_raw2(key, NULL, NULL, NULL, &k, GNUTLS_EXPORT_FLAG_NO_LZ) != 0)
        return false;
    const bool ok = k.size == 32 && k.data[0] >= 0x01 && k.data[0] <= 0x7f;
    gnutls_memset(k.data, 0, k.size);
    gnutls_free(k.data);
    return ok;
}

static int generate(gnutls_privkey_t *key)
{
    // Half of all keys will do; that 64 in a row do not is as likely as to guess a key of 64 bits.
    for (unsigned i = 0; i < 64; i++) {
        int err = gnutls_privkey_init(key);
        if (err)
            return err;
        err = gnutls_privkey_generate(*key, GNUTLS_PK_ECDSA,
                                      GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        if (!err && is_readable(*key))
            return 0;
        gnutls_privkey_deinit(*key);
        if (err)
            return err;
    }
    return GNUTLS_E_PK_GENERATION_ERROR;
}

bool certify_new_key(gnutls_privkey_t *key, gnutls_pubkey_t *half, char why[CA_WHY_BYTES])
{
    int err = generate(key);
    if (!err) {
        err = gnutls_pubkey_init(half);
        if (!err) {
            err = gnutls_pubkey_import_privkey(*half, *key, 0, 0);
            if (!err)
                return true;
            gnutls_pubkey_deinit(*half);
        }
        gnutls_privkey_deinit(*key);
    }
    snprintf(why, CA_WHY_BYTES, "no key on P-256 could be made: %s", gnutls_strerror(err));
    return false;
}
