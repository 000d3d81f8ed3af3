/* cli/httpd_library.h - libmicrohttpd, loaded when `ferry serve` starts.
 * No other command needs it, and it brings a TLS library along whose loading each of them would
 * wait for. */
#ifndef CLI_HTTPD_LIBRARY_H
#define CLI_HTTPD_LIBRARY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "ferry/err.h"

#define HTTPD_FUNCTIONS(X)                                                                         \
    X(add_response_header)                                                                         \
    X(create_response_from_buffer)                                                                 \
    X(create_response_from_callback)                                                               \
    X(destroy_response)                                                                            \
    X(get_connection_info)                                                                         \
    X(get_connection_values_n)                                                                     \
    X(lookup_connection_value)                                                                     \
    X(queue_response)                                                                              \
    X(start_daemon)                                                                                \
    X(stop_daemon)

/** Its functions without their prefix, each of the type that its header declares. */
struct httpd_library {
#define HTTPD_MEMBER_(name) __typeof__(MHD_##name) *name; // NOLINT(bugprone-macro-parentheses)
    HTTPD_FUNCTIONS(HTTPD_MEMBER_)
#undef HTTPD_MEMBER_
};

/** Loads it, for as long as the process lives. why: gets the loader's reason.
 * FERRY_ERR_NET_LIBRARY not there, or without one of the functions. */
FERRY_MUST_CHECK ferry_err httpd_library_load(struct httpd_library *lib, char *why,
                                              size_t why_bytes);

#endif
