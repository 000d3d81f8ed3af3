/* ports/posix/source_named.h - the source that a name on a command line means.
 * "-" is standard input, http://... and https://... a web server, tcp://... a server of the sample
 * protocol of esp-hal-ota, anything else a path. */
#ifndef FERRY_SOURCE_NAMED_H
#define FERRY_SOURCE_NAMED_H

#include "agent/source_http.h"
#include "agent/source_tcp.h"
#include "http_curl.h"
#include "source_file.h"
#include "tcp_socket.h"

/** A source of any kind; about 20 KB. `source` points into the struct: do not copy it. */
struct ferry_source_named {
    struct ferry_source *source;
    struct ferry_source_file file;
    struct ferry_source_http http;
    struct ferry_http_curl curl;
    struct ferry_source_tcp tcp;
    struct ferry_tcp_socket socket;
};

/** Makes the source that name means; name, options and cancel are kept. Opens nothing, so there is
 * nothing to free but what ferry_source_close closes. Other schemes ("ftp://...") are refused when
 * the source is opened, with FERRY_ERR_NET_URL. */
void ferry_source_named_init(struct ferry_source_named *n, const char *name,
                             const struct ferry_http_options *options,
                             const struct ferry_cancel *cancel);

#endif
