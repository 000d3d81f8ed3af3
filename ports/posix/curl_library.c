/* ports/posix/curl_library.c - finds libcurl and its functions by name. */
#include "curl_library.h"

#include <dlfcn.h>
#include <stdio.h>

#include "shared_library.h"

#define SONAME        "libcurl.so.4" // its ABI since 2006
#define VERSION_LEAST 0x075800u      // 7.88, as CMake asks of the headers

static const struct ferry_shared_function functions[] = {
#define FUNCTION(name) {"curl_" #name, offsetof(struct ferry_curl_library, name)},
    FERRY_CURL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

ferry_err ferry_curl_library_load(struct ferry_curl_library *lib, char *why, size_t why_bytes)
{
    const ferry_err err =
        ferry_shared_library_load(lib, SONAME, RTLD_LAZY | RTLD_LOCAL, functions,
                                  sizeof(functions) / sizeof(functions[0]), why, why_bytes);
    if (err)
        return err;
    const curl_version_info_data *const info = lib->version_info(CURLVERSION_NOW);
    if (info->version_num < VERSION_LEAST) {
        snprintf(why, why_bytes, "%s is version %s; 7.88 is needed", SONAME, info->version);
        return FERRY_ERR_NET_LIBRARY;
    }
    return FERRY_OK;
}
