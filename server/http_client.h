/* server/http_client.h - who a request comes from: the certificate of the connection or, at the
 * proxy's door, the one that the proxy passes on; and whether that may do what the route asks. */
#ifndef SERVER_HTTP_CLIENT_H
#define SERVER_HTTP_CLIENT_H

#include "http_private.h"

/** Fills request.client.address. At the proxy's door it is what the proxy says. */
void http_client_address(struct http_exchange *x);

/** Fills the rest of request.client and checks it against the route's need; reads the row of the
 * certificate, so that a revocation counts at once. 0, or the status of a refusal and *why. */
unsigned http_client_check(struct http_exchange *x, const char **why);

#endif
