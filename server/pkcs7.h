/* server/pkcs7.h - certs-only PKCS#7 (RFC 5652 SignedData without signers): what EST answers.
 * Written by hand, the only DER here that is: GnuTLS labels its inner content as a digest, and it
 * is forty bytes around certificates that are DER already. */
#ifndef SERVER_PKCS7_H
#define SERVER_PKCS7_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

/** One certificate, DER; borrowed. */
struct pkcs7_cert {
    const uint8_t *der;
    size_t n;
};

/** Adds the DER of a certs-only PKCS#7 with n certificates to out, whose text then holds bytes.
 * certs is put into the order that DER has for a SET. */
void pkcs7_add(struct ferry_strbuf *out, struct pkcs7_cert *certs, size_t n);

/** Adds bytes to out as base64 in one line: some clients stumble over line breaks. */
void pkcs7_add_base64(struct ferry_strbuf *out, const void *bytes, size_t n);

#endif
