/* tests/fuzz/fuzz_csr.c - a certificate request of a stranger, any bytes.
 * The first byte chooses the form. What is accepted has a key of a curve that is named here, known
 * by its own digest; the same request in the other form is accepted too, for the same key. */
#include "fuzz.h"

#include <gnutls/gnutls.h>
#include <string.h>

#include "server/hex.h"
#include "server/pkcs7.h"
#include "server/signing_request.h"

static void check_key(const struct csr *csr)
{
    unsigned bits = 0;
    uint8_t id[32];
    size_t n = sizeof(id);
    char hex[CSR_HEX_BYTES];
    FUZZ_MUST(gnutls_pubkey_get_pk_algorithm(csr->key, &bits) == GNUTLS_PK_ECDSA);
    FUZZ_MUST(bits == 256 || bits == 384);
    FUZZ_MUST(gnutls_pubkey_get_key_id(csr->key, GNUTLS_KEYID_USE_SHA256, id, &n) == 0);
    hex_write(id, sizeof(id), hex);
    FUZZ_MUST(strcmp(hex, csr->key_sha256) == 0);
}

/* The request between the lines of PEM, as EST would send it. */
static void check_other_form(const char *pem, size_t n, const char *key_sha256)
{
    struct csr again;
    char why[CSR_WHY_BYTES];
    static char text[CSR_MOST_BYTES + 1];
    memcpy(text, pem, n);
    text[n] = '\0';
    char *from = strstr(text, "REQUEST-----");
    char *until = from ? strstr(from, "-----END") : NULL;
    if (!until || strchr(from, ':'))
        return; // NUL bytes before, or headers of PEM inside
    from += strlen("REQUEST-----");
    FUZZ_MUST(csr_read(from, (size_t)(until - from), CSR_BASE64, &again, why));
    FUZZ_MUST(strcmp(again.key_sha256, key_sha256) == 0);
    csr_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct csr csr = {0};
    char why[CSR_WHY_BYTES] = "";
    if (n < 1)
        return 0;
    const enum csr_form form = data[0] & 1 ? CSR_BASE64 : CSR_PEM;
    if (!csr_read(data + 1, n - 1, form, &csr, why)) {
        FUZZ_MUST(why[0] && memchr(why, '\0', sizeof(why)));
        FUZZ_MUST(!csr.key);
        return 0;
    }
    FUZZ_MUST(n - 1 <= CSR_MOST_BYTES);
    check_key(&csr);
    if (form == CSR_PEM)
        check_other_form((const char *)data + 1, n - 1, csr.key_sha256);
    csr_free(&csr);
    return 0;
}
