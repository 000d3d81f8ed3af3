/* server/ca_make.c - what a folder is to hold, from what it holds. Every change makes the server a
 * new certificate, because the chain that it sends changes too. */
#include "ca_make.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "ca_folder.h"
#include "certify.h"
#include "hex.h"
#include "read_file.h"
#include "state_file.h"

#define HOSTS_MOST 32

/* Makes a pair signed by issuer; NULL: by itself. */
static bool make_pair(struct ca_pair *out, enum certify_kind kind, const char *subject,
                      const char *const *hosts, const struct ca_pair *issuer, int64_t now,
                      char why[CA_WHY_BYTES])
{
    const int64_t valid_s = kind == CERTIFY_ROOT      ? CERTIFY_ROOT_S
                            : kind == CERTIFY_ISSUING ? CERTIFY_CA_S
                                                      : CERTIFY_SERVER_S;
    gnutls_pubkey_t half;
    if (!certify_new_key(&out->key, &half, why))
        return false;
    const struct certify c = {.kind = kind,
                              .subject = subject,
                              .hosts = hosts,
                              .key = half,
                              .issuer = issuer ? issuer->crt : NULL,
                              .signer = issuer ? issuer->key : out->key,
                              .now = now,
                              .valid_s = valid_s};
    const bool ok = certify(&c, &out->crt, why);
    gnutls_pubkey_deinit(half);
    if (!ok) {
        out->crt = NULL;
        ca_pair_free(out);
    }
    return ok;
}

/* "ferry root 1a2b3c4d": two CAs of one name would be one to whoever looks for an issuer. */
static bool new_name(const char *what, char out[CA_NAME_BYTES], char why[CA_WHY_BYTES])
{
    uint8_t random[4];
    char digits[2 * sizeof(random) + 1];
    if (gnutls_rnd(GNUTLS_RND_NONCE, random, sizeof(random)) != 0) {
        snprintf(why, CA_WHY_BYTES, "there are no random bytes");
        return false;
    }
    hex_write(random, sizeof(random), digits);
    snprintf(out, CA_NAME_BYTES, "ferry %s %s", what, digits);
    return true;
}

static bool make_named(struct ca_pair *out, enum certify_kind kind, const char *what,
                       const struct ca_pair *issuer, int64_t now, char why[CA_WHY_BYTES])
{
    char name[CA_NAME_BYTES];
    return new_name(what, name, why) && make_pair(out, kind, name, NULL, issuer, now, why);
}

/* Adds a root's key signed by another root. */
static bool add_cross(struct authority *to, const struct ca_pair *subject, const char *name,
                      const struct ca_pair *issuer, int64_t now, char why[CA_WHY_BYTES])
{
    gnutls_pubkey_t half;
    gnutls_x509_crt_t crt;
    snprintf(why, CA_WHY_BYTES, "memory ran out");
    if (gnutls_pubkey_init(&half) != 0)
        return false;
    const struct certify c = {.kind = CERTIFY_ROOT,
                              .subject = name,
                              .key = half,
                              .issuer = issuer->crt,
                              .signer = issuer->key,
                              .now = now,
                              .valid_s = CERTIFY_ROOT_S};
    const bool ok = gnutls_pubkey_import_x509(half, subject->crt, 0) == 0 && certify(&c, &crt, why);
    gnutls_pubkey_deinit(half);
    return ok && authority_add(to, crt, why);
}

/* Adds an issuing CA with its key, signed by root. */
static bool add_issuing(struct authority *to, const struct ca_pair *root, int64_t now,
                        char why[CA_WHY_BYTES])
{
    struct ca_pair issuing = {0};
    if (!make_named(&issuing, CERTIFY_ISSUING, "issuing CA", root, now, why))
        return false;
    to->key = issuing.key;
    return authority_add(to, issuing.crt, why);
}

/* Makes the server's certificate and puts the folder in place. */
static bool finish(struct ca_folder *f, int dir_fd, const char *const *hosts, int64_t now,
                   char why[CA_WHY_BYTES])
{
    const struct ca_pair issuing = {f->next.at[1].crt, f->next.key};
    return make_pair(&f->server, CERTIFY_SERVER, "ferryd", hosts, &issuing, now, why) &&
           ca_folder_install(f, dir_fd, why);
}

bool ca_make(int dir_fd, const char *const *hosts, int64_t now, char why[CA_WHY_BYTES])
{
    struct ca_folder f = {0};
    struct ca_pair root = {0};
    bool ok = make_named(&root, CERTIFY_ROOT, "root", NULL, now, why);
    f.root_key = root.key;
    ok = ok && authority_add(&f.next, root.crt, why) && add_issuing(&f.next, &root, now, why) &&
         finish(&f, dir_fd, hosts, now, why);
    ca_folder_free(&f);
    return ok;
}

