/* server/ca_make.h - the folder DIR/ca: made anew by `init`, exchanged whole by `ferryd ca`.
 * A change is prepared in ca.new and put in place by one exchange of two names, so that a cut
 * leaves the old authority or the new one, never a key beside another's certificate. A running
 * server reads it at its next reload. How an overlap works: docs/design/server.md "The authority".
 */
#ifndef SERVER_CA_MAKE_H
#define SERVER_CA_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "ca.h"

/** Makes DIR/ca in a state folder that has none: root, issuing CA, server certificate. hosts: the
 * server's names and addresses, ended by NULL. False: why, and no DIR/ca. */
bool ca_make(int dir_fd, const char *const *hosts, int64_t now, char why[CA_WHY_BYTES]);

/** A new issuing CA below the present root, whose key is in the file root_key; the former one stays
 * trusted until it runs out. The server gets a new certificate too. */
bool ca_make_issuing(int dir_fd, const char *root_key, int64_t now, char why[CA_WHY_BYTES]);

/** A new root, its key in DIR/ca/root.key, and an issuing CA below it. The former root, whose key
 * is in root_key, signs the new one and is signed by it: who pinned either comes to the other. */
bool ca_make_root(int dir_fd, const char *root_key, int64_t now, char why[CA_WHY_BYTES]);

/** A new certificate for the server. hosts NULL: the names that it has. */
bool ca_make_server(int dir_fd, const char *const *hosts, int64_t now, char why[CA_WHY_BYTES]);

/** Makes the server a new certificate for the names that it has, if less than a third of the
 * present one's time is left. *is_new: it did. False: why, and the present one stays. */
bool ca_keep_server(int dir_fd, int64_t now, bool *is_new, char why[CA_WHY_BYTES]);

/** Until when the server's certificate is good. False: why. */
bool ca_server_until(int dir_fd, int64_t *not_after, char why[CA_WHY_BYTES]);

/** Ends an overlap: leaves out the former certificate with this SHA-256; with a root the cross
 * certificates from and to it. */
bool ca_forget(int dir_fd, const char *sha256, int64_t now, char why[CA_WHY_BYTES]);

#endif
