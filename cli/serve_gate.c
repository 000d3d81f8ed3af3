/* cli/serve_gate.c - requests that two parsers could read differently are refused. */
#include "serve_gate.h"

#include <string.h>
#include <strings.h>

static bool is_token(const char *s, size_t n)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < n; i++) {
        const char c = s[i];
        const bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || (c && strchr(others, c));
        if (!is_plain)
            return false;
    }
    return n > 0;
}

static bool has_control(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
            return true;
    return false;
}

static bool is_named(const char *name, size_t n, const char *word)
{
    return n == strlen(word) && !strncasecmp(name, word, n);
}

void serve_gate_field(struct serve_gate *g, const char *name, size_t n_name, const char *value,
                      size_t n_value)
{
    g->n_fields++;
    g->n_host += is_named(name, n_name, "host");
    g->n_length += is_named(name, n_name, "content-length");
    g->n_encoding += is_named(name, n_name, "transfer-encoding");
    g->n_range += is_named(name, n_name, "range");
    g->n_if_range += is_named(name, n_name, "if-range");
    // A body, of any length but 0, is nothing that a file server can do something with.
    if (is_named(name, n_name, "content-length") && !(n_value == 1 && *value == '0'))
        g->has_body = true;
    g->is_refused |= !is_token(name, n_name) || has_control(value, n_value) ||
                     g->n_fields > SERVE_GATE_FIELDS || g->n_host > 1 || g->n_length > 1 ||
                     g->n_encoding > 0 || g->n_range > 1 || g->n_if_range > 1;
}

bool serve_gate_target(const char *target)
{
    return *target && strlen(target) == strcspn(target, " \"<>\\^`{|}") &&
           !has_control(target, strlen(target));
}
