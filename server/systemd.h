/* server/systemd.h - sd_notify's protocol: one datagram to a Unix socket. Fifteen lines, so that
 * nobody needs libsystemd for them. */
#ifndef SERVER_SYSTEMD_H
#define SERVER_SYSTEMD_H

/** Tells the service manager, if there is one: "READY=1", "STOPPING=1", "WATCHDOG=1". */
void systemd_notify(const char *state);

/** Milliseconds between two signs of life that the manager wants; 0: none. */
unsigned systemd_watchdog_ms(void);

#endif
