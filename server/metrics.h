/* server/metrics.h - numbers about this process, for Prometheus.
 * A row a number: an enum for those who count, the rest for GET /metrics. What rows of the database
 * would tell (devices by state) is not here: a scrape must not cost a query per device. */
#ifndef SERVER_METRICS_H
#define SERVER_METRICS_H

#include <stdint.h>

#include "strbuf.h"

/** X(NAME, metric, labels, type, help): rows of one metric stand together. What is told in seconds
 * is counted in microseconds. */
#define METRICS(X)                                                                                 \
    X(CONNECTIONS, "ferryd_connections", "", "gauge", "Connections that are open")                 \
    X(ACCEPTED, "ferryd_connections_total", "", "counter", "Connections that were accepted")       \
    X(LATE_HANDSHAKE, "ferryd_deadlines_total", "phase=\"handshake\"", "counter",                  \
      "Connections that were cut because their time was over")                                     \
    X(LATE_HEAD, "ferryd_deadlines_total", "phase=\"head\"", "counter", 0)                         \
    X(LATE_BODY, "ferryd_deadlines_total", "phase=\"body\"", "counter", 0)                         \
    X(LATE_ANSWER, "ferryd_deadlines_total", "phase=\"answer\"", "counter", 0)                     \
    X(LATE_IDLE, "ferryd_deadlines_total", "phase=\"idle\"", "counter", 0)                         \
    X(HANDSHAKES, "ferryd_tls_handshakes_total", "kind=\"full\"", "counter",                       \
      "TLS handshakes that ended well")                                                            \
    X(RESUMED, "ferryd_tls_handshakes_total", "kind=\"resumed\"", "counter", 0)                    \
    X(VERIFIED, "ferryd_certificates_verified_total", "", "counter",                               \
      "Client certificates whose chain was verified")                                              \
    X(ISSUED, "ferryd_certificates_issued_total", "", "counter", "Certificates that were signed")  \
    X(STATUS_1XX, "ferryd_requests_total", "code=\"1xx\"", "counter", "Requests answered")         \
    X(STATUS_2XX, "ferryd_requests_total", "code=\"2xx\"", "counter", 0)                           \
    X(STATUS_3XX, "ferryd_requests_total", "code=\"3xx\"", "counter", 0)                           \
    X(STATUS_4XX, "ferryd_requests_total", "code=\"4xx\"", "counter", 0)                           \
    X(STATUS_5XX, "ferryd_requests_total", "code=\"5xx\"", "counter", 0)                           \
    X(MALFORMED, "ferryd_malformed_total", "", "counter", "Requests that the gate refused")        \
    X(SHED, "ferryd_shed_total", "", "counter", "Requests answered 429")                           \
    X(BLOB_BYTES, "ferryd_firmware_bytes_total", "", "counter", "Bytes of firmware in answers")    \
    X(HANDLER_MICROSECONDS, "ferryd_handler_seconds_total", "", "counter",                         \
      "Time that answers were being made")

enum metric {
#define METRICS_ENUM(name, metric, labels, type, help) METRIC_##name,
    METRICS(METRICS_ENUM)
#undef METRICS_ENUM
        METRIC_COUNT
};

struct metrics;

/** NULL: no memory. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/** Adds n, which is negative only for a gauge. From any thread. */
void metrics_add(struct metrics *m, enum metric which, int64_t n);
int64_t metrics_get(const struct metrics *m, enum metric which);

/** Adds the text that Prometheus reads (exposition format 0.0.4). */
void metrics_text(const struct metrics *m, struct ferry_strbuf *out);

#endif
