/* server/authority.h - the files of DIR/ca, read into memory.
 * root.pem and issuing.{pem,key} are the current ones, former.pem (if it is there) holds what an
 * overlap still needs: former roots and issuing CAs and the cross certificates between roots. The
 * root's key is not among them: it is not here. Read by ca.c to serve, by ca_rollover.c to change.
 */
#ifndef SERVER_AUTHORITY_H
#define SERVER_AUTHORITY_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>

#include "ca.h"

#define AUTHORITY_MOST 64u // certificates; a new root adds three

struct authority_entry {
    struct ca_entry facts;
    gnutls_x509_crt_t crt;
};

/** at[0] is the current root, at[1] the current issuing CA. */
struct authority {
    struct authority_entry at[AUTHORITY_MOST];
    unsigned n;
    gnutls_privkey_t key; // of at[1]
};

/** Reads the folder DIR/ca below dir_fd. False: why; nothing is to be freed. */
bool authority_read(struct authority *a, int dir_fd, char why[CA_WHY_BYTES]);
void authority_free(struct authority *a);

/** Adds a certificate; crt is taken over, also on failure. */
bool authority_add(struct authority *a, gnutls_x509_crt_t crt, char why[CA_WHY_BYTES]);

/** Moves the i-th certificate of `from` to the end of `to`; false if there is no room. */
bool authority_move(struct authority *to, struct authority *from, unsigned i,
                    char why[CA_WHY_BYTES]);

/** Adds a certificate's PEM to out. */
void authority_add_pem(struct ferry_strbuf *out, gnutls_x509_crt_t crt);

/** A private key from PEM that no password locks. NULL: why names `what`. */
gnutls_privkey_t authority_read_key(const void *pem, size_t n, const char *what,
                                    char why[CA_WHY_BYTES]);

/** Whether key is the private half of crt's. */
bool authority_is_pair(gnutls_x509_crt_t crt, gnutls_privkey_t key);

#endif