/* The server's names as they are. */
struct names {
    const char *at[HOSTS_MOST + 1];
    char text[HOSTS_MOST][256];
};

static void read_name(gnutls_x509_crt_t crt, unsigned i, struct names *out, unsigned *n)
{
    unsigned char bytes[256];
    size_t n_bytes = sizeof(bytes) - 1;
    char *const text = out->text[*n];
    const int kind = gnutls_x509_crt_get_subject_alt_name(crt, i, bytes, &n_bytes, NULL);
    if (kind == GNUTLS_SAN_DNSNAME) {
        memcpy(text, bytes, n_bytes);
        text[n_bytes] = '\0';
    } else if (kind != GNUTLS_SAN_IPADDRESS ||
               !inet_ntop(n_bytes == 4 ? AF_INET : AF_INET6, bytes, text, sizeof(out->text[0]))) {
        return;
    }
    out->at[(*n)++] = text;
}

/* The server's own certificate, the caller's; NULL: why. */
static gnutls_x509_crt_t read_server(int dir_fd, char why[CA_WHY_BYTES])
{
    struct ferry_strbuf pem = {0};
    gnutls_x509_crt_t crt = NULL;
    snprintf(why, CA_WHY_BYTES, "ca/server.pem: no certificate can be read from it");
    if (state_file_read(dir_fd, "ca/server.pem", &pem) && pem.n &&
        gnutls_x509_crt_init(&crt) == 0) {
        const gnutls_datum_t in = {(unsigned char *)pem.text, (unsigned)pem.n};
        if (gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_PEM) != 0) {
            gnutls_x509_crt_deinit(crt);
            crt = NULL;
        }
    }
    ferry_strbuf_free(&pem);
    return crt;
}

static bool read_names(int dir_fd, struct names *out, char why[CA_WHY_BYTES])
{
    unsigned n = 0;
    *out = (struct names){0};
    gnutls_x509_crt_t crt = read_server(dir_fd, why);
    if (!crt)
        return false;
    for (unsigned i = 0; i < HOSTS_MOST; i++)
        read_name(crt, i, out, &n);
    gnutls_x509_crt_deinit(crt);
    return n > 0;
}

/* Reads a root's key from wherever the operator keeps it. */
static gnutls_privkey_t read_root_key(const char *path, gnutls_x509_crt_t root,
                                      char why[CA_WHY_BYTES])
{
    uint8_t *pem;
    size_t n;
    int os_errno;
    const ferry_err err = ferry_read_file(path, STATE_FILE_MOST, &pem, &n, &os_errno);
    if (err) {
        snprintf(why, CA_WHY_BYTES, "the root's key %.150s cannot be read: %s", path,
                 os_errno ? strerror(os_errno) : "it is too large for a key");
        return NULL;
    }
    gnutls_privkey_t key = authority_read_key(pem, n, path, why);
    explicit_bzero(pem, n);
    free(pem);
    if (key && !authority_is_pair(root, key)) {
        snprintf(why, CA_WHY_BYTES, "%.200s is not the key of ca/root.pem", path);
        gnutls_privkey_deinit(key);
        key = NULL;
    }
    return key;
}

/* A change of a folder that is there. */
struct change {
    struct authority now; // what is left of it
    struct ca_folder next;
    struct names names;
    int lock_fd; // of the folder: two changes at once would lose one
};

