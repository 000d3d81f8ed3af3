/* server/init_hosts.c - getifaddrs and gethostname. */
#include "init_hosts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void add(struct init_hosts *h, const char *host)
{
    unsigned n = 0;
    for (; h->at[n]; n++)
        if (strcmp(h->at[n], host) == 0)
            return;
    if (n + 1 == sizeof(h->at) / sizeof(h->at[0]))
        return;
    snprintf(h->text[n], sizeof(h->text[n]), "%s", host);
    h->at[n] = h->text[n];
}

static bool is_label(const char *label, size_t n)
{
    static const char inner[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (n < 1 || n > 63 || label[0] == '-' || label[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr(inner, label[i]))
            return false;
    return true;
}

bool init_host_is_fine(const char *host)
{
    unsigned char address[16];
    if (inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1)
        return true;
    if (strlen(host) > 253)
        return false;
    if (strncmp(host, "*.", 2) == 0)
        host += 2;
    for (;;) {
        const size_t n = strcspn(host, ".");
        if (!is_label(host, n))
            return false;
        if (!host[n])
            return true;
        host += n + 1;
    }
}

/* What this host is called and where it listens. */
static void add_own(struct init_hosts *h)
{
    char name[256] = "", text[INET6_ADDRSTRLEN];
    struct ifaddrs *all;
    if (gethostname(name, sizeof(name) - 1) == 0 && init_host_is_fine(name))
        add(h, name);
    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *i = all; i; i = i->ifa_next) {
        if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || (i->ifa_flags & IFF_LOOPBACK))
            continue;
        // A copy, because a sockaddr need not lie as its family's structure does.
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        const void *address = NULL;
        if (i->ifa_addr->sa_family == AF_INET) {
            memcpy(&v4, i->ifa_addr, sizeof(v4));
            address = &v4.sin_addr;
        } else if (i->ifa_addr->sa_family == AF_INET6) {
            memcpy(&v6, i->ifa_addr, sizeof(v6));
            address = IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) ? NULL : &v6.sin6_addr;
        }
        if (address && inet_ntop(i->ifa_addr->sa_family, address, text, sizeof(text)))
            add(h, text);
    }
    freeifaddrs(all);
}

bool init_hosts(struct init_hosts *out, const char *const *given)
{
    *out = (struct init_hosts){0};
    for (unsigned i = 0; given[i]; i++) {
        if (!init_host_is_fine(given[i])) {
            out->bad = given[i];
            return false;
        }
        add(out, given[i]);
    }
    if (!given[0])
        add_own(out);
    add(out, "localhost");
    add(out, "127.0.0.1");
    add(out, "::1");
    return true;
}
