/* server/address.c - reads, compares, shows and listens at addresses. */
#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

static bool read_number(const char *text, unsigned most, unsigned *out)
{
    unsigned n = 0;
    if (!*text || strlen(text) > 5)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        n = n * 10 + (unsigned)(*text - '0');
    }
    *out = n;
    return n <= most;
}

bool address_bind(const char *text, struct address_bind *out)
{
    char host[INET6_ADDRSTRLEN + 2];
    unsigned port;
    struct sockaddr_in *const v4 = (struct sockaddr_in *)&out->to;
    struct sockaddr_in6 *const v6 = (struct sockaddr_in6 *)&out->to;
    const char *const colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof(host) || !read_number(colon + 1, 65535, &port))
        return false;
    memset(out, 0, sizeof(*out));
    const size_t n = (size_t)(colon - text);
    memcpy(host, text, n);
    host[n] = '\0';
    if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        out->n = sizeof(*v6);
        return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1;
    }
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    out->n = sizeof(*v4);
    return inet_pton(AF_INET, host, &v4->sin_addr) == 1;
}

static const uint8_t v4_in_v6[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/** An address as 16 bytes; *is_v4 says which it was. */
static bool read_bytes(const char *text, uint8_t out[16], bool *is_v4)
{
    memcpy(out, v4_in_v6, sizeof(v4_in_v6));
    *is_v4 = inet_pton(AF_INET, text, out + 12) == 1;
    return *is_v4 || inet_pton(AF_INET6, text, out) == 1;
}

bool address_network(const char **text, struct address_network *out)
{
    char word[INET6_ADDRSTRLEN + 8];
    const size_t n = strcspn(*text, " ");
    bool is_v4;
    if (n >= sizeof(word))
        return false;
    memcpy(word, *text, n);
    word[n] = '\0';
    char *const slash = strchr(word, '/');
    if (!slash)
        return false;
    *slash = '\0';
    if (!read_bytes(word, out->bytes, &is_v4) ||
        !read_number(slash + 1, is_v4 ? 32 : 128, &out->bits))
        return false;
    out->bits += is_v4 ? 96 : 0;
    *text += n;
    return true;
}

static bool sockaddr_bytes(const struct sockaddr *a, uint8_t out[16])
{
    if (a->sa_family == AF_INET) {
        memcpy(out, v4_in_v6, sizeof(v4_in_v6));
        memcpy(out + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
        return true;
    }
    if (a->sa_family != AF_INET6)
        return false;
    memcpy(out, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    return true;
}

static bool is_inside(const uint8_t bytes[16], const struct address_network *network)
{
    const unsigned whole = network->bits / 8, rest = network->bits % 8;
    if (memcmp(bytes, network->bytes, whole) != 0)
        return false;
    return !rest || !((bytes[whole] ^ network->bytes[whole]) >> (8 - rest));
}

bool address_in(const struct sockaddr *a, const char *networks)
{
    uint8_t bytes[16];
    struct address_network network;
    if (!sockaddr_bytes(a, bytes))
        return false;
    while (*(networks += strspn(networks, " "))) {
        if (!address_network(&networks, &network))
            return false;
        if (is_inside(bytes, &network))
            return true;
    }
    return false;
}

void address_text(const struct sockaddr *a, char out[HTTP_ADDRESS_BYTES])
{
    uint8_t bytes[16];
    if (!sockaddr_bytes(a, bytes))
        snprintf(out, HTTP_ADDRESS_BYTES, "unix");
    else if (!memcmp(bytes, v4_in_v6, sizeof(v4_in_v6)))
        inet_ntop(AF_INET, bytes + 12, out, HTTP_ADDRESS_BYTES);
    else
        inet_ntop(AF_INET6, bytes, out, HTTP_ADDRESS_BYTES);
}

bool address_is_numeric(const char *text)
{
    uint8_t bytes[16];
    bool is_v4;
    return read_bytes(text, bytes, &is_v4);
}

void address_key(const char *address, char out[HTTP_ADDRESS_BYTES])
{
    uint8_t bytes[16];
    bool is_v4;
    if (!read_bytes(address, bytes, &is_v4) || is_v4) {
        snprintf(out, HTTP_ADDRESS_BYTES, "%s", address);
        return;
    }
    memset(bytes + 8, 0, 8);
    inet_ntop(AF_INET6, bytes, out, HTTP_ADDRESS_BYTES);
}

static int bind_and_listen(int fd, const struct sockaddr *to, socklen_t n)
{
    if (fd >= 0 && !bind(fd, to, n) && !listen(fd, BACKLOG))
        return fd;
    const int reason = errno;
    if (fd >= 0)
        close(fd);
    errno = reason;
    return -1;
}

static int listen_tcp(const char *where, char name[ADDRESS_NAME_BYTES])
{
    static const int on = 1;
    struct address_bind at;
    char host[INET6_ADDRSTRLEN], port[8];
    if (!address_bind(where, &at)) {
        errno = EINVAL;
        return -1;
    }
    int fd = socket(at.to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    // Inherited by what is accepted: an answer must not wait for the other side's delayed ACK.
    if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))) {
        close(fd);
        return -1;
    }
    fd = bind_and_listen(fd, (struct sockaddr *)&at.to, at.n);
    if (fd < 0)
        return -1;
    if (getsockname(fd, (struct sockaddr *)&at.to, &at.n) ||
        getnameinfo((struct sockaddr *)&at.to, at.n, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        close(fd);
        errno = EADDRNOTAVAIL;
        return -1;
    }
    snprintf(name, ADDRESS_NAME_BYTES, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
    return fd;
}

/** Nobody listens at a socket that refuses: whoever made it has died. */
static bool is_abandoned(const struct sockaddr_un *at)
{
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool is_free =
        fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof(*at)) && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return is_free;
}

static int listen_unix(int dir_fd, const char *path, char name[ADDRESS_NAME_BYTES])
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    // By the folder's descriptor: a path of any length fits into the 108 bytes of an address.
    const int n = *path == '/' ? snprintf(at.sun_path, sizeof(at.sun_path), "%s", path)
                               : snprintf(at.sun_path, sizeof(at.sun_path), "/proc/self/fd/%d/%s",
                                          dir_fd, path);
    if (n < 0 || (size_t)n >= sizeof(at.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (is_abandoned(&at))
        unlinkat(dir_fd, path, 0);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind_and_listen(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
        return -1;
    // Who may connect speaks for devices: the group, which the proxy is in.
    if (fchmodat(dir_fd, path, 0660, 0)) {
        close(fd);
        return -1;
    }
    snprintf(name, ADDRESS_NAME_BYTES, "unix:%s", path);
    return fd;
}

int address_listen(int dir_fd, const char *where, char name[ADDRESS_NAME_BYTES])
{
    if (!strncmp(where, "unix:", 5))
        return listen_unix(dir_fd, where + 5, name);
    return listen_tcp(where, name);
}
