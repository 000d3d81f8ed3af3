/* agent/certificate.h - the one thing that the agent asks of a certificate itself: is it a root?
 * Everything else about certificates is the TLS library's. Hostile input is no root. */
#ifndef FERRY_CERTIFICATE_H
#define FERRY_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** True if issuer and subject are the same name (RFC 5280 4.1), so that the certificate can only be
 * trusted as it is and not by another one. der: n bytes. */
bool ferry_certificate_is_root(const uint8_t *der, size_t n);

#endif
