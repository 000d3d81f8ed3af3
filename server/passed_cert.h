/* server/passed_cert.h - certificates that a proxy passes on, as nginx's $ssl_client_escaped_cert.
 * A proxy's connections carry everybody's requests, so a verdict cannot stay with the connection: a
 * few thousand are kept by the hash of the text, until the authority changes. */
#ifndef SERVER_PASSED_CERT_H
#define SERVER_PASSED_CERT_H

#include <stdbool.h>

#include "ca.h"

struct passed_certs;

/** NULL: no memory. */
struct passed_certs *passed_certs_new(void);
void passed_certs_free(struct passed_certs *p);

/** Forgets all verdicts: the authority was read again. */
void passed_certs_forget(struct passed_certs *p);

/** True if the text is a certificate of ours; *judged: it had to be verified. */
bool passed_cert_judge(struct passed_certs *p, struct ca *ca, const char *escaped,
                       struct ca_client *out, bool *judged);

#endif