static bool change_begin(struct change *c, int dir_fd, char why[CA_WHY_BYTES])
{
    *c = (struct change){.lock_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (c->lock_fd < 0 || flock(c->lock_fd, LOCK_EX) != 0) {
        snprintf(why, CA_WHY_BYTES, "the state folder cannot be locked: %s", strerror(errno));
        return false;
    }
    return authority_read(&c->now, dir_fd, why) && read_names(dir_fd, &c->names, why);
}

/* Moves what is left of the former certificates, and puts it in place. */
static bool change_finish(struct change *c, int dir_fd, const char *const *hosts, int64_t now,
                          char why[CA_WHY_BYTES])
{
    bool ok = true;
    for (unsigned i = 0; ok && i < c->now.n; i++)
        ok = !c->now.at[i].crt || authority_move(&c->next.next, &c->now, i, why);
    return ok && finish(&c->next, dir_fd, hosts ? hosts : c->names.at, now, why);
}

static bool change_end(struct change *c, bool ok)
{
    authority_free(&c->now);
    ca_folder_free(&c->next);
    if (c->lock_fd >= 0)
        close(c->lock_fd);
    return ok;
}

bool ca_make_issuing(int dir_fd, const char *root_key, int64_t now, char why[CA_WHY_BYTES])
{
    struct change c;
    struct ca_pair root = {0};
    bool ok = change_begin(&c, dir_fd, why);
    if (ok) {
        root.crt = c.now.at[0].crt;
        root.key = read_root_key(root_key, root.crt, why);
        ok = root.key && authority_move(&c.next.next, &c.now, 0, why) &&
             add_issuing(&c.next.next, &root, now, why) &&
             change_finish(&c, dir_fd, NULL, now, why);
    }
    if (root.key)
        gnutls_privkey_deinit(root.key);
    return change_end(&c, ok);
}

/* The new root and what ties it to the former one, which stays c->now.at[0]. */
static bool add_root(struct change *c, struct ca_pair *former, int64_t now, char why[CA_WHY_BYTES])
{
    struct authority *const next = &c->next.next;
    struct ca_pair root = {0};
    if (!make_named(&root, CERTIFY_ROOT, "root", NULL, now, why))
        return false;
    c->next.root_key = root.key;
    return authority_add(next, root.crt, why) && add_issuing(next, &root, now, why) &&
           add_cross(next, &root, next->at[0].facts.name, former, now, why) &&
           add_cross(next, former, c->now.at[0].facts.name, &root, now, why);
}

bool ca_make_root(int dir_fd, const char *root_key, int64_t now, char why[CA_WHY_BYTES])
{
    struct change c;
    struct ca_pair former = {0};
    bool ok = change_begin(&c, dir_fd, why);
    if (ok) {
        former.crt = c.now.at[0].crt;
        former.key = read_root_key(root_key, former.crt, why);
        ok = former.key && add_root(&c, &former, now, why) &&
             change_finish(&c, dir_fd, NULL, now, why);
    }
    if (former.key)
        gnutls_privkey_deinit(former.key);
    return change_end(&c, ok);
}

/* Moves the current root and issuing CA with its key. */
static bool keep_current(struct change *c, char why[CA_WHY_BYTES])
{
    c->next.next.key = c->now.key;
    c->now.key = NULL;
    return authority_move(&c->next.next, &c->now, 0, why) &&
           authority_move(&c->next.next, &c->now, 1, why);
}

bool ca_make_server(int dir_fd, const char *const *hosts, int64_t now, char why[CA_WHY_BYTES])
{
    struct change c;
    const bool ok = change_begin(&c, dir_fd, why) && keep_current(&c, why) &&
                    change_finish(&c, dir_fd, hosts, now, why);
    return change_end(&c, ok);
}

bool ca_server_until(int dir_fd, int64_t *not_after, char why[CA_WHY_BYTES])
{
    gnutls_x509_crt_t crt = read_server(dir_fd, why);
    if (!crt)
        return false;
    *not_after = gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return true;
}

bool ca_keep_server(int dir_fd, int64_t now, bool *is_new, char why[CA_WHY_BYTES])
{
    int64_t until;
    *is_new = false;
    if (!ca_server_until(dir_fd, &until, why))
        return false;
    if (now < until - CERTIFY_SERVER_S / 3)
        return true;
    *is_new = ca_make_server(dir_fd, NULL, now, why);
    return *is_new;
}

static void drop(struct authority *a, unsigned i)
{
    gnutls_x509_crt_deinit(a->at[i].crt);
    a->at[i].crt = NULL;
}

/* Drops a former certificate; with a root the cross certificates that lead to it or from it. */
static bool forget(struct authority *a, const char *sha256, char why[CA_WHY_BYTES])
{
    unsigned gone = 2;
    while (gone < a->n && strcmp(a->at[gone].facts.sha256, sha256) != 0)
        gone++;
    if (gone >= a->n) {
        snprintf(why, CA_WHY_BYTES, "no former certificate has the SHA-256 %.64s", sha256);
        return false;
    }
    const struct ca_entry root = a->at[gone].facts;
    drop(a, gone);
    for (unsigned i = 2; i < a->n; i++)
        if (root.role == CA_ROOT && a->at[i].facts.role == CA_CROSS &&
            (strcmp(a->at[i].facts.issuer, root.name) == 0 ||
             strcmp(a->at[i].facts.name, root.name) == 0))
            drop(a, i);
    return true;
}

bool ca_forget(int dir_fd, const char *sha256, int64_t now, char why[CA_WHY_BYTES])
{
    struct change c;
    const bool ok = change_begin(&c, dir_fd, why) && forget(&c.now, sha256, why) &&
                    keep_current(&c, why) && change_finish(&c, dir_fd, NULL, now, why);
    return change_end(&c, ok);
}
