/* server/config.c - reads the settings; the table below is their documentation too. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_value.h"
#include "read_file.h"
#include "store_device.h"

#define FILE_MOST                  (64u * 1024)

#define TEXT(member)               CONFIG_TEXT, offsetof(struct config, member), 0, 0
#define DOOR(member)               CONFIG_DOOR, offsetof(struct config, member), 0, 0
#define SOCKET(member)             CONFIG_SOCKET, offsetof(struct config, member), 0, 0
#define URL(member)                CONFIG_URL, offsetof(struct config, member), 0, 0
#define NETS(member)               CONFIG_NETWORKS, offsetof(struct config, member), 0, 0
#define BOOL(member)               CONFIG_SWITCH, offsetof(struct config, member), 0, 0
#define COUNT(member, least, most) CONFIG_NUMBER, offsetof(struct config, member), least, most

static const struct config_row rows[] = {
    {"devices_listen", DOOR(devices_listen), "0.0.0.0:8443",
     "The door of devices, TLS: HOST:PORT (IPv6 in brackets; port 0: any that is free) or off."},
    {"devices_url", URL(devices_url), "",
     "How devices reach that door, for join strings; empty: https:// with this host's name."},
    {"admin_listen", DOOR(admin_listen), "127.0.0.1:8444",
     "The door of operators: pages, admin API, metrics."},
    {"admin_tls", BOOL(admin_tls), "off",
     "TLS at that door, with the server's certificate. Needed where it listens beyond this host."},
    {"public_listen", DOOR(public_listen), "off",
     "Plain http for releases that are marked public, and for nothing else."},
    {"tcp_listen", DOOR(tcp_listen), "off",
     "esp-hal-ota's sample TCP protocol, for the newest public release of tcp_channel."},
    {"tcp_channel", TEXT(tcp_channel), "", "The channel of that release."},
    {"proxy_listen", SOCKET(proxy_listen), "off",
     "The door of a proxy that speaks for devices: unix:PATH (in this folder) or HOST:PORT."},
    {"proxy_from", NETS(proxy_from), "",
     "Networks that may come to a proxy_listen with a port: ADDRESS/BITS, blanks between."},
    {"proxy_accel", TEXT(proxy_accel), "",
     "The proxy's internal location of blobs/, as /blobs/: it sends the bytes (X-Accel-Redirect)."},
    {"database", TEXT(database), "sqlite:ferryd.db",
     "sqlite:PATH (in this folder) or postgres: and what libpq takes: postgres:host=/run "
     "dbname=f."},
    {"threads", COUNT(threads, 0, 256), "0",
     "Threads of the device and the proxy door; 0: two for each CPU."},
    {"connections", COUNT(connections, 16, 1000000), "4096", "Most connections of each door."},
    {"connections_per_address", COUNT(connections_per_address, 0, 1000000), "1024",
     "Most connections of one address to each door; 0: no limit. Fleets come from behind one NAT."},
    {"requests_per_second", COUNT(requests_per_second, 0, 1000000), "500",
     "Requests a second of one address, over time; beyond: 429 with Retry-After. 0: no limit."},
    {"burst", COUNT(burst, 1, 1000000), "2000", "Requests of one address at once."},
    {"shed_pct", COUNT(shed_pct, 1, 100), "90",
     "Per cent of connections in use from where on devices are answered 429 with Retry-After."},
    {"handshake_seconds", COUNT(handshake_seconds, 1, 600), "5", "Time for a TLS handshake."},
    {"header_seconds", COUNT(header_seconds, 1, 600), "5", "Time for the head of a request."},
    {"idle_seconds", COUNT(idle_seconds, 1, 3600), "15", "Time between two requests."},
    {"least_rate", COUNT(least_rate, 1, 100000000), "1024",
     "Bytes a second that a body must move, either way, after idle_seconds of grace."},
    {"upload_most", COUNT(upload_most, 1024, 64u << 20), "16777216", "Most bytes of a firmware."},
    {"stop_seconds", COUNT(stop_seconds, 0, 600), "10",
     "Time for running answers to end after SIGTERM."},
    {"poll_seconds", COUNT(poll_seconds, 1, 7u * 86400), "3600",
     "What devices are told to wait between two questions; a fifth more or less, by chance."},
    {"certificate_days", COUNT(certificate_days, 1, 3650), "730",
     "Life of a device's certificate."},
    {"renew_expired_days", COUNT(renew_expired_days, 0, 36500), "365",
     "For how long a certificate that ran out in a drawer may still be renewed."},
    {"enrol_per_minute", COUNT(enrol_per_minute, 1, 1000000), "60",
     "Tries to enrol that get no new certificate, of one address and with one token."},
    {"signatures_per_minute", COUNT(signatures_per_minute, 1, 1000000), "6000",
     "Certificates that are signed in a minute, for all devices together."},
    {"login_per_minute", COUNT(login_per_minute, 1, 1000000), "10",
     "Tries to log in, of one address."},
    {"log_requests", BOOL(log_requests), "on", "A line in the log for each request."},
};
#define N_ROWS (sizeof(rows) / sizeof(*rows))

static const struct config_row *row_named(const char *key, size_t n)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strlen(rows[i].key) == n && !memcmp(rows[i].key, key, n))
            return &rows[i];
    return NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/** Takes the blanks off both ends. */
