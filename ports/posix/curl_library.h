/* ports/posix/curl_library.h - libcurl, loaded when the first address is opened.
 * It and the forty libraries behind it take three times as long to start as everything else that
 * `ferry` does with a file, and most commands never touch the network. Used by http_curl.c,
 * and by the HTTP client under Espressif's names in compat/esp-idf. */
#ifndef FERRY_CURL_LIBRARY_H
#define FERRY_CURL_LIBRARY_H

#include <curl/curl.h>
#include <stddef.h>

#include "ferry/err.h"

#define FERRY_CURL_FUNCTIONS(X)                                                                    \
    X(version_info)                                                                                \
    X(easy_cleanup)                                                                                \
    X(easy_getinfo)                                                                                \
    X(easy_init)                                                                                   \
    X(easy_pause)                                                                                  \
    X(easy_setopt)                                                                                 \
    X(easy_strerror)                                                                               \
    X(multi_add_handle)                                                                            \
    X(multi_cleanup)                                                                               \
    X(multi_info_read)                                                                             \
    X(multi_init)                                                                                  \
    X(multi_perform)                                                                               \
    X(multi_poll)                                                                                  \
    X(multi_remove_handle)                                                                         \
    X(slist_append)                                                                                \
    X(slist_free_all)

/** libcurl's functions without their prefix, each of the type that its header declares. */
struct ferry_curl_library {
#define FERRY_CURL_MEMBER_(name) __typeof__(curl_##name) *(name);
    FERRY_CURL_FUNCTIONS(FERRY_CURL_MEMBER_)
#undef FERRY_CURL_MEMBER_
};

/** Loads libcurl, for as long as the process lives; a further call only fills *lib again.
 * why: gets the loader's reason, or what is wrong with the library.
 * FERRY_ERR_NET_LIBRARY not there, older than 7.88, or without one of the functions. */
FERRY_MUST_CHECK ferry_err ferry_curl_library_load(struct ferry_curl_library *lib, char *why,
                                                   size_t why_bytes);

#endif
