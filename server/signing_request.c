/* server/signing_request.c - PKCS#10 by GnuTLS, behind our own bounds.
 * GnuTLS is lenient where it reads: what stands before, behind or beside the one request is refused
 * here, so that two readers of the same bytes cannot see two requests. */
#include "signing_request.h"

#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hex.h"

__attribute__((format(printf, 2, 3))) static bool refuse(char why[CSR_WHY_BYTES], const char *fmt,
                                                         ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, CSR_WHY_BYTES, fmt, args);
    va_end(args);
    return false;
}

static const char *skip_white(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
        p++;
    return p;
}

static bool begins(const char *p, const char *end, const char *with)
{
    return (size_t)(end - p) >= strlen(with) && memcmp(p, with, strlen(with)) == 0;
}

/* Whether the text is one block of this name and nothing else. */
static bool is_one_block(const char *p, const char *end, const char *first, const char *last)
{
    p = skip_white(p, end);
    if (!begins(p, end, first))
        return false;
    const char *tail = memmem(p, (size_t)(end - p), last, strlen(last));
    return tail && skip_white(tail + strlen(last), end) == end;
}

static bool decode_pem(const char *text, size_t n, gnutls_datum_t *der)
{
    const gnutls_datum_t in = {(unsigned char *)(uintptr_t)text, (unsigned)n};
    if (is_one_block(text, text + n, "-----BEGIN CERTIFICATE REQUEST-----",
                     "-----END CERTIFICATE REQUEST-----"))
        return gnutls_pem_base64_decode2("CERTIFICATE REQUEST", &in, der) == 0;
    // The name that some older tools write.
    if (is_one_block(text, text + n, "-----BEGIN NEW CERTIFICATE REQUEST-----",
                     "-----END NEW CERTIFICATE REQUEST-----"))
        return gnutls_pem_base64_decode2("NEW CERTIFICATE REQUEST", &in, der) == 0;
    return false;
}

static bool decode(const char *text, size_t n, enum csr_form form, gnutls_datum_t *der,
                   char why[CSR_WHY_BYTES])
{
    if (form == CSR_PEM)
        return decode_pem(text, n, der) ||
               refuse(why, "the body is not one CERTIFICATE REQUEST in PEM");
    const gnutls_datum_t in = {(unsigned char *)(uintptr_t)text, (unsigned)n};
    return gnutls_base64_decode2(&in, der) == 0 ||
           refuse(why, "the body is not a certificate request in base64");
}

/* Whether the outermost SEQUENCE ends where the bytes do. */
static bool is_one_sequence(const gnutls_datum_t *der)
{
    const unsigned char *p = der->data;
    if (der->size < 2 || p[0] != 0x30)
        return false;
    if (p[1] < 0x80)
        return der->size == 2u + p[1];
    const unsigned n_length = p[1] & 0x7fu;
    if (n_length < 1 || n_length > 2 || der->size < 2u + n_length)
        return false;
    const unsigned length = n_length == 1 ? p[2] : (unsigned)p[2] << 8 | p[3];
    return der->size == 2u + n_length + length;
}

/* The curves are named one by one: another one that the library learns is not ours thereby. */
static bool check_key(gnutls_pubkey_t key, char why[CSR_WHY_BYTES])
{
    unsigned bits = 0;
    const int algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
    if (algorithm != GNUTLS_PK_ECDSA) {
        const char *name =
            algorithm < 0 ? NULL : gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm);
        return refuse(why, "its key is %s of %u bits; only EC keys on P-256 or P-384 are signed",
                      name ? name : "of an unknown kind", bits);
    }
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    if (gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) != 0)
        return refuse(why, "its key's curve has no name that is known here");
    if (curve != GNUTLS_ECC_CURVE_SECP256R1 && curve != GNUTLS_ECC_CURVE_SECP384R1)
        return refuse(why, "its key's curve is %s; only P-256 and P-384 are signed",
                      gnutls_ecc_curve_get_name(curve));
    return true;
}

static bool check_proof(gnutls_x509_crq_t crq, char why[CSR_WHY_BYTES])
{
    const int algorithm = gnutls_x509_crq_get_signature_algorithm(crq);
    if (algorithm != GNUTLS_SIGN_ECDSA_SHA256 && algorithm != GNUTLS_SIGN_ECDSA_SHA384 &&
        algorithm != GNUTLS_SIGN_ECDSA_SHA512)
        return refuse(why, "it is not signed with ECDSA over SHA-256, SHA-384 or SHA-512");
    if (gnutls_x509_crq_verify(crq, 0) != 0)
        return refuse(why, "its signature does not prove that the sender has the key");
    return true;
}

static bool take_key(gnutls_x509_crq_t crq, struct csr *out, char why[CSR_WHY_BYTES])
{
    gnutls_pubkey_t key;
    uint8_t id[32];
    size_t n = sizeof(id);
    if (gnutls_pubkey_init(&key) != 0)
        return refuse(why, "memory ran out");
    // Parameters spelt out instead of named make this fail, and what is no key.
    if (gnutls_pubkey_import_x509_crq(key, crq, 0) != 0)
        refuse(why, "its key cannot be read; only EC keys on P-256 or P-384 are signed");
    else if (check_key(key, why) && check_proof(crq, why)) {
        if (gnutls_pubkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &n) == 0) {
            hex_write(id, sizeof(id), out->key_sha256);
            out->key = key;
            return true;
        }
        refuse(why, "its key has no digest");
    }
    gnutls_pubkey_deinit(key);
    return false;
}

static bool read_der(const gnutls_datum_t *der, struct csr *out, char why[CSR_WHY_BYTES])
{
    gnutls_x509_crq_t crq;
    if (!is_one_sequence(der))
        return refuse(why, "it is not one ASN.1 sequence of %u bytes", der->size);
    if (gnutls_x509_crq_init(&crq) != 0)
        return refuse(why, "memory ran out");
    const bool ok = gnutls_x509_crq_import(crq, der, GNUTLS_X509_FMT_DER) == 0
                        ? take_key(crq, out, why)
                        : refuse(why, "it is no PKCS#10 request");
    gnutls_x509_crq_deinit(crq);
    return ok;
}

bool csr_read(const void *bytes, size_t n, enum csr_form form, struct csr *out,
              char why[CSR_WHY_BYTES])
{
    gnutls_datum_t der = {NULL, 0};
    if (n > CSR_MOST_BYTES)
        return refuse(why, "it is %zu bytes; at most %u are read", n, CSR_MOST_BYTES);
    if (!decode(bytes, n, form, &der, why))
        return false;
    const bool ok = read_der(&der, out, why);
    gnutls_free(der.data);
    return ok;
}

void csr_free(struct csr *csr)
{
    gnutls_pubkey_deinit(csr->key);
    csr->key = NULL;
}
