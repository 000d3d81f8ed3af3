/* cli/serve_http.h - the http half of `ferry serve`: files with ranges, lists, manifests.
 * The protocol is libmicrohttpd's; which request gets what is decided here. */
#ifndef CLI_SERVE_HTTP_H
#define CLI_SERVE_HTTP_H

#include "httpd_library.h"
#include "serve.h"

/** A running server; {0} is none. */
struct serve_http {
    struct serve *serve;
    struct httpd_library lib;
    struct MHD_Daemon *daemon;
};

/** Serves on a listening socket, which is the server's from now on, in threads of its own.
 * False: memory or threads ran out. h->lib is loaded, and h->serve set, before. */
bool serve_http_start(struct serve_http *h, int listen_fd);

/** Ends it; answers that are on their way are cut. */
void serve_http_stop(struct serve_http *h);

#endif
