/* ports/posix/shared_library.h - a library that is loaded when it is first needed, and its
 * functions by name. For what most runs of a program never touch and each would wait for:
 * curl_library.c, cli/httpd_library.c. */
#ifndef FERRY_SHARED_LIBRARY_H
#define FERRY_SHARED_LIBRARY_H

#include <stddef.h>

#include "ferry/err.h"

/** One function: its name in the library, and where its pointer stands in the caller's table. */
struct ferry_shared_function {
    const char *name;
    size_t off_bytes;
};

/** Loads soname for as long as the process lives (it is never closed: what a library has set up for
 * the process cannot always be taken down) and fills the n function pointers of *table. flags: as
 * dlopen takes them. why: gets the loader's reason.
 * FERRY_ERR_NET_LIBRARY not there, or without one of the functions. */
FERRY_MUST_CHECK ferry_err ferry_shared_library_load(void *table, const char *soname, int flags,
                                                     const struct ferry_shared_function *functions,
                                                     size_t n, char *why, size_t why_bytes);

#endif
