/* server/metrics.c - counts, and writes what Prometheus reads. */
#include "metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct metrics {
    _Atomic int64_t values[METRIC_COUNT];
    time_t started;
};

static const struct {
    const char *metric, *labels, *type, *help;
} rows[METRIC_COUNT] = {
#define METRICS_ROW(name, metric, labels, type, help) {metric, labels, type, help},
    METRICS(METRICS_ROW)
#undef METRICS_ROW
};

struct metrics *metrics_new(void)
{
    struct metrics *const m = calloc(1, sizeof(*m));
    if (m)
        m->started = time(NULL);
    return m;
}

void metrics_free(struct metrics *m)
{
    free(m);
}

void metrics_add(struct metrics *m, enum metric which, int64_t n)
{
    atomic_fetch_add_explicit(&m->values[which], n, memory_order_relaxed);
}

int64_t metrics_get(const struct metrics *m, enum metric which)
{
    return atomic_load_explicit(&m->values[which], memory_order_relaxed);
}

static void head(struct ferry_strbuf *out, const char *metric, const char *type, const char *help)
{
    ferry_strbuf_addf(out, "# HELP %s %s.\n# TYPE %s %s\n", metric, help, metric, type);
}

static void add_value(struct ferry_strbuf *out, const char *metric, int64_t n)
{
    if (strstr(metric, "_seconds_"))
        ferry_strbuf_addf(out, " %" PRId64 ".%06" PRId64 "\n", n / 1000000, n % 1000000);
    else
        ferry_strbuf_addf(out, " %" PRId64 "\n", n);
}

void metrics_text(const struct metrics *m, struct ferry_strbuf *out)
{
    head(out, "ferryd_info", "gauge", "The program's version");
    ferry_strbuf_addf(out, "ferryd_info{version=\"%s\"} 1\n", FERRY_VERSION);
    head(out, "process_start_time_seconds", "gauge", "When this process started");
    ferry_strbuf_addf(out, "process_start_time_seconds %lld\n", (long long)m->started);
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        if (rows[i].help)
            head(out, rows[i].metric, rows[i].type, rows[i].help);
        const bool has_labels = *rows[i].labels;
        ferry_strbuf_addf(out, "%s%s%s%s", rows[i].metric, has_labels ? "{" : "", rows[i].labels,
                          has_labels ? "}" : "");
        add_value(out, rows[i].metric, metrics_get(m, (enum metric)i));
    }
}
