/* server/client_cert.c - verifies, and remembers who was genuine. */
#include "client_cert.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/crypto.h"

#define ESCAPED_MOST 8192u // one of ours is 1.2 KB
#define KEPT         4096u // a power of two; 80 bytes each

struct verdict {
    uint8_t shown_sha256[FERRY_SHA256_BYTES];
    bool is_set;
    char sha256[CA_HEX_BYTES]; // of its DER
};

struct client_certs {
    pthread_mutex_t lock;
    atomic_uint reading; // of the authority: a verdict of a former one is not kept
    struct verdict kept[KEPT];
};

struct client_certs *client_certs_new(void)
{
    struct client_certs *const c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    pthread_mutex_init(&c->lock, NULL);
    atomic_init(&c->reading, 1);
    return c;
}

void client_certs_free(struct client_certs *c)
{
    if (c)
        pthread_mutex_destroy(&c->lock);
    free(c);
}

void client_certs_forget(struct client_certs *c)
{
    pthread_mutex_lock(&c->lock);
    c->reading++;
    memset(c->kept, 0, sizeof(c->kept));
    pthread_mutex_unlock(&c->lock);
}

unsigned client_certs_reading(struct client_certs *c)
{
    return atomic_load(&c->reading);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/** The caller frees it; NULL: it is no escaped text. */
static char *unescape(const char *text, size_t n_text)
{
    char *const out = n_text <= ESCAPED_MOST ? malloc(n_text + 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; out && i < n_text; i++) {
        out[n] = text[i];
        if (text[i] == '%') {
            const int high = digit_of(text[i + 1]), low = high < 0 ? -1 : digit_of(text[i + 2]);
            if (low < 0 || high + low == 0) {
                free(out);
                return NULL;
            }
            out[n] = (char)(high * 16 + low);
            i += 2;
        }
        n++;
    }
    if (out)
        out[n] = '\0';
    return out;
}

static bool verify_der(struct ca *ca, const void *der, size_t n, char sha256[CA_HEX_BYTES])
{
    return ca_verify_client(ca, der, n, sha256) == CA_GENUINE;
}

static bool verify_escaped(struct ca *ca, const void *escaped, size_t n, char sha256[CA_HEX_BYTES])
{
    char *const pem = unescape(escaped, n);
    gnutls_datum_t der = {NULL, 0};
    if (!pem)
        return false;
    const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    const bool is_genuine = !gnutls_pem_base64_decode2("CERTIFICATE", &text, &der) &&
                            verify_der(ca, der.data, der.size, sha256);
    gnutls_free(der.data);
    free(pem);
    return is_genuine;
}

/** Answers from memory, or verifies and remembers. Different forms never have the same hash. */
static bool judge(struct client_certs *c, struct ca *ca, const void *shown, size_t n,
                  bool (*verify)(struct ca *, const void *, size_t, char *),
                  char sha256[CA_HEX_BYTES], bool *is_new)
{
    uint8_t digest[FERRY_SHA256_BYTES];
    struct ferry_sha256 sha;
    ferry_sha256_init(&sha);
    ferry_sha256_update(&sha, shown, n);
    ferry_sha256_finish(&sha, digest);
    struct verdict *const v =
        &c->kept[((unsigned)digest[0] | (unsigned)digest[1] << 8) & (KEPT - 1)];
    pthread_mutex_lock(&c->lock);
    const bool is_known = v->is_set && !memcmp(v->shown_sha256, digest, sizeof(digest));
    const unsigned reading = c->reading;
    if (is_known)
        memcpy(sha256, v->sha256, CA_HEX_BYTES);
    pthread_mutex_unlock(&c->lock);
    *is_new = !is_known;
    if (is_known)
        return true;
    if (!verify(ca, shown, n, sha256))
        return false; // what is not genuine is not kept: anybody could fill the table
    pthread_mutex_lock(&c->lock);
    if (reading == c->reading) {
        memcpy(v->shown_sha256, digest, sizeof(digest));
        memcpy(v->sha256, sha256, CA_HEX_BYTES);
        v->is_set = true;
    }
    pthread_mutex_unlock(&c->lock);
    return true;
}

bool client_cert_judge(struct client_certs *c, struct ca *ca, const void *der, size_t n,
                       char sha256[CA_HEX_BYTES], bool *is_new)
{
    return judge(c, ca, der, n, verify_der, sha256, is_new);
}

bool client_cert_judge_escaped(struct client_certs *c, struct ca *ca, const char *escaped,
                               char sha256[CA_HEX_BYTES], bool *is_new)
{
    return judge(c, ca, escaped, strlen(escaped), verify_escaped, sha256, is_new);
}
