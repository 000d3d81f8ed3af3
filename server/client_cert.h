/* server/client_cert.h - verdicts on clients' certificates, from TLS or passed on by a proxy.
 * A device shows the same certificate for a year; to verify its chain costs as much as a tenth of a
 * handshake. So a few thousand verdicts are kept by the hash of what was shown, until the authority
 * changes. Whether a genuine one still counts is in its row, which is read at each request. */
#ifndef SERVER_CLIENT_CERT_H
#define SERVER_CLIENT_CERT_H

#include <stdbool.h>

#include "ca.h"

struct client_certs;

/** NULL: no memory. */
struct client_certs *client_certs_new(void);
void client_certs_free(struct client_certs *c);

/** Forgets all verdicts: the authority was read again. */
void client_certs_forget(struct client_certs *c);

/** Which reading of the authority it is, from 1 on: a verdict of another one counts no more. */
unsigned client_certs_reading(struct client_certs *c);

/** True if the certificate in DER is one of ours: sha256 is the DER's; *is_new: it had to be
 * verified. */
bool client_cert_judge(struct client_certs *c, struct ca *ca, const void *der, size_t n,
                       char sha256[CA_HEX_BYTES], bool *is_new);

/** The same for the text of nginx's $ssl_client_escaped_cert. */
bool client_cert_judge_escaped(struct client_certs *c, struct ca *ca, const char *escaped,
                               char sha256[CA_HEX_BYTES], bool *is_new);

#endif
