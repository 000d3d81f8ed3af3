/* server/http_exchange.h - one request, from its first line to the last byte of its answer.
 * libmicrohttpd calls these; what they lead to: gate, route, limits, who the client is, body,
 * handler, reply. */
#ifndef SERVER_HTTP_EXCHANGE_H
#define SERVER_HTTP_EXCHANGE_H

#include "http_private.h"

/** The first line has come: makes the struct that the others get. */
void *http_exchange_begin(void *door, const char *target, struct MHD_Connection *mhd);

enum MHD_Result http_exchange_handle(void *door, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *upload,
                                     size_t *n_upload, void **exchange);

void http_exchange_end(void *door, struct MHD_Connection *mhd, void **exchange,
                       enum MHD_RequestTerminationCode code);

#endif
