/* ports/posix/curl_library.c - finds libcurl and its functions by name. */
#include "curl_library.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SONAME        "libcurl.so.4" // its ABI since 2006
#define VERSION_LEAST 0x075800u      // 7.88, as CMake asks of the headers

_Static_assert(sizeof(void *) == sizeof(void (*)(void)), "dlsym gives functions, as POSIX has it");

/* Every function, or the name of the first that is missing. */
static const char *find_functions(void *handle, struct ferry_curl_library *lib)
{
    // Through memcpy, because ISO C converts no data pointer to one to a function.
#define FIND(name)                                                                                 \
    do {                                                                                           \
        void *const found = dlsym(handle, "curl_" #name);                                          \
        if (!found)                                                                                \
            return "curl_" #name;                                                                  \
        memcpy(&lib->name, &found, sizeof(found));                                                 \
    } while (0);
    FERRY_CURL_FUNCTIONS(FIND)
#undef FIND
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
