/* server/http_field.h - fields of a head as they came, also those that handlers may not see. */
#ifndef SERVER_HTTP_FIELD_H
#define SERVER_HTTP_FIELD_H

#include "http_private.h"

/** A header's value, or NULL. */
const char *http_field(const struct http_exchange *x, const char *name);

#endif
