/* host/http_gate.h - requests that two parsers could read differently are refused.
 * libmicrohttpd 0.9.75 takes a field twice, a length beside chunks, names that are none, bare line
 * feeds, folded lines and whatever stands behind a NUL. `ferry serve` and ferryd have no use for
 * any of it. Fed field by field; fuzzed. */
#ifndef HOST_HTTP_GATE_H
#define HOST_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>

/** {0} is a gate that has seen nothing. */
struct http_gate {
    bool is_refused;
    bool has_body;
    unsigned n_fields, n_host, n_length, n_encoding, n_range, n_if_range;
};

/** A head must be METHOD SP TARGET SP VERSION CRLF, then NAME ":" blanks VALUE CRLF for each field,
 * then CRLF, with no byte besides. libmicrohttpd before 1.0 does not say so, but leaves the pieces
 * where they came in, and says how long the head was: where they lie tells what was between them.
 * Line ends are overwritten with NULs, so a NUL beside one can pass for a part of it. */
struct http_layout {
    const char *begin, *next, *end;
    bool is_broken;
};

#define HTTP_GATE_FIELDS 64u // more than any client sends

/** Takes one field of the head. */
void http_gate_field(struct http_gate *g, const char *name, size_t n_name, const char *value,
                     size_t n_value);

/** Takes the first line; n_head: bytes of the whole head. n_target: of the target as it came, which
 * may have been decoded since. */
void http_layout_begin(struct http_layout *l, const char *method, const char *target,
                       size_t n_target, const char *version, size_t n_head);

/** Takes the next field, in the order they came. */
void http_layout_field(struct http_layout *l, const char *name, size_t n_name, const char *value,
                       size_t n_value);

/** True if every byte of the head was accounted for. */
bool http_layout_is_whole(const struct http_layout *l);

/** True if the method is a token and the version HTTP/1.0 or HTTP/1.1. */
bool http_gate_line(const char *method, const char *version);

/** False if the raw target has a byte that may not stand in one. */
bool http_gate_target(const char *target);

/** True if a path of printable bytes, its escapes two hex digits each that stand for no control
 * character, slash or backslash, no segment of it . or .., then perhaps a query. */
bool http_gate_path(const char *target);

#endif
