/* server/http_doors.c - a libmicrohttpd daemon for each door, and who may come through it. */
#include "http_doors.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http_exchange.h"
#include "http_tls.h"
#include "http_watch.h"
#include "log.h"
#include "metrics.h"

#define DOORS      4u
#define SMALL_POOL 2u // threads of doors that carry little

struct listeners {
    struct http_door_state doors[DOORS];
    unsigned n;
    struct http_watch *watch;
    struct http_tls *tls; // NULL: no door has it
    atomic_bool is_draining;
};

static int64_t after(uint32_t seconds)
{
    return http_now_ms() + seconds * INT64_C(1000);
}

/** A Unix socket is guarded by its file's mode, a proxy's port by its networks. */
static bool may_enter(const struct http_door_state *d, const struct sockaddr *a)
{
    return d->kind != HTTP_PROXY || a->sa_family == AF_UNIX ||
           address_in(a, d->server->config.proxy_from);
}

static void begin_connection(struct http_door_state *d, struct MHD_Connection *mhd, void **ctx)
{
    struct server *const s = d->server;
    struct http_connection *const c = calloc(1, sizeof(*c));
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    const int fd = info ? info->connect_fd : -1;
    if (!c) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    c->door = d;
    c->fd = fd;
    info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    c->is_allowed = info && may_enter(d, info->client_addr);
    if (info)
        address_text(info->client_addr, c->address);
    http_watch_phase(c, d->has_tls ? HTTP_HANDSHAKE : HTTP_HEAD,
                     after(d->has_tls ? s->config.handshake_seconds : s->config.header_seconds));
    if (d->has_tls) {
        info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        c->session = info ? info->tls_session : NULL;
        c->is_allowed &=
            c->session && http_tls_begin(s->listeners->tls, c, d->kind == HTTP_DEVICES);
    }
    if (!c->is_allowed || atomic_load(&s->listeners->is_draining))
        shutdown(fd, SHUT_RDWR);
    atomic_fetch_add(&d->open, 1);
    metrics_add(s->metrics, METRIC_ACCEPTED, 1);
    metrics_add(s->metrics, METRIC_CONNECTIONS, 1);
    http_watch_add(s->listeners->watch, c);
    *ctx = c;
}

static void end_connection(struct http_connection *c)
{
    struct server *const s = c->door->server;
    http_watch_remove(s->listeners->watch, c);
    atomic_fetch_sub(&c->door->open, 1);
    metrics_add(s->metrics, METRIC_CONNECTIONS, -1);
    http_tls_end(c);
    free(c);
}

static void notify_connection(void *cls, struct MHD_Connection *mhd, void **ctx,
                              enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        begin_connection(cls, mhd, ctx);
    else if (*ctx)
        end_connection(*ctx);
}

/** What the library has to say is about single connections: for those who look for it. */
static void note(void *cls, const char *fmt, va_list ap)
{
    static const char wanted[] = "FERRYD_HTTP_LOG";
    (void)cls;
    if (getenv(wanted))
        vfprintf(stderr, fmt, ap);
}

static unsigned pool_of(const struct http_door_state *d)
{
    const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned own = cpus > 0 ? (unsigned)cpus * 2 : 2;
    const unsigned wanted = d->server->config.threads ? d->server->config.threads : own;
    return d->kind == HTTP_DEVICES || d->kind == HTTP_PROXY ? wanted : SMALL_POOL;
}

static bool is_unix(const struct http_door_state *d)
{
    return !strncmp(d->name, "unix:", 5);
}

/** A Unix socket tells of new room whenever its peer has read, which would wake a thread a second
 * time for each answer: epoll in the library asks for that always, poll only where it waits for it.
 * A proxy's few connections cost poll nothing. */
static unsigned waiting_of(const struct http_door_state *d)
{
    return is_unix(d) ? MHD_USE_POLL_INTERNAL_THREAD : MHD_USE_EPOLL_INTERNAL_THREAD;
}

