/* ports/posix/source_named.c - the source that a name on a command line means. */
#include "source_named.h"

#include <string.h>

void ferry_source_named_init(struct ferry_source_named *n, const char *name,
                             const struct ferry_http_options *options,
                             const struct ferry_cancel *cancel)
{
    // A file whose name looks like an address can be given as ./name.
    const char *const scheme_end = strstr(name, "://");
    const bool has_scheme = scheme_end && !memchr(name, '/', (size_t)(scheme_end - name));
    if (ferry_tcp_is_address(name)) {
        const struct ferry_tcp_options how = {
            .allow_plain = options && options->allow_plain_http,
            .connect_timeout_ms = options ? options->connect_timeout_ms : 0,
            .stall_timeout_ms = options ? options->stall_timeout_ms : 0,
        };
        ferry_tcp_socket_init(&n->socket);
        ferry_source_tcp_init(&n->tcp, &n->socket.tcp, name, &how, cancel);
        n->source = &n->tcp.source;
    } else if (has_scheme || ferry_url_is_http(name)) {
        ferry_http_curl_init(&n->curl);
        ferry_source_http_init(&n->http, &n->curl.http, name, options, cancel);
        n->source = &n->http.source;
    } else {
        ferry_source_file_init(&n->file, name, cancel);
        n->source = &n->file.source;
    }
}
