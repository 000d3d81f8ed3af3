/* cli/httpd_library.c - finds libmicrohttpd and its functions by name. */
#include "httpd_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define SONAME "libmicrohttpd.so.12" // its ABI from 0.9.71 to 1.0

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, as POSIX has it");

// gcc 12's analyzer takes the address that dlsym gives for memory that was never set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif

/** Every function, or the name of the first that is missing. */
static const char *find_functions(void *handle, struct httpd_library *lib)
{
    // Through memcpy, because ISO C converts no data pointer to one to a function.
#define FIND(name)                                                                                 \
    do {                                                                                           \
        void *const found = dlsym(handle, "MHD_" #name);                                           \
        if (!found)                                                                                \
            return "MHD_" #name;                                                                   \
        memcpy(&lib->name, &found, sizeof(found));                                                 \
    } while (0);
    HTTPD_FUNCTIONS(FIND)
#undef FIND
    return NULL;
}

ferry_err httpd_library_load(struct httpd_library *lib, char *why, size_t why_bytes)
{
    void *const handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, why_bytes, "%s; Debian has it in the package libmicrohttpd12", dlerror());
        return FERRY_ERR_NET_LIBRARY;
    }
    const char *const missing = find_functions(handle, lib);
    if (!missing)
        return FERRY_OK;
    snprintf(why, why_bytes, "%s has no %s", SONAME, missing);
    return FERRY_ERR_NET_LIBRARY;
}
