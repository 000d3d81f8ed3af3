/* server/http_tls.h - TLS of the doors: GnuTLS below libmicrohttpd, set up by us.
 * The library would hold one certificate for ever, resume nothing and verify nothing. Here each
 * session gets our credentials (which a reload replaces), our priorities, and tickets under a key
 * that all instances share; the client's certificate is judged once in a connection. */
#ifndef SERVER_HTTP_TLS_H
#define SERVER_HTTP_TLS_H

#include "http_private.h"

/** Forward secrecy and AEAD only; ESP32's mbedTLS 2 and 3 speak the P-256 suites of 1.2. "NONE"
 * would refuse clients that do not say how they renegotiate, strongSwan's among them; nobody does
 * so here. */
#define HTTP_TLS_PRIORITIES                                                                        \
    "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"           \
    "+ECDHE-ECDSA:+ECDHE-RSA:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"                     \
    "+SIGN-ECDSA-SHA256:+SIGN-ECDSA-SHA384:+SIGN-ECDSA-SHA512:+SIGN-ECDSA-SECP256R1-SHA256:"       \
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256:"                     \
    "+SIGN-RSA-PSS-RSAE-SHA384:+SIGN-RSA-SHA384:+CTYPE-X509:+COMP-NULL:%SERVER_PRECEDENCE:"        \
    "%PARTIAL_RENEGOTIATION"

/** Reads DIR/ca/server.pem and server.key, and DIR/tickets.key, which is made if it is not there.
 * NULL: why. */
struct http_tls *http_tls_open(struct server *s, char why[HTTP_WHY_BYTES]);
void http_tls_close(struct http_tls *tls);

/** Reads the certificate again, for connections to come. */
bool http_tls_reload(struct http_tls *tls, struct server *s, char why[HTTP_WHY_BYTES]);

/** What libmicrohttpd wants to have, though no session keeps it. Borrowed. */
const char *http_tls_cert_pem(const struct http_tls *tls);
const char *http_tls_key_pem(const struct http_tls *tls);

/** Sets up a session that is about to begin; c->session is set. asks: for a client certificate. */
bool http_tls_begin(struct http_tls *tls, struct http_connection *c, bool asks);
void http_tls_end(struct http_connection *c);

/** Looks at the client's certificate, the first time it is called in a connection. */
void http_tls_judge(struct http_connection *c);

#endif
