/* cli/httpd_library.c - finds libmicrohttpd and its functions by name. */
#include "httpd_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SONAME "libmicrohttpd.so.12" // its ABI from 0.9.71 to 1.0

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, as POSIX has it");

// gcc 12's analyzer takes the address that dlsym gives for memory that was never set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif

static const struct {
    const char *name;
    size_t off; // of its pointer
} functions[] = {
#define ROW(name) {"MHD_" #name, offsetof(struct httpd_library, name)},
    HTTPD_FUNCTIONS(ROW)
#undef ROW
};

/** Every function, or the name of the first that is missing. */
static const char *find_functions(void *handle, struct httpd_library *lib)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        void *const found = dlsym(handle, functions[i].name);
        if (!found)
            return functions[i].name;
        // By its bytes, because ISO C converts no data pointer to one to a function.
        memcpy((char *)lib + functions[i].off, &found, sizeof(found));
    }
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
