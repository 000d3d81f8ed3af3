/* tests/agent/fetch.c - reads a source to its end and says in one JSON line what came.
 *     fetch [OPTION VALUE]... NAME
 * Options: user, password, header, ca, cert, key, connect-ms, stall-ms, max, offset, secrets-for,
 * http (yes: allow plain http), cancel-ms (as Ctrl-C after that time), manifest (yes: NAME is one).
 * Exit 0 when all of it came, 1 when not. The program through which pytest tries the real ports. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cJSON.h>

#include "agent/manifest.h"
#include "ferry/crypto.h"
#include "source_named.h"

#define HEADERS_MAX 4

static volatile sig_atomic_t is_cancelled;

struct wishes {
    struct ferry_http_options http;
    const char *headers[HEADERS_MAX];
    uint32_t off_bytes;
    uint32_t cancel_ms;
    bool is_manifest;
};

static void on_alarm(int number)
{
    (void)number;
    is_cancelled = 1;
}

static bool asked(void *ctx)
{
    (void)ctx;
    return is_cancelled != 0;
}

static bool set_text(struct wishes *w, const char *key, const char *value)
{
    struct ferry_http_options *h = &w->http;
    const struct {
        const char *key;
        const char **to;
    } texts[] = {
        {"user", &h->user},      {"password", &h->password}, {"ca", &h->ca_file},
        {"cert", &h->cert_file}, {"key", &h->key_file},      {"secrets-for", &h->secrets_for},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(key, texts[i].key) == 0) {
            *texts[i].to = value;
            return true;
        }
    if (strcmp(key, "header") != 0 || h->n_headers == HEADERS_MAX)
        return false;
    w->headers[h->n_headers++] = value;
    return true;
}

static bool set_number(struct wishes *w, const char *key, const char *value)
{
    const struct {
        const char *key;
        uint32_t *to;
    } numbers[] = {
        {"connect-ms", &w->http.connect_timeout_ms},
        {"stall-ms", &w->http.stall_timeout_ms},
        {"max", &w->http.max_bytes},
        {"offset", &w->off_bytes},
        {"cancel-ms", &w->cancel_ms},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(key, numbers[i].key) == 0) {
            *numbers[i].to = (uint32_t)strtoul(value, NULL, 10);
            return true;
        }
    return false;
}

static bool set(struct wishes *w, const char *key, const char *value)
{
    const bool yes = strcmp(value, "yes") == 0;
    if (strcmp(key, "http") == 0)
        w->http.allow_plain_http = yes;
    else if (strcmp(key, "manifest") == 0)
        w->is_manifest = yes;
    else
        return set_text(w, key, value) || set_number(w, key, value);
    return true;
}

static int print_and_free(cJSON *out, bool ok)
{
    char *const text = cJSON_PrintUnformatted(out);
    puts(text ? text : "{}");
    cJSON_free(text);
    cJSON_Delete(out);
    return ok ? 0 : 1;
}

static void add_fault(cJSON *out, const struct ferry_fault *fault, const char *detail)
{
    cJSON_AddStringToObject(out, "error", ferry_errname(fault->err));
    cJSON_AddNumberToObject(out, "value", fault->value);
    cJSON_AddNumberToObject(out, "limit", fault->limit);
    cJSON_AddStringToObject(out, "detail", detail);
}

static int read_manifest(struct ferry_source *s, const char *name)
{
    static char work[FERRY_MANIFEST_BYTES + 1];
    static struct ferry_manifest m;
    cJSON *const out = cJSON_CreateObject();
    const ferry_err err = ferry_manifest_load(&m, name, s, work);
    if (err) {
        add_fault(out, &m.fault, m.detail);
        return print_and_free(out, false);
    }
    cJSON_AddStringToObject(out, "firmware", m.firmware);
    cJSON_AddNumberToObject(out, "length", m.length_bytes);
    return print_and_free(out, true);
}

static ferry_err drain(struct ferry_source *s, uint32_t off_bytes, uint32_t *n_bytes,
                       struct ferry_sha256 *hash)
{
    static uint8_t buffer[5000]; // not a size that anything else here has
    size_t got = 0;
    ferry_err err = ferry_source_open(s, off_bytes);
    while (!err) {
        err = ferry_source_read(s, buffer, sizeof buffer, &got);
        if (err || got == 0)
            break;
        ferry_sha256_update(hash, buffer, got);
        *n_bytes += (uint32_t)got;
    }
    ferry_source_close(s);
    return err;
}

static int read_all(struct ferry_source *s, uint32_t off_bytes)
{
    cJSON *const out = cJSON_CreateObject();
    struct ferry_sha256 hash;
    uint8_t digest[FERRY_SHA256_BYTES];
    char hex[2 * FERRY_SHA256_BYTES + 1];
    uint32_t n_bytes = 0;
    ferry_sha256_init(&hash);
    const ferry_err err = drain(s, off_bytes, &n_bytes, &hash);
    ferry_sha256_finish(&hash, digest);
    for (size_t i = 0; i < sizeof digest; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    cJSON_AddNumberToObject(out, "bytes", n_bytes);
    cJSON_AddStringToObject(out, "sha256", hex);
    cJSON_AddNumberToObject(out, "length", s->facts.length_bytes);
    cJSON_AddStringToObject(out, "etag", s->facts.etag);
    cJSON_AddBoolToObject(out, "accepts_offset", s->facts.accepts_offset);
    cJSON_AddBoolToObject(out, "authenticated", ferry_source_is_authenticated(s));
    if (err)
        add_fault(out, &s->fault, s->detail);
    return print_and_free(out, !err);
}

static void cancel_after(uint32_t ms)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    const struct itimerval timer = {.it_value = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

int main(int argc, char *argv[])
{
    static struct ferry_source_named named;
    const struct ferry_cancel cancel = {asked, NULL};
    struct wishes w = {0};
    w.http.headers = w.headers;
    int i = 1;
    for (; i + 1 < argc; i += 2)
        if (!set(&w, argv[i], argv[i + 1]))
            break;
    if (i + 1 != argc) {
        fprintf(stderr, "usage: fetch [OPTION VALUE]... NAME\n");
        return 2;
    }
    if (w.cancel_ms)
        cancel_after(w.cancel_ms);
    ferry_source_named_init(&named, argv[i], &w.http, &cancel);
    return w.is_manifest ? read_manifest(named.source, argv[i])
                         : read_all(named.source, w.off_bytes);
}
