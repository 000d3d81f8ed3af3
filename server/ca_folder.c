/* server/ca_folder.c - ca.new beside ca; renameat2 exchanges them. */
#include "ca_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "state_file.h"

void ca_pair_free(struct ca_pair *p)
{
    if (p->crt)
        gnutls_x509_crt_deinit(p->crt);
    if (p->key)
        gnutls_privkey_deinit(p->key);
    *p = (struct ca_pair){0};
}

void ca_folder_free(struct ca_folder *f)
{
    authority_free(&f->next);
    if (f->root_key)
        gnutls_privkey_deinit(f->root_key);
    ca_pair_free(&f->server);
    *f = (struct ca_folder){0};
}

static bool write_text(int fd, const char *name, struct ferry_strbuf *text)
{
    errno = ENOMEM;
    const bool ok = !text->failed && state_file_write(fd, name, text->text, text->n);
    ferry_strbuf_free(text);
    return ok;
}

static bool write_cert(int fd, const char *name, gnutls_x509_crt_t crt)
{
    struct ferry_strbuf pem = {0};
    authority_add_pem(&pem, crt);
    return write_text(fd, name, &pem);
}

/* What the server sends: its own, its issuing CA, and from the current root back to each that it
 * followed, whose devices know no other yet. */
static bool write_chain(int fd, const struct ca_folder *f)
{
    const struct authority *a = &f->next;
    bool is_used[AUTHORITY_MOST] = {false};
    struct ferry_strbuf pem = {0};
    authority_add_pem(&pem, f->server.crt);
    authority_add_pem(&pem, a->at[1].crt);
    const char *name = a->at[0].facts.name, *after = "";
    for (unsigned i = 2; i < a->n; i++) {
        const struct ca_entry *e = &a->at[i].facts;
        // The cross certificate that leads back to where this walk came from is the other one.
        if (e->role != CA_CROSS || is_used[i] || strcmp(e->name, name) != 0 ||
            strcmp(e->issuer, after) == 0)
            continue;
        is_used[i] = true;
        authority_add_pem(&pem, a->at[i].crt);
        after = name;
        name = e->issuer;
        i = 1; // the next link may stand before this one
    }
    return write_text(fd, "server.pem", &pem);
}

/* All CA certificates, former ones too: by these a proxy can tell our devices' certificates. */
static bool write_clients(int fd, const struct authority *a)
{
    struct ferry_strbuf pem = {0};
    for (unsigned i = 0; i < a->n; i++)
        authority_add_pem(&pem, a->at[i].crt);
    return write_text(fd, "clients.pem", &pem);
}

static bool write_former(int fd, const struct authority *a)
{
    struct ferry_strbuf pem = {0};
    for (unsigned i = 2; i < a->n; i++)
        authority_add_pem(&pem, a->at[i].crt);
    return a->n == 2 || write_text(fd, "former.pem", &pem);
}

static bool write_key(int fd, const char *name, gnutls_privkey_t key)
{
    gnutls_x509_privkey_t plain;
    gnutls_datum_t pem = {0};
    errno = ENOMEM;
    if (gnutls_privkey_export_x509(key, &plain) != 0)
        return false;
    bool ok = gnutls_x509_privkey_export2_pkcs8(plain, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                                &pem) == 0;
    gnutls_x509_privkey_deinit(plain);
    if (!ok)
        return false;
    ok = state_file_write(fd, name, pem.data, pem.size);
    gnutls_memset(pem.data, 0, pem.size);
    gnutls_free(pem.data);
    return ok;
}

/* The root's key: a new one, or the one that is there, if it was not taken away. */
static bool write_root_key(const struct ca_folder *f, int dir_fd, int fd)
{
    struct ferry_strbuf pem = {0};
    if (f->root_key)
        return write_key(fd, "root.key", f->root_key);
    const int ca_fd = openat(dir_fd, "ca", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (ca_fd < 0)
        return errno == ENOENT;
    bool ok = state_file_read(ca_fd, "root.key", &pem)
                  ? state_file_write(fd, "root.key", pem.text, pem.n)
                  : errno == ENOENT;
    const int before = errno;
    if (pem.text)
        explicit_bzero(pem.text, pem.n);
    ferry_strbuf_free(&pem);
    close(ca_fd);
    errno = before;
    return ok;
}

static bool write_files(const struct ca_folder *f, int dir_fd, int fd)
{
    return write_cert(fd, "root.pem", f->next.at[0].crt) && write_root_key(f, dir_fd, fd) &&
           write_cert(fd, "issuing.pem", f->next.at[1].crt) &&
           write_key(fd, "issuing.key", f->next.key) && write_former(fd, &f->next) &&
           write_clients(fd, &f->next) && write_chain(fd, f) &&
           write_key(fd, "server.key", f->server.key);
}

static bool put_in_place(int dir_fd)
{
    if (renameat2(dir_fd, "ca.new", dir_fd, "ca", RENAME_NOREPLACE) == 0)
        return fsync(dir_fd) == 0;
    return errno == EEXIST && renameat2(dir_fd, "ca.new", dir_fd, "ca", RENAME_EXCHANGE) == 0 &&
           fsync(dir_fd) == 0;
}

bool ca_folder_install(const struct ca_folder *f, int dir_fd, char why[CA_WHY_BYTES])
{
    const char *doing = "ca.new cannot be made";
    int fd = -1;
    // A former change that was cut: before the exchange it is unfinished, after it the former CA.
    bool ok = state_folder_remove(dir_fd, "ca.new") && mkdirat(dir_fd, "ca.new", 0700) == 0;
    if (ok) {
        doing = "ca.new cannot be written";
        fd = openat(dir_fd, "ca.new", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        ok = fd >= 0 && state_file_give(fd, dir_fd) && write_files(f, dir_fd, fd) && fsync(fd) == 0;
    }
    if (ok) {
        doing = "ca.new and ca cannot be exchanged";
        ok = put_in_place(dir_fd);
    }
    if (!ok)
        snprintf(why, CA_WHY_BYTES, "%s: %s", doing, strerror(errno));
    if (fd >= 0)
        close(fd);
    // What it leaves holds keys; it also goes at the next change, so a failure here costs nothing.
    state_folder_remove(dir_fd, "ca.new");
    return ok;
}
