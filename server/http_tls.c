/* server/http_tls.c - credentials, tickets and the client's certificate. */
#include "http_tls.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client_cert.h"
#include "http_watch.h"
#include "metrics.h"
#include "state_file.h"

#define TICKET_KEY_BYTES 64u // GnuTLS's master key, from which it makes keys that change

/** One reading of certificate and key; sessions keep it alive. */
struct http_credentials {
    atomic_uint uses;
    gnutls_certificate_credentials_t x509;
};

struct http_tls {
    pthread_mutex_t lock;             // of current
    struct http_credentials *current; // one use is this pointer's
    gnutls_priority_t priorities;
    uint8_t ticket_key[TICKET_KEY_BYTES];
    struct ferry_strbuf cert, key;
};

static void release(struct http_credentials *c)
{
    if (c && atomic_fetch_sub(&c->uses, 1) == 1) {
        gnutls_certificate_free_credentials(c->x509);
        free(c);
    }
}

static void forget(struct ferry_strbuf *secret)
{
    if (secret->text)
        gnutls_memset(secret->text, 0, secret->room);
    ferry_strbuf_free(secret);
}

static bool refuse(char why[HTTP_WHY_BYTES], const char *name, const char *reason)
{
    snprintf(why, HTTP_WHY_BYTES, "%s: %s", name, reason);
    return false;
}

static bool read_pem(int dir_fd, const char *name, struct ferry_strbuf *out,
                     char why[HTTP_WHY_BYTES])
{
    if (!state_file_read(dir_fd, name, out))
        return refuse(why, name, strerror(errno));
    return !out->failed || refuse(why, name, "out of memory");
}

/** Clients are told which authorities' certificates are wanted; that they are genuine is judged
 * by ca_verify_client, not here. */
static bool load_clients(gnutls_certificate_credentials_t x509, struct ca *ca,
                         char why[HTTP_WHY_BYTES])
{
    struct ferry_strbuf pem = {0};
    ca_clients_pem(ca, &pem);
    const gnutls_datum_t datum = {(unsigned char *)pem.text, (unsigned)pem.n};
    const int n =
        pem.n ? gnutls_certificate_set_x509_trust_mem(x509, &datum, GNUTLS_X509_FMT_PEM) : 0;
    ferry_strbuf_free(&pem);
    return n >= 0 || refuse(why, "the issuing authorities", gnutls_strerror(n));
}

/** Imported one by one: GnuTLS 3.7.9 leaks what it has read when its own way from PEM fails. */
static int set_key(gnutls_certificate_credentials_t x509, const struct ferry_strbuf *cert,
                   const struct ferry_strbuf *key)
{
    const gnutls_datum_t cert_pem = {(unsigned char *)cert->text, (unsigned)cert->n};
    const gnutls_datum_t key_pem = {(unsigned char *)key->text, (unsigned)key->n};
    gnutls_x509_crt_t *chain = NULL;
    gnutls_x509_privkey_t private_key = NULL;
    unsigned n = 0;
    int err = gnutls_x509_crt_list_import2(&chain, &n, &cert_pem, GNUTLS_X509_FMT_PEM, 0);
    if (err < 0)
        return err;
    err = gnutls_x509_privkey_init(&private_key);
    if (!err)
        err = gnutls_x509_privkey_import(private_key, &key_pem, GNUTLS_X509_FMT_PEM);
    if (!err)
        err = gnutls_certificate_set_x509_key(x509, chain, (int)n, private_key);
    gnutls_x509_privkey_deinit(private_key);
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(chain[i]);
    gnutls_free(chain);
    return err;
}

static struct http_credentials *make_credentials(const struct ferry_strbuf *cert,
                                                 const struct ferry_strbuf *key, struct ca *ca,
                                                 char why[HTTP_WHY_BYTES])
{
    struct http_credentials *const c = calloc(1, sizeof(*c));
    if (!c || gnutls_certificate_allocate_credentials(&c->x509)) {
        free(c);
        refuse(why, "TLS", "out of memory");
        return NULL;
    }
    atomic_init(&c->uses, 1);
    const int err = set_key(c->x509, cert, key);
    if (!err && load_clients(c->x509, ca, why))
        return c;
    if (err)
        refuse(why, "ca/server.pem with ca/server.key", gnutls_strerror(err));
    release(c);
    return NULL;
}

bool http_tls_reload(struct http_tls *tls, struct server *s, char why[HTTP_WHY_BYTES])
{
    struct ferry_strbuf cert = {0}, key = {0};
    struct http_credentials *fresh = NULL;
    if (read_pem(s->dir_fd, "ca/server.pem", &cert, why) &&
        read_pem(s->dir_fd, "ca/server.key", &key, why))
        fresh = make_credentials(&cert, &key, s->ca, why);
    if (fresh && !tls->cert.text) {
        tls->cert = cert;
        tls->key = key;
    } else {
        ferry_strbuf_free(&cert);
        forget(&key);
    }
    if (!fresh)
        return false;
    pthread_mutex_lock(&tls->lock);
    struct http_credentials *const old = tls->current;
    tls->current = fresh;
    pthread_mutex_unlock(&tls->lock);
    release(old);
    return true;
}

