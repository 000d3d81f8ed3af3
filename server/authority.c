/* server/authority.c - PEM files by GnuTLS; what a certificate is for is read from itself. */
#include "authority.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"
#include "state_file.h"

static bool fail(char why[CA_WHY_BYTES], const char *file, const char *reason)
{
    snprintf(why, CA_WHY_BYTES, "ca/%s: %s", file, reason);
    return false;
}

static void read_name(gnutls_x509_crt_t crt, bool of_issuer, char out[CA_NAME_BYTES])
{
    size_t n = CA_NAME_BYTES;
    const int err =
        of_issuer
            ? gnutls_x509_crt_get_issuer_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &n)
            : gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, out, &n);
    if (err)
        snprintf(out, CA_NAME_BYTES, "?");
}

static enum ca_role role_of(gnutls_x509_crt_t crt)
{
    int below = -1;
    unsigned critical, is_ca;
    if (gnutls_x509_crt_check_issuer(crt, crt))
        return CA_ROOT;
    const int err = gnutls_x509_crt_get_basic_constraints(crt, &critical, &is_ca, &below);
    return err >= 0 && below == 0 ? CA_ISSUING : CA_CROSS;
}

bool authority_add(struct authority *a, gnutls_x509_crt_t crt, char why[CA_WHY_BYTES])
{
    gnutls_datum_t der = {0};
    if (a->n == AUTHORITY_MOST || gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) != 0) {
        gnutls_x509_crt_deinit(crt);
        snprintf(why, CA_WHY_BYTES, "ca: there are more than %u certificates", AUTHORITY_MOST);
        return false;
    }
    struct authority_entry *e = &a->at[a->n++];
    *e = (struct authority_entry){.crt = crt};
    hex_sha256(der.data, der.size, e->facts.sha256);
    gnutls_free(der.data);
    e->facts.role = role_of(crt);
    read_name(crt, false, e->facts.name);
    read_name(crt, true, e->facts.issuer);
    e->facts.not_before = gnutls_x509_crt_get_activation_time(crt);
    e->facts.not_after = gnutls_x509_crt_get_expiration_time(crt);
    return true;
}

bool authority_move(struct authority *to, struct authority *from, unsigned i,
                    char why[CA_WHY_BYTES])
{
    gnutls_x509_crt_t crt = from->at[i].crt;
    from->at[i].crt = NULL;
    return authority_add(to, crt, why);
}

void authority_add_pem(struct ferry_strbuf *out, gnutls_x509_crt_t crt)
{
    gnutls_datum_t pem = {0};
    if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) != 0) {
        out->failed = true;
        return;
    }
    ferry_strbuf_add(out, (const char *)pem.data, pem.size);
    gnutls_free(pem.data);
}

/* Adds the certificates of a file; optional: it need not be there. */
static bool read_certs(struct authority *a, int ca_fd, const char *file, bool is_optional,
                       char why[CA_WHY_BYTES])
{
    struct ferry_strbuf text = {0};
    gnutls_x509_crt_t *certs = NULL;
    unsigned n = 0;
    if (!state_file_read(ca_fd, file, &text)) {
        const int reason = errno;
        ferry_strbuf_free(&text);
        return (is_optional && reason == ENOENT) || fail(why, file, strerror(reason));
    }
    const gnutls_datum_t in = {(unsigned char *)text.text, (unsigned)text.n};
    const int err = text.n ? gnutls_x509_crt_list_import2(&certs, &n, &in, GNUTLS_X509_FMT_PEM, 0)
                           : GNUTLS_E_NO_CERTIFICATE_FOUND;
    ferry_strbuf_free(&text);
    if (err)
        return fail(why, file, gnutls_strerror(err));
    bool ok = true;
    for (unsigned i = 0; i < n; i++)
        if (ok)
            ok = authority_add(a, certs[i], why);
        else
            gnutls_x509_crt_deinit(certs[i]);
    gnutls_free(certs);
    return ok;
}

