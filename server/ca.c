/* server/ca.c - an authority behind a lock that only a reload takes for itself.
 * Signing and verifying only read GnuTLS's objects, which many threads may do at once. */
#include "ca.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "authority.h"
#include "certify.h"
#include "hex.h"
#include "pkcs7.h"
#include "signing_request.h"

struct ca {
    pthread_rwlock_t lock;
    int dir_fd; // borrowed
    struct authority now;
};

struct ca *ca_open(int dir_fd, char why[CA_WHY_BYTES])
{
    struct ca *ca = calloc(1, sizeof(*ca));
    if (!ca || pthread_rwlock_init(&ca->lock, NULL) != 0) {
        snprintf(why, CA_WHY_BYTES, "memory ran out");
        free(ca);
        return NULL;
    }
    ca->dir_fd = dir_fd;
    if (authority_read(&ca->now, dir_fd, why))
        return ca;
    pthread_rwlock_destroy(&ca->lock);
    free(ca);
    return NULL;
}

bool ca_reload(struct ca *ca, char why[CA_WHY_BYTES])
{
    struct authority next;
    if (!authority_read(&next, ca->dir_fd, why))
        return false;
    pthread_rwlock_wrlock(&ca->lock);
    struct authority former = ca->now;
    ca->now = next;
    pthread_rwlock_unlock(&ca->lock);
    authority_free(&former);
    return true;
}

void ca_close(struct ca *ca)
{
    if (!ca)
        return;
    authority_free(&ca->now);
    pthread_rwlock_destroy(&ca->lock);
    free(ca);
}

bool ca_at(struct ca *ca, unsigned i, struct ca_entry *out)
{
    pthread_rwlock_rdlock(&ca->lock);
    const bool is_there = i < ca->now.n;
    if (is_there)
        *out = ca->now.at[i].facts;
    pthread_rwlock_unlock(&ca->lock);
    return is_there;
}

/* The i-th certificate that clients are shown: the issuing CA first, what ran out never. */
static const struct authority_entry *shown(const struct authority *a, unsigned i)
{
    const struct authority_entry *e = &a->at[i < 2 ? 1 - i : i];
    return e->facts.not_after >= (int64_t)time(NULL) ? e : NULL;
}

void ca_roots_pem(struct ca *ca, struct ferry_strbuf *out)
{
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; i < ca->now.n; i++) {
        const struct authority_entry *e = shown(&ca->now, i);
        if (e && e->facts.role == CA_ROOT)
            authority_add_pem(out, e->crt);
    }
    pthread_rwlock_unlock(&ca->lock);
}

bool ca_chain_pkcs7(struct ca *ca, struct ferry_strbuf *out)
{
    gnutls_datum_t ders[AUTHORITY_MOST];
    struct pkcs7_cert certs[AUTHORITY_MOST];
    unsigned n = 0;
    bool ok = true;
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; ok && i < ca->now.n; i++) {
        const struct authority_entry *e = shown(&ca->now, i);
        if (!e)
            continue;
        ok = gnutls_x509_crt_export2(e->crt, GNUTLS_X509_FMT_DER, &ders[n]) == 0;
        if (ok) {
            certs[n] = (struct pkcs7_cert){ders[n].data, ders[n].size};
            n++;
        }
    }
    pthread_rwlock_unlock(&ca->lock);
    if (ok)
        pkcs7_add(out, certs, n);
    while (n)
        gnutls_free(ders[--n].data);
    return ok && !out->failed;
}

void ca_clients_pem(struct ca *ca, struct ferry_strbuf *out)
{
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; i < ca->now.n; i++)
        if (ca->now.at[i].facts.role == CA_ISSUING)
            authority_add_pem(out, ca->now.at[i].crt);
    pthread_rwlock_unlock(&ca->lock);
}

/* clientAuth, and nothing beside it: the library would also take a certificate without purpose. */
static bool is_for_clients(gnutls_x509_crt_t crt)
{
    char oid[64];
    size_t n = sizeof(oid);
    unsigned critical, is_ca;
    if (gnutls_x509_crt_get_basic_constraints(crt, &critical, &is_ca, NULL) < 0 || is_ca)
        return false;
    if (gnutls_x509_crt_get_key_purpose_oid(crt, 0, oid, &n, NULL) != 0 ||
        strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) != 0)
        return false;
    n = sizeof(oid);
    return gnutls_x509_crt_get_key_purpose_oid(crt, 1, oid, &n, NULL) ==
           GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* Whether one of the issuing CAs signed it, former ones too. */
