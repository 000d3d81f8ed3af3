/* ports/posix/curl_library.c - finds libcurl and its functions by name. */
#include "curl_library.h"

#include <dlfcn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define SONAME        "libcurl.so.4" // its ABI since 2006
#define VERSION_LEAST 0x075800u      // 7.88, as CMake asks of the headers

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, as POSIX has it");

static const struct {
    const char *name;
    size_t off; // of its pointer in struct ferry_curl_library
} functions[] = {
#define FUNCTION(name) {"curl_" #name, offsetof(struct ferry_curl_library, name)},
    FERRY_CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

// gcc 12's analyzer takes the address that dlsym gives for memory that was never set.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-use-of-uninitialized-value"
#endif

/* Fills lib. Returns the name of the first function that is missing; NULL: none is. */
static const char *find_functions(void *handle, struct ferry_curl_library *lib)
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

ferry_err ferry_curl_library_load(struct ferry_curl_library *lib, char *why, size_t why_bytes)
{
    // Never closed: what libcurl has set up for the process cannot be taken down again.
    void *const handle = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
    if (!handle) {
        snprintf(why, why_bytes, "%s", dlerror());
        return FERRY_ERR_NET_LIBRARY;
    }
    const char *const missing = find_functions(handle, lib);
    if (missing) {
        snprintf(why, why_bytes, "%s has no %s", SONAME, missing);
        return FERRY_ERR_NET_LIBRARY;
    }
    const curl_version_info_data *const info = lib->version_info(CURLVERSION_NOW);
    if (info->version_num < VERSION_LEAST) {
        snprintf(why, why_bytes, "%s is version %s; 7.88 is needed", SONAME, info->version);
        return FERRY_ERR_NET_LIBRARY;
    }
    return FERRY_OK;
}
