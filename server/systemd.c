/* server/systemd.c - see systemd.h. */
#include "systemd.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void systemd_notify(const char *state)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *const path = getenv("NOTIFY_SOCKET");
    if (!path || !*path || strlen(path) >= sizeof(to.sun_path))
        return;
    const size_t n = strlen(path);
    memcpy(to.sun_path, path, n + 1);
    if (*path == '@') // a name without a file
        to.sun_path[0] = '\0';
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    // A manager that does not listen will notice by itself.
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
                 (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}

unsigned systemd_watchdog_ms(void)
{
    const char *const text = getenv("WATCHDOG_USEC");
    const unsigned long long us = text ? strtoull(text, NULL, 10) : 0;
    // Twice as often as asked for, as sd_watchdog_enabled(3) advises.
    return us / 2000 < 3600000 ? (unsigned)(us / 2000) : 3600000;
}
