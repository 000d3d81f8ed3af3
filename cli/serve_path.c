/* cli/serve_path.c - from the path of a request to a file under the served folder. */
#include "serve_path.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/** The next character, -1 at a wrong escape. */
static int take_character(const char **t)
{
    const char c = *(*t)++;
    if (c != '%')
        return (unsigned char)c;
    const int high = hex_digit(**t);
    const int low = high < 0 ? -1 : hex_digit((*t)[1]);
    if (low < 0)
        return -1;
    *t += 2;
    return high * 16 + low;
}

bool serve_path_decode(const char *raw, char out[SERVE_PATH_BYTES])
{
    size_t n = 0;
    if (*raw++ != '/')
        return false;
    while (*raw) {
        const int c = take_character(&raw);
        const bool begins_name = n == 0 || out[n - 1] == '/';
        if (c < ' ' || c == 0x7f || c == '\\' || n + 1 >= SERVE_PATH_BYTES)
            return false;
        if (begins_name && (c == '.' || c == '/'))
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

/** Where the descriptor leads, links resolved, is below the root, and no name on the way hidden. */
static bool is_inside(int fd, const char *root)
{
    char link[64], real[8192];
    const size_t n_root = strcmp(root, "/") ? strlen(root) : 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(link, real, sizeof(real) - 1);
    if (n <= 0 || (size_t)n >= sizeof(real) - 1)
        return false;
    real[n] = '\0';
    if (strncmp(real, root, n_root) != 0 || (real[n_root] && real[n_root] != '/'))
        return false;
    return !strstr(real + n_root, "/.");
}

int serve_path_open(int root_fd, const char *root, const char *path, struct stat *st)
{
    // O_NONBLOCK: a pipe in the folder must not hang the server.
    const int fd =
        openat(root_fd, *path ? path : ".", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    if (!fstat(fd, st) && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) && is_inside(fd, root))
        return fd;
    close(fd);
    return -1;
}

void serve_path_encode(const char *name, char *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *name; name++)
        if (strchr(plain, *name))
            *out++ = *name;
        else
            out += sprintf(out, "%%%02X", (unsigned)(unsigned char)*name);
    *out = '\0';
}
