/* ports/posix/shared_library.c - dlopen and dlsym, with the reason in words. */
#include "shared_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, as POSIX has it");

// gcc 12's analyzer takes the address that dlsym gives for memory that was never set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif

ferry_err ferry_shared_library_load(void *table, const char *soname, int flags,
                                    const struct ferry_shared_function *functions, size_t n,
                                    char *why, size_t why_bytes)
{
    void *const handle = dlopen(soname, flags);
    if (!handle) {
        snprintf(why, why_bytes, "%s", dlerror());
        return FERRY_ERR_NET_LIBRARY;
    }
    for (size_t i = 0; i < n; i++) {
        void *const found = dlsym(handle, functions[i].name);
        if (!found) {
            snprintf(why, why_bytes, "%s has no %s", soname, functions[i].name);
            return FERRY_ERR_NET_LIBRARY;
        }
        // By its bytes, because ISO C converts no data pointer to one to a function.
        memcpy((char *)table + functions[i].off_bytes, &found, sizeof(found));
    }
    return FERRY_OK;
}
