/* host/littlefs_path.c - a path in a file system, from what its user typed. */
#include <string.h>

#include "littlefs_fs.h"

ferry_err ferry_littlefs_path(const char *text, char path[FERRY_LITTLEFS_PATH_BYTES])
{
    size_t n = 0;
    while (*text) {
        const size_t n_name = strcspn(text, "/");
        if (n_name == 2 && !strncmp(text, "..", 2)) {
            if (!n)
                return FERRY_ERR_FS_NAME;
            while (path[--n] != '/')
                ;
        } else if (n_name && !(n_name == 1 && *text == '.')) {
            if (n_name + 2 > FERRY_LITTLEFS_PATH_BYTES - n)
                return FERRY_ERR_FS_NAME;
            path[n++] = '/';
            memcpy(path + n, text, n_name);
            n += n_name;
        }
        text += n_name;
        text += *text == '/';
    }
    if (!n)
        path[n++] = '/';
    path[n] = '\0';
    return FERRY_OK;
}