static bool start_daemon(struct listeners *l, struct http_door_state *d)
{
    const struct config *const config = &d->server->config;
    const unsigned per_address = d->kind == HTTP_PROXY ? 0 : config->connections_per_address;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, NULL},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    if (d->has_tls) {
        tls[0].ptr_value = (void *)(uintptr_t)http_tls_cert_pem(l->tls);
        tls[1].ptr_value = (void *)(uintptr_t)http_tls_key_pem(l->tls);
    } else {
        tls[0].option = MHD_OPTION_END;
    }
    d->daemon = MHD_start_daemon(
        waiting_of(d) | MHD_USE_ERROR_LOG | (d->has_tls ? MHD_USE_TLS : 0), 0, NULL, NULL,
        http_exchange_handle, d, MHD_OPTION_EXTERNAL_LOGGER, note, NULL, MHD_OPTION_LISTEN_SOCKET,
        d->listen_fd, MHD_OPTION_THREAD_POOL_SIZE, pool_of(d), MHD_OPTION_CONNECTION_LIMIT,
        config->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, config->idle_seconds + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HTTP_POOL_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK,
        http_exchange_begin, d, MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, d,
        MHD_OPTION_NOTIFY_CONNECTION, notify_connection, d, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    return d->daemon != NULL;
}

static bool open_door(struct listeners *l, struct server *s, const struct http_door_state *what,
                      const char *where, char why[HTTP_WHY_BYTES])
{
    if (!config_is_open(where))
        return true;
    struct http_door_state *const d = &l->doors[l->n];
    *d = *what;
    d->server = s;
    d->most = s->config.connections;
    d->listen_fd = address_listen(s->dir_fd, where, d->name);
    if (d->listen_fd < 0) {
        snprintf(why, HTTP_WHY_BYTES, "%s_listen = %s: %s", d->word, where, strerror(errno));
        return false;
    }
    char url[sizeof(d->url)];
    snprintf(url, sizeof(url), "%s%s",
             is_unix(d)   ? ""
             : d->has_tls ? "https://"
                          : "http://",
             d->name);
    memcpy(d->url, url, sizeof(url));
    l->n++;
    if (start_daemon(l, d))
        return true;
    close(d->listen_fd);
    l->n--;
    snprintf(why, HTTP_WHY_BYTES, "%s_listen = %s: the door cannot be opened (threads, memory?)",
             d->word, where);
    return false;
}

static bool open_doors(struct listeners *l, struct server *s, char why[HTTP_WHY_BYTES])
{
    const struct config *const c = &s->config;
    const struct http_door_state devices = {
        .kind = HTTP_DEVICES, .word = "devices", .has_tls = true};
    const struct http_door_state proxy = {.kind = HTTP_PROXY, .word = "proxy"};
    const struct http_door_state open = {.kind = HTTP_PUBLIC, .word = "public"};
    const struct http_door_state admin = {
        .kind = HTTP_ADMIN, .word = "admin", .has_tls = c->admin_tls};
    return open_door(l, s, &devices, c->devices_listen, why) &&
           open_door(l, s, &proxy, c->proxy_listen, why) &&
           open_door(l, s, &open, c->public_listen, why) &&
           open_door(l, s, &admin, c->admin_listen, why);
}

struct listeners *http_open(struct server *s, char why[HTTP_WHY_BYTES])
{
    const bool needs_tls = config_is_open(s->config.devices_listen) ||
                           (s->config.admin_tls && config_is_open(s->config.admin_listen));
    struct listeners *const l = calloc(1, sizeof(*l));
    s->listeners = l;
    if (!l || !(l->watch = http_watch_start(s->metrics))) {
        snprintf(why, HTTP_WHY_BYTES, "out of memory");
    } else if (!needs_tls || (l->tls = http_tls_open(s, why))) {
        if (open_doors(l, s, why))
            return l;
    }
    http_close(l);
    s->listeners = NULL;
    return NULL;
}

const char *http_door_url(const struct listeners *l, unsigned i, const char **word)
{
    if (i >= l->n)
        return NULL;
    *word = l->doors[i].word;
    return l->doors[i].url;
}

bool http_reload(struct listeners *l, char why[HTTP_WHY_BYTES])
{
    return !l->tls || http_tls_reload(l->tls, l->doors[0].server, why);
}

void http_drain(struct listeners *l)
{
    atomic_store(&l->is_draining, true);
}

bool http_is_draining(const struct listeners *l)
{
    return atomic_load(&l->is_draining);
}

unsigned http_busy(const struct listeners *l)
{
    return http_watch_busy(l->watch);
}

void http_close(struct listeners *l)
{
    if (!l)
        return;
    for (unsigned i = 0; i < l->n; i++) {
        MHD_stop_daemon(l->doors[i].daemon); // closes the listening socket too
        if (is_unix(&l->doors[i]))
            unlinkat(l->doors[i].server->dir_fd, l->doors[i].name + 5, 0);
    }
    if (l->watch)
        http_watch_stop(l->watch);
    http_tls_close(l->tls);
    free(l);
}
