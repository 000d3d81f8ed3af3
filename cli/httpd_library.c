/* cli/httpd_library.c - finds libmicrohttpd and its functions by name. */
#include "httpd_library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "shared_library.h"

#define SONAME  "libmicrohttpd.so.12" // its ABI from 0.9.71 to 1.0
#define PACKAGE "; Debian has it in the package libmicrohttpd12"

static const struct ferry_shared_function functions[] = {
#define ROW(name) {"MHD_" #name, offsetof(struct httpd_library, name)},
    HTTPD_FUNCTIONS(ROW)
#undef ROW
};

ferry_err httpd_library_load(struct httpd_library *lib, char *why, size_t why_bytes)
{
    const ferry_err err =
        ferry_shared_library_load(lib, SONAME, RTLD_NOW | RTLD_LOCAL, functions,
                                  sizeof(functions) / sizeof(functions[0]), why, why_bytes);
    const size_t n = err ? strlen(why) : 0;
    if (err && n < why_bytes)
        snprintf(why + n, why_bytes - n, "%s", PACKAGE);
    return err;
}