static void trim(const char **s, size_t *n)
{
    while (*n && is_blank(**s))
        (*s)++, (*n)--;
    while (*n && is_blank((*s)[*n - 1]))
        (*n)--;
}

static bool read_line(struct config *c, const char *line, size_t n, bool seen[N_ROWS],
                      char why[CONFIG_WHY_BYTES])
{
    trim(&line, &n);
    if (!n || *line == '#')
        return true;
    const char *const equals = memchr(line, '=', n);
    if (!equals || memchr(line, '\0', n)) {
        snprintf(why, CONFIG_WHY_BYTES, "is not 'key = value'");
        return false;
    }
    const char *key = line, *value = equals + 1;
    size_t n_key = (size_t)(equals - line), n_value = n - n_key - 1;
    trim(&key, &n_key);
    trim(&value, &n_value);
    const struct config_row *const row = row_named(key, n_key);
    if (!row) {
        snprintf(why, CONFIG_WHY_BYTES, "there is no key '%.*s'", (int)(n_key < 40 ? n_key : 40),
                 key);
        return false;
    }
    if (seen[row - rows]) {
        snprintf(why, CONFIG_WHY_BYTES, "%s was set before", row->key);
        return false;
    }
    seen[row - rows] = true;
    return config_set(c, row, value, n_value, why);
}

/** What one key cannot say. */
static bool check_together(const struct config *c, char why[CONFIG_WHY_BYTES])
{
    const bool is_port =
        config_is_open(c->proxy_listen) && strncmp(c->proxy_listen, "unix:", 5) != 0;
    if (is_port && !*c->proxy_from)
        return config_refuse(why,
                             "proxy_listen = %s needs proxy_from: everybody who reaches that "
                             "port could speak for any device",
                             c->proxy_listen);
    if (config_is_open(c->tcp_listen) && !*c->tcp_channel)
        return config_refuse(why, "tcp_listen needs tcp_channel: whose release is it to serve?");
    if (*c->tcp_channel && !device_name_is_fine(c->tcp_channel))
        return config_refuse(why,
                             "tcp_channel takes a name of 1 to %u letters, digits and . _ - :, the "
                             "first of them a letter or digit, not '%s'",
                             HTTP_ID_BYTES - 1, c->tcp_channel);
    if (*c->proxy_accel &&
        (*c->proxy_accel != '/' || c->proxy_accel[strlen(c->proxy_accel) - 1] != '/'))
        return config_refuse(why, "proxy_accel takes a path that begins and ends with /, not '%s'",
                             c->proxy_accel);
    if ((strncmp(c->database, "sqlite:", 7) != 0 || !c->database[7]) &&
        strncmp(c->database, "postgres:", 9) != 0)
        return config_refuse(why, "database takes sqlite:PATH or postgres:WORDS, not '%s'",
                             c->database);
    return true;
}

