/* server/ca_folder.h - DIR/ca as it is to be: gathered in memory, then put in place at once.
 * Used by ca_make.c alone, to make the folder and to change it. */
#ifndef SERVER_CA_FOLDER_H
#define SERVER_CA_FOLDER_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdbool.h>

#include "authority.h"

/** A certificate and its key. */
struct ca_pair {
    gnutls_x509_crt_t crt;
    gnutls_privkey_t key;
};
void ca_pair_free(struct ca_pair *p);

/** What the folder will hold. */
struct ca_folder {
    struct authority next;     // root, issuing CA with its key, former ones
    gnutls_privkey_t root_key; // NULL: root.key is as it was, there or not
    struct ca_pair server;
};
void ca_folder_free(struct ca_folder *f);

/** Puts it in place: made, or exchanged for the one that is there. False: why, and DIR/ca is as it
 * was. */
bool ca_folder_install(const struct ca_folder *f, int dir_fd, char why[CA_WHY_BYTES]);

#endif