gnutls_privkey_t authority_read_key(const void *pem, size_t n, const char *what,
                                    char why[CA_WHY_BYTES])
{
    gnutls_privkey_t key;
    const gnutls_datum_t in = {(unsigned char *)(uintptr_t)pem, (unsigned)n};
    int err = gnutls_privkey_init(&key);
    if (!err) {
        err = n ? gnutls_privkey_import_x509_raw(key, &in, GNUTLS_X509_FMT_PEM, NULL, 0)
                : GNUTLS_E_BASE64_DECODING_ERROR;
        if (!err)
            return key;
        gnutls_privkey_deinit(key);
    }
    snprintf(why, CA_WHY_BYTES, "%s: no private key in PEM: %s", what, gnutls_strerror(err));
    return NULL;
}

bool authority_is_pair(gnutls_x509_crt_t crt, gnutls_privkey_t key)
{
    uint8_t of_crt[32], of_key[32];
    size_t n_crt = sizeof(of_crt), n_key = sizeof(of_key);
    gnutls_pubkey_t half;
    if (gnutls_pubkey_init(&half) != 0)
        return false;
    const bool read =
        gnutls_pubkey_import_privkey(half, key, 0, 0) == 0 &&
        gnutls_pubkey_get_key_id(half, GNUTLS_KEYID_USE_SHA256, of_key, &n_key) == 0 &&
        gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &n_crt) == 0;
    gnutls_pubkey_deinit(half);
    return read && memcmp(of_crt, of_key, sizeof(of_crt)) == 0;
}

static bool read_key(struct authority *a, int ca_fd, char why[CA_WHY_BYTES])
{
    struct ferry_strbuf pem = {0};
    if (!state_file_read(ca_fd, "issuing.key", &pem)) {
        ferry_strbuf_free(&pem);
        return fail(why, "issuing.key", strerror(errno));
    }
    a->key = authority_read_key(pem.text, pem.n, "ca/issuing.key", why);
    if (pem.text)
        explicit_bzero(pem.text, pem.n);
    ferry_strbuf_free(&pem);
    if (a->key && !authority_is_pair(a->at[1].crt, a->key))
        return fail(why, "issuing.key", "it is not the key of ca/issuing.pem");
    return a->key != NULL;
}

static bool read_folder(struct authority *a, int ca_fd, char why[CA_WHY_BYTES])
{
    if (!read_certs(a, ca_fd, "root.pem", false, why))
        return false;
    if (a->n != 1 || a->at[0].facts.role != CA_ROOT)
        return fail(why, "root.pem", "it must hold one certificate, signed by itself");
    if (!read_certs(a, ca_fd, "issuing.pem", false, why))
        return false;
    if (a->n != 2 || a->at[1].facts.role != CA_ISSUING)
        return fail(why, "issuing.pem", "it must hold one CA below which there is none");
    if (!gnutls_x509_crt_check_issuer(a->at[1].crt, a->at[0].crt))
        return fail(why, "issuing.pem", "ca/root.pem did not sign it");
    a->at[0].facts.is_current = a->at[1].facts.is_current = true;
    return read_certs(a, ca_fd, "former.pem", true, why) && read_key(a, ca_fd, why);
}

bool authority_read(struct authority *a, int dir_fd, char why[CA_WHY_BYTES])
{
    *a = (struct authority){0};
    const int ca_fd = openat(dir_fd, "ca", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ca_fd < 0)
        return fail(why, "", strerror(errno));
    const bool ok = read_folder(a, ca_fd, why);
    close(ca_fd);
    if (!ok)
        authority_free(a);
    return ok;
}

void authority_free(struct authority *a)
{
    for (unsigned i = 0; i < a->n; i++)
        if (a->at[i].crt)
            gnutls_x509_crt_deinit(a->at[i].crt);
    if (a->key)
        gnutls_privkey_deinit(a->key);
    *a = (struct authority){0};
}