bool config_read(struct config *c, const char *text, size_t n, char why[CONFIG_WHY_BYTES])
{
    bool seen[N_ROWS] = {false};
    unsigned number = 1;
    memset(c, 0, sizeof(*c));
    for (size_t i = 0; i < N_ROWS; i++)
        if (!config_set(c, &rows[i], rows[i].value, strlen(rows[i].value), why))
            return false;
    for (size_t at = 0; at < n; number++) {
        char reason[CONFIG_WHY_BYTES];
        const char *const end = memchr(text + at, '\n', n - at);
        const size_t n_line = end ? (size_t)(end - text) - at : n - at;
        if (!read_line(c, text + at, n_line, seen, reason))
            return config_refuse(why, "line %u: %.400s", number, reason);
        at += n_line + 1;
    }
    return check_together(c, why);
}

/** A database file's path is the state folder's, wherever ferryd is started. */
static bool settle_database(struct config *c, const char *dir, char why[CONFIG_WHY_BYTES])
{
    config_text path;
    if (strncmp(c->database, "sqlite:", 7) != 0 || c->database[7] == '/')
        return true;
    snprintf(path, sizeof(path), "%s", c->database + 7);
    if ((size_t)snprintf(c->database, sizeof(c->database), "sqlite:%s/%s", dir, path) >=
        sizeof(c->database))
        return config_refuse(why, "the path of the database is longer than %u bytes",
                             CONFIG_TEXT_BYTES - 8);
    return true;
}

bool config_load(struct config *c, const char *dir, char why[CONFIG_WHY_BYTES])
{
    char path[4096], reason[CONFIG_WHY_BYTES];
    uint8_t *bytes = NULL;
    size_t n = 0;
    int os_errno = 0;
    snprintf(path, sizeof(path), "%s/ferryd.conf", dir);
    const ferry_err err = ferry_read_file(path, FILE_MOST, &bytes, &n, &os_errno);
    if (err && os_errno != ENOENT)
        return config_refuse(why, "%s cannot be read: %s", path,
                             err == FERRY_ERR_RANGE ? "it is longer than 64 KB"
                                                    : strerror(os_errno));
    const bool is_good = config_read(c, bytes ? (const char *)bytes : "", n, reason);
    free(bytes);
    if (!is_good)
        return config_refuse(why, "%.200s: %.300s", path, reason);
    return settle_database(c, dir, why);
}

void config_describe(struct ferry_strbuf *out)
{
    ferry_strbuf_addf(out,
                      "# Settings of ferryd. A key that is not set has the value shown here.\n"
                      "# Read when ferryd starts, and again on SIGHUP (but for doors, threads\n"
                      "# and the database). `ferryd serve DIR --check` reads it only.\n");
    for (size_t i = 0; i < N_ROWS; i++) {
        ferry_strbuf_addf(out, "\n# %s\n", rows[i].about);
        if (rows[i].type == CONFIG_NUMBER)
            ferry_strbuf_addf(out, "# From %u to %u.\n", rows[i].least, rows[i].most);
        ferry_strbuf_addf(out, "#%s = %s\n", rows[i].key, rows[i].value);
    }
}

const char *config_key(const struct config *c, size_t i, config_text value)
{
    if (i >= N_ROWS)
        return NULL;
    config_show(c, &rows[i], value);
    return rows[i].key;
}

/** Doors are made with these. */
static bool is_fixed(const struct config_row *row)
{
    static const char *const keys[] = {"admin_tls", "threads", "connections",
                                       "connections_per_address"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (!strcmp(row->key, keys[i]))
            return true;
    return row->type != CONFIG_NUMBER && row->type != CONFIG_SWITCH;
}

void config_apply(struct config *c, const struct config *fresh, unsigned *n_left)
{
    *n_left = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        config_text now, then;
        char why[CONFIG_WHY_BYTES];
        config_show(c, &rows[i], now);
        config_show(fresh, &rows[i], then);
        if (!strcmp(now, then))
            continue;
        if (is_fixed(&rows[i]))
            (*n_left)++;
        else // it was read once already
            (void)config_set(c, &rows[i], then, strlen(then), why);
    }
}

bool config_is_open(const char *listen)
{
    return strcmp(listen, "off") != 0;
}
