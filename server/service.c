/* server/service.c - opens what a server needs, waits for signals, closes it again. */
#include "service.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "blob_map.h"
#include "ca.h"
#include "ca_make.h"
#include "client_cert.h"
#include "http_body.h"
#include "http_doors.h"
#include "log.h"
#include "metrics.h"
#include "rate_limits.h"
#include "systemd.h"
#include "tcp_door.h"
#include "thread_db.h"

#define LOOK_EVERY_MS 1000u
#define DRAIN_LOOK_MS 20
#define BEAT_MS       200
#define DAY_S         86400
#define STOP_SPARE_S  10u // for closing what is open, after the answers

static bool refuse(char why[SERVICE_WHY_BYTES], const char *what, const char *reason)
{
    snprintf(why, SERVICE_WHY_BYTES, "%s: %s", what, reason);
    return false;
}

static bool open_folders(struct server *s, const char *dir, char why[SERVICE_WHY_BYTES])
{
    s->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0 && errno == ENOENT)
        return refuse(why, dir, "there is no such folder; `ferryd init` makes one");
    if (s->dir_fd < 0)
        return refuse(why, dir, strerror(errno));
    if (mkdirat(s->dir_fd, "blobs", 0750) && errno != EEXIST)
        return refuse(why, "blobs", strerror(errno));
    s->blobs_fd = openat(s->dir_fd, "blobs", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->blobs_fd < 0)
        return refuse(why, "blobs", strerror(errno));
    http_body_sweep(s->blobs_fd);
    return true;
}

/** The schema is brought up to date before the first request. */
static bool open_database(struct server *s, char why[SERVICE_WHY_BYTES])
{
    char reason[DB_DETAIL_BYTES];
    struct db *db = NULL;
    if (db_open(&db, s->config.database, reason) != DB_OK)
        return refuse(why, "database", reason);
    const bool is_good = db_migrate(db) == DB_OK;
    if (!is_good)
        refuse(why, "database", db->detail);
    db_close(db);
    s->db = is_good ? thread_db_new(s->config.database) : NULL;
    return s->db || (is_good && refuse(why, "database", "out of memory"));
}

static void set_limits(struct server *s)
{
    const struct config *const c = &s->config;
    const uint32_t enrol = c->enrol_per_minute, login = c->login_per_minute;
    const uint32_t per_second = c->requests_per_second;
    limits_set(s->limits, LIMIT_REQUESTS, (struct limit_rate){c->burst, per_second * 60});
    limits_set(s->limits, LIMIT_ENROL_ADDRESS, (struct limit_rate){enrol, enrol});
    limits_set(s->limits, LIMIT_ENROL_TOKEN, (struct limit_rate){enrol, enrol});
    const uint32_t sign = c->signatures_per_minute;
    limits_set(s->limits, LIMIT_SIGNATURES, (struct limit_rate){sign, sign});
    limits_set(s->limits, LIMIT_LOGIN, (struct limit_rate){login, login});
}

/** Each connection is a descriptor: as many as the system allows this process. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/** Sees to it that the server's certificate does not run out because nobody looked. True if there
 * is a new one. */
static bool keep_certificate(struct server *s)
{
    char why[CA_WHY_BYTES], words[LOG_QUOTED_BYTES];
    bool is_new;
    if (!ca_keep_server(s->dir_fd, time(NULL), &is_new, why))
        log_line(LOG_LEVEL_ERROR, "certificate", "state=failed reason=%s", log_quoted(words, why));
    else if (is_new)
        log_line(LOG_LEVEL_INFO, "certificate", "state=renewed");
    return is_new;
}

static bool open_all(struct server *s, const char *dir, char why[SERVICE_WHY_BYTES])
{
    char reason[CA_WHY_BYTES];
    if (!open_folders(s, dir, why) || !open_database(s, why))
        return false;
    s->ca = ca_open(s->dir_fd, reason);
    if (!s->ca)
        return refuse(why, "authority", reason);
    keep_certificate(s);
    s->metrics = metrics_new();
    s->limits = limits_new();
    s->blobs = blob_map_new();
    s->client_certs = client_certs_new();
    if (!s->metrics || !s->limits || !s->blobs || !s->client_certs)
        return refuse(why, "ferryd", "out of memory");
    set_limits(s);
    raise_descriptors();
    if (!http_open(s, why))
        return false;
    bool is_good;
    s->tcp = tcp_door_open(s, &is_good, why);
    return is_good;
}