static bool is_ours(struct ca *ca, gnutls_x509_crt_t crt)
{
    gnutls_x509_crt_t issuers[AUTHORITY_MOST];
    unsigned n = 0, status = GNUTLS_CERT_INVALID;
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; i < ca->now.n; i++)
        if (ca->now.at[i].facts.role == CA_ISSUING)
            issuers[n++] = ca->now.at[i].crt;
    // Time is the caller's to judge: a certificate that ran out may renew itself.
    const int err =
        gnutls_x509_crt_verify(crt, issuers, n, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
    pthread_rwlock_unlock(&ca->lock);
    return err == 0 && status == 0;
}

enum ca_verdict ca_verify_client(struct ca *ca, const uint8_t *der, size_t n,
                                 char sha256[CA_HEX_BYTES])
{
    gnutls_x509_crt_t crt;
    const gnutls_datum_t in = {(unsigned char *)(uintptr_t)der, (unsigned)n};
    enum ca_verdict verdict = CA_UNREADABLE;
    if (gnutls_x509_crt_init(&crt) != 0)
        return CA_UNREADABLE;
    hex_sha256(der, n, sha256);
    if (gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_DER) == 0)
        verdict = !is_ours(ca, crt)      ? CA_FOREIGN
                  : !is_for_clients(crt) ? CA_WRONG_PURPOSE
                                         : CA_GENUINE;
    gnutls_x509_crt_deinit(crt);
    return verdict;
}

bool ca_is_issuing(struct ca *ca, const char *sha256)
{
    bool is_one = false;
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; i < ca->now.n; i++)
        is_one |= ca->now.at[i].facts.role == CA_ISSUING &&
                  strcmp(ca->now.at[i].facts.sha256, sha256) == 0;
    pthread_rwlock_unlock(&ca->lock);
    return is_one;
}

/* Reads back what was signed: the row must say what the certificate says. */
static bool describe(gnutls_x509_crt_t crt, struct ca_leaf *out, char why[CA_WHY_BYTES])
{
    uint8_t serial[CA_SERIAL_BYTES];
    size_t n_serial = sizeof(serial);
    gnutls_datum_t der = {0};
    if (gnutls_x509_crt_get_serial(crt, serial, &n_serial) == 0 && n_serial == sizeof(serial) &&
        gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) == 0) {
        hex_write(serial, sizeof(serial), out->serial);
        hex_sha256(der.data, der.size, out->sha256);
        gnutls_free(der.data);
        out->not_before = gnutls_x509_crt_get_activation_time(crt);
        out->not_after = gnutls_x509_crt_get_expiration_time(crt);
        authority_add_pem(&out->pem, crt);
        if (!out->pem.failed)
            return true;
        ferry_strbuf_free(&out->pem);
    }
    snprintf(why, CA_WHY_BYTES, "memory ran out");
    return false;
}

bool ca_issue(struct ca *ca, const struct ca_wish *wish, struct ca_leaf *out,
              char why[CA_WHY_BYTES])
{
    gnutls_x509_crt_t crt;
    *out = (struct ca_leaf){0};
    pthread_rwlock_rdlock(&ca->lock);
    const struct authority_entry *issuing = &ca->now.at[1];
    const struct certify c = {.kind = CERTIFY_DEVICE,
                              .subject = wish->device,
                              .key = wish->csr->key,
                              .issuer = issuing->crt,
                              .signer = ca->now.key,
                              .now = wish->now,
                              .valid_s = wish->valid_s};
    memcpy(out->issuer_sha256, issuing->facts.sha256, CA_HEX_BYTES);
    const bool signed_it = certify(&c, &crt, why);
    pthread_rwlock_unlock(&ca->lock);
    if (!signed_it)
        return false;
    const bool ok = describe(crt, out, why);
    gnutls_x509_crt_deinit(crt);
    return ok;
}

void ca_issuing_sha256(struct ca *ca, char out[CA_HEX_BYTES])
{
    pthread_rwlock_rdlock(&ca->lock);
    memcpy(out, ca->now.at[1].facts.sha256, CA_HEX_BYTES);
    pthread_rwlock_unlock(&ca->lock);
}

bool ca_add_issuer_pem(struct ca *ca, const char *issuer_sha256, struct ferry_strbuf *out)
{
    bool found = false;
    pthread_rwlock_rdlock(&ca->lock);
    for (unsigned i = 0; !found && i < ca->now.n; i++) {
        found = strcmp(ca->now.at[i].facts.sha256, issuer_sha256) == 0;
        if (found)
            authority_add_pem(out, ca->now.at[i].crt);
    }
    pthread_rwlock_unlock(&ca->lock);
    return found;
}
