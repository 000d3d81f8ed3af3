/* server/config.h - DIR/ferryd.conf: lines of "key = value", every one with a default.
 * The table of keys in config.c is all there is to know: reading, limits, complaints, the file that
 * `init` writes and docs/server.md come from it. */
#ifndef SERVER_CONFIG_H
#define SERVER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strbuf.h"

#define CONFIG_WHY_BYTES  512u
#define CONFIG_TEXT_BYTES 256u

/** A setting that is text. Where a door listens: "off", "HOST:PORT" (numeric, IPv6 in brackets;
 * port 0: any) or "unix:PATH" (relative to the state folder). */
typedef char config_text[CONFIG_TEXT_BYTES];

/** What a reload may change under the eyes of those who read it. */
typedef _Atomic uint32_t config_number;
typedef _Atomic bool config_switch;

/** The settings. Text "" is nothing, a door "off" is closed. */
struct config {
    config_text database; // db_open's words; sqlite paths are absolute after config_load
    config_text devices_listen, admin_listen, public_listen, proxy_listen, tcp_listen;
    config_text devices_url; // of the device door, for join strings; "" made of host and port
    config_text proxy_from;  // networks "ADDRESS/BITS", blanks between
    config_text proxy_accel; // prefix for X-Accel-Redirect; "": ferryd sends the bytes
    config_text tcp_channel; // whose newest public release the TCP door serves
    config_switch admin_tls;
    config_number threads;                    // of the device and the proxy door; 0: two per CPU
    config_number connections;                // of each door
    config_number connections_per_address;    // 0: no limit
    config_number requests_per_second, burst; // per address; 0: no limit
    config_number shed_pct; // of connections in use, from where on 429 is answered
    config_number handshake_seconds, header_seconds, idle_seconds;
    config_number least_rate;  // bytes a second of a body that comes or goes
    config_number upload_most; // bytes of a firmware
    config_number stop_seconds;
    config_number poll_seconds; // what devices are told to wait
    config_number certificate_days, renew_expired_days;
    config_number enrol_per_minute;      // tries, per address and per token
    config_number signatures_per_minute; // of all
    config_number login_per_minute;      // tries, per address
    config_switch log_requests;
};

/** Reads DIR/ferryd.conf. A file that is not there is one without lines. False: why says the line,
 * the key, the value and what it may be. */
bool config_load(struct config *c, const char *dir, char why[CONFIG_WHY_BYTES]);

/** The same from a text, for tests and fuzzing; n bytes, no NUL needed. */
bool config_read(struct config *c, const char *text, size_t n, char why[CONFIG_WHY_BYTES]);

/** Adds the file that `init` writes: every key with its default and what it is for. */
void config_describe(struct ferry_strbuf *out);

/** The i-th key; NULL past the last. value gets what it is set to in c. */
const char *config_key(const struct config *c, size_t i, config_text value);

/** Takes over what may change while ferryd runs: numbers and switches, but for those that doors are
 * made with. *n_left: settings that differ and need a restart. */
void config_apply(struct config *c, const struct config *fresh, unsigned *n_left);

/** True if a door is to be opened. */
bool config_is_open(const char *listen);

#endif
