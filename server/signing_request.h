/* server/signing_request.h - a certificate request from a stranger: what is taken from it is its
 * key. The bytes are bounded before they are parsed, the key must be of a curve that we name, and
 * the request's own signature proves that its sender has the private half. Subject, names and
 * wished extensions are never looked at. Rests on GnuTLS. */
#ifndef SERVER_SIGNING_REQUEST_H
#define SERVER_SIGNING_REQUEST_H

#include <gnutls/abstract.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CSR_MOST_BYTES 4096u // of the body, before base64 is undone
#define CSR_WHY_BYTES  160u
#define CSR_HEX_BYTES  65u

/** How a request is written. */
enum csr_form {
    CSR_PEM,   // one block, white space around it
    CSR_BASE64 // its DER in base64 without a head, lines broken or not: what EST sends
};

/** A request whose rules were kept. */
struct csr {
    gnutls_pubkey_t key;
    char key_sha256[CSR_HEX_BYTES]; // of SubjectPublicKeyInfo, lower-case hex
};

/** Reads a request and checks the proof that its sender owns the key. False: why names the rule
 * that it breaks, as a sentence without full stop; nothing is to be freed. */
bool csr_read(const void *bytes, size_t n, enum csr_form form, struct csr *out,
              char why[CSR_WHY_BYTES]);

void csr_free(struct csr *csr);

#endif