bool service_open(struct server *s, const char *dir, char why[SERVICE_WHY_BYTES])
{
    s->dir_fd = s->blobs_fd = -1;
    if (open_all(s, dir, why))
        return true;
    service_close(s);
    return false;
}

void service_close(struct server *s)
{
    tcp_door_close(s->tcp);
    http_close(s->listeners);
    s->listeners = NULL;
    client_certs_free(s->client_certs);
    blob_map_free(s->blobs);
    limits_free(s->limits);
    metrics_free(s->metrics);
    ca_close(s->ca);
    thread_db_free(s->db);
    if (s->blobs_fd >= 0)
        close(s->blobs_fd);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
}

static void signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

void service_block(void)
{
    sigset_t set;
    signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void reload_failed(const char *what, const char *why)
{
    char words[LOG_QUOTED_BYTES];
    log_line(LOG_LEVEL_ERROR, "reload", "what=%s state=failed reason=%s", what,
             log_quoted(words, why));
}

/** What is to be done once a day. */
static void daily(struct server *s)
{
    char why[SERVICE_WHY_BYTES];
    if (keep_certificate(s) && !http_reload(s->listeners, why))
        reload_failed("certificate", why);
}

/** Each of the three is read whole or stays as it was. */
static void reload(struct server *s, const char *dir)
{
    struct config fresh;
    char why[SERVICE_WHY_BYTES];
    unsigned n_left = 0;
    char state[64];
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%lld",
             (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    systemd_notify(state);
    if (config_load(&fresh, dir, why))
        config_apply(&s->config, &fresh, &n_left);
    else
        reload_failed("settings", why);
    set_limits(s);
    if (!ca_reload(s->ca, why))
        reload_failed("authority", why);
    client_certs_forget(s->client_certs);
    if (!http_reload(s->listeners, why))
        reload_failed("certificate", why);
    log_line(LOG_LEVEL_INFO, "reload", "state=done settings_for_next_start=%u", n_left);
    systemd_notify("READY=1");
}

static void wait_ms(unsigned ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

static unsigned n_busy(const struct server *s)
{
    return http_busy(s->listeners) + tcp_door_busy(s->tcp);
}

/** Lets running answers end. */
static void stop(struct server *s)
{
    const unsigned looks = s->config.stop_seconds * 1000u / DRAIN_LOOK_MS;
    char state[64];
    // The manager has a limit of its own: it is to be the longer one.
    snprintf(state, sizeof(state), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%u000000",
             s->config.stop_seconds + STOP_SPARE_S);
    systemd_notify(state);
    http_drain(s->listeners);
    tcp_door_drain(s->tcp);
    const unsigned before = n_busy(s);
    unsigned busy = before;
    for (unsigned i = 0; busy && i < looks; i++) {
        wait_ms(DRAIN_LOOK_MS);
        busy = n_busy(s);
        if (i % (BEAT_MS / DRAIN_LOOK_MS) == 0)
            systemd_notify("WATCHDOG=1");
    }
    log_line(LOG_LEVEL_INFO, "stop", "answers_finished=%u answers_cut=%u", before - busy, busy);
}

void service_run(struct server *s, const char *dir)
{
    sigset_t set;
    const unsigned beat_ms = systemd_watchdog_ms();
    const unsigned every_ms = beat_ms && beat_ms < LOOK_EVERY_MS ? beat_ms : LOOK_EVERY_MS;
    const struct timespec every = {every_ms / 1000, (long)(every_ms % 1000) * 1000000};
    time_t looked = time(NULL);
    signals(&set);
    systemd_notify("READY=1");
    for (;;) {
        const int signal = sigtimedwait(&set, NULL, &every);
        if (signal == SIGHUP)
            reload(s, dir);
        else if (signal == SIGTERM || signal == SIGINT)
            break;
        if (time(NULL) - looked >= DAY_S) {
            looked = time(NULL);
            daily(s);
        }
        if (beat_ms)
            systemd_notify("WATCHDOG=1");
    }
    stop(s);
}
