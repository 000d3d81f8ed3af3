/* server/passed_cert.c - undoes the escapes, verifies, remembers who was genuine. */
#include "passed_cert.h"

#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/crypto.h"

#define ESCAPED_MOST 8192u // one of ours is 1.2 KB
#define KEPT         4096u // a power of two; 80 bytes each

struct verdict {
    uint8_t text_sha256[FERRY_SHA256_BYTES];
    bool is_set;
    struct ca_client client;
};

struct passed_certs {
    pthread_mutex_t lock;
    unsigned reading; // of the authority: a verdict of a former one is not kept
    struct verdict kept[KEPT];
};

struct passed_certs *passed_certs_new(void)
{
    struct passed_certs *const p = calloc(1, sizeof(*p));
    if (p)
        pthread_mutex_init(&p->lock, NULL);
    return p;
}

void passed_certs_free(struct passed_certs *p)
{
    if (p)
        pthread_mutex_destroy(&p->lock);
    free(p);
}

void passed_certs_forget(struct passed_certs *p)
{
    pthread_mutex_lock(&p->lock);
    p->reading++;
    memset(p->kept, 0, sizeof(p->kept));
    pthread_mutex_unlock(&p->lock);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/** The caller frees it; NULL: it is no escaped text. */
static char *unescape(const char *text)
{
    const size_t n_text = strnlen(text, ESCAPED_MOST + 1);
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

static bool verify(struct ca *ca, const char *escaped, struct ca_client *out)
{
    char *const pem = unescape(escaped);
    gnutls_datum_t der = {NULL, 0};
    if (!pem)
        return false;
    const gnutls_datum_t text = {(unsigned char *)pem, (unsigned)strlen(pem)};
    const bool is_genuine = !gnutls_pem_base64_decode2("CERTIFICATE", &text, &der) &&
                            ca_verify_client(ca, der.data, der.size, out) == CA_GENUINE;
    gnutls_free(der.data);
    free(pem);
    return is_genuine;
}

static void hash(const char *text, uint8_t out[FERRY_SHA256_BYTES])
{
    struct ferry_sha256 sha;
    ferry_sha256_init(&sha);
    ferry_sha256_update(&sha, text, strlen(text));
    ferry_sha256_finish(&sha, out);
}

bool passed_cert_judge(struct passed_certs *p, struct ca *ca, const char *escaped,
                       struct ca_client *out, bool *judged)
{
    uint8_t sha256[FERRY_SHA256_BYTES];
    hash(escaped, sha256);
    struct verdict *const v =
        &p->kept[((unsigned)sha256[0] | (unsigned)sha256[1] << 8) & (KEPT - 1)];
    pthread_mutex_lock(&p->lock);
    const bool is_known = v->is_set && !memcmp(v->text_sha256, sha256, sizeof(sha256));
    const unsigned reading = p->reading;
    if (is_known)
        *out = v->client;
    pthread_mutex_unlock(&p->lock);
    *judged = !is_known;
    if (is_known)
        return true;
    if (!verify(ca, escaped, out))
        return false; // what is not genuine is not kept: anybody could fill the table
    pthread_mutex_lock(&p->lock);
    if (reading == p->reading) {
        memcpy(v->text_sha256, sha256, sizeof(sha256));
        v->client = *out;
        v->is_set = true;
    }
    pthread_mutex_unlock(&p->lock);
    return true;
}