static bool make_ticket_key(struct http_tls *tls, int dir_fd, char why[HTTP_WHY_BYTES])
{
    if (gnutls_rnd(GNUTLS_RND_KEY, tls->ticket_key, TICKET_KEY_BYTES))
        return refuse(why, "tickets.key", "there is no randomness");
    return state_file_write(dir_fd, "tickets.key", tls->ticket_key, TICKET_KEY_BYTES) ||
           refuse(why, "tickets.key", strerror(errno));
}

/** The same key on every instance lets a device resume at any of them. */
static bool load_ticket_key(struct http_tls *tls, int dir_fd, char why[HTTP_WHY_BYTES])
{
    struct ferry_strbuf key = {0};
    if (!state_file_read(dir_fd, "tickets.key", &key)) {
        const int reason = errno;
        forget(&key);
        return reason == ENOENT ? make_ticket_key(tls, dir_fd, why)
                                : refuse(why, "tickets.key", strerror(reason));
    }
    const bool is_good = key.n == TICKET_KEY_BYTES;
    if (is_good)
        memcpy(tls->ticket_key, key.text, TICKET_KEY_BYTES);
    forget(&key);
    return is_good ||
           refuse(why, "tickets.key", "is not 64 bytes long; remove it, and a new one is made");
}

struct http_tls *http_tls_open(struct server *s, char why[HTTP_WHY_BYTES])
{
    struct http_tls *const tls = calloc(1, sizeof(*tls));
    if (!tls) {
        refuse(why, "TLS", "out of memory");
        return NULL;
    }
    pthread_mutex_init(&tls->lock, NULL);
    const int err = gnutls_priority_init(&tls->priorities, HTTP_TLS_PRIORITIES, NULL);
    if (err)
        refuse(why, "TLS priorities", gnutls_strerror(err));
    else if (load_ticket_key(tls, s->dir_fd, why) && http_tls_reload(tls, s, why))
        return tls;
    http_tls_close(tls);
    return NULL;
}

void http_tls_close(struct http_tls *tls)
{
    if (!tls)
        return;
    release(tls->current);
    if (tls->priorities)
        gnutls_priority_deinit(tls->priorities);
    ferry_strbuf_free(&tls->cert);
    forget(&tls->key);
    gnutls_memset(tls->ticket_key, 0, sizeof(tls->ticket_key));
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

const char *http_tls_cert_pem(const struct http_tls *tls)
{
    return tls->cert.text;
}

const char *http_tls_key_pem(const struct http_tls *tls)
{
    return tls->key.text;
}

/** The client's last word of the handshake has come: its head is next. */
static int note_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                         const gnutls_datum_t *message)
{
    (void)type, (void)when, (void)message;
    struct http_connection *const c = gnutls_session_get_ptr(session);
    const struct server *const s = c->door->server;
    if (!incoming)
        return 0;
    c->was_resumed = gnutls_session_is_resumed(session) != 0;
    metrics_add(s->metrics, c->was_resumed ? METRIC_RESUMED : METRIC_HANDSHAKES, 1);
    http_watch_phase(c, HTTP_HEAD, http_now_ms() + s->config.header_seconds * INT64_C(1000));
    return 0;
}

bool http_tls_begin(struct http_tls *tls, struct http_connection *c, bool asks)
{
    const gnutls_datum_t ticket_key = {tls->ticket_key, TICKET_KEY_BYTES};
    pthread_mutex_lock(&tls->lock);
    c->credentials = tls->current;
    atomic_fetch_add(&c->credentials->uses, 1);
    pthread_mutex_unlock(&tls->lock);
    if (gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials->x509) ||
        gnutls_priority_set(c->session, tls->priorities) ||
        gnutls_session_ticket_enable_server(c->session, &ticket_key))
        return false;
    gnutls_certificate_server_set_request(c->session,
                                          asks ? GNUTLS_CERT_REQUEST : GNUTLS_CERT_IGNORE);
    gnutls_session_set_ptr(c->session, c);
    gnutls_handshake_set_hook_function(c->session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                       note_finished);
    return true;
}

void http_tls_end(struct http_connection *c)
{
    release(c->credentials);
    c->credentials = NULL;
}

void http_tls_judge(struct http_connection *c)
{
    unsigned n = 0;
    struct server *const s = c->door->server;
    const unsigned reading = client_certs_reading(s->client_certs);
    if (c->judged == reading || !c->session)
        return;
    c->judged = reading;
    const gnutls_datum_t *const chain = gnutls_certificate_get_peers(c->session, &n);
    if (!chain || !n)
        return;
    bool is_new = false;
    c->has_cert = client_cert_judge(s->client_certs, s->ca, chain[0].data, chain[0].size,
                                    c->cert_sha256, &is_new);
    metrics_add(s->metrics, METRIC_VERIFIED, is_new);
}
