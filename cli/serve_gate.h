/* cli/serve_gate.h - requests that two parsers could read differently are refused.
 * libmicrohttpd 0.9.75 takes a field twice, a length beside chunks and names that are none. A file
 * server has no use for any of it. Fed field by field; fuzzed. */
#ifndef CLI_SERVE_GATE_H
#define CLI_SERVE_GATE_H

#include <stdbool.h>
#include <stddef.h>

/** {0} is a gate that has seen nothing. */
struct serve_gate {
    bool is_refused;
    bool has_body;
    unsigned n_fields, n_host, n_length, n_encoding, n_range, n_if_range;
};

#define SERVE_GATE_FIELDS 64u // more than any client sends

/** Takes one field of the head. */
void serve_gate_field(struct serve_gate *g, const char *name, size_t n_name, const char *value,
                      size_t n_value);

/** True if the raw target has a byte that may not stand in one. */
bool serve_gate_target(const char *target);

#endif
