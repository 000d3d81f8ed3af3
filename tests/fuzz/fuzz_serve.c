/* tests/fuzz/fuzz_serve.c - a client of `ferry serve` that sends any bytes.
 * The first byte chooses whose: a path, a Range, an If-None-Match, the fields of a head. Whatever
 * they are: a path stays below the folder, shows nothing hidden and survives being written again; a
 * range lies in the file; a head that passes holds no field twice that must be there once. */
#include "fuzz.h"

#include <string.h>

#include "cli/serve_path.h"
#include "host/http_gate.h"
#include "host/http_range.h"

static void try_path(const char *raw)
{
    char path[SERVE_PATH_BYTES], again[SERVE_PATH_BYTES];
    static char encoded[3 * SERVE_PATH_BYTES + 2];
    if (!serve_path_decode(raw, path))
        return;
    FUZZ_MUST(strlen(path) < SERVE_PATH_BYTES && path[0] != '/' && path[0] != '.');
    FUZZ_MUST(!strstr(path, "//") && !strstr(path, "/.") && !strchr(path, '\\'));
    for (const char *t = path; *t; t++)
        FUZZ_MUST((unsigned char)*t >= ' ' && *t != 0x7f);
    encoded[0] = '/';
    serve_path_encode(path, encoded + 1);
    for (char *slash; (slash = strstr(encoded, "%2F"));)
        memmove(slash + 1, slash + 3, strlen(slash + 3) + 1), *slash = '/';
    FUZZ_MUST(serve_path_decode(encoded, again) && strcmp(path, again) == 0);
}

static void try_range(const char *range)
{
    static const uint64_t lengths[] = {0, 1, 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint64_t first = 1, last = 0;
        const enum http_part part = http_range(range, lengths[i], &first, &last);
        FUZZ_MUST((part == HTTP_PART) == (first <= last));
        FUZZ_MUST(part != HTTP_PART || last < lengths[i]);
    }
}

/* Lines "name:value", NUL allowed inside. */
static void try_head(const char *text, size_t n)
{
    struct http_gate gate = {0};
    unsigned n_host = 0;
    for (const char *const end = text + n; text < end;) {
        const char *const stop = memchr(text, '\n', (size_t)(end - text));
        const char *const line_end = stop ? stop : end;
        const char *const colon = memchr(text, ':', (size_t)(line_end - text));
        if (colon) {
            http_gate_field(&gate, text, (size_t)(colon - text), colon + 1,
                            (size_t)(line_end - colon - 1));
            n_host += colon - text == 4 && !memcmp(text, "Host", 4);
            FUZZ_MUST(gate.is_refused || !memchr(colon, '\0', (size_t)(line_end - colon)));
        }
        text = line_end + 1;
    }
    FUZZ_MUST(gate.is_refused || n_host <= 1);
    FUZZ_MUST(gate.is_refused || gate.n_fields <= HTTP_GATE_FIELDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char etag[] = "\"1-2-3\"";
    char *text = malloc(n + 1);
    if (n < 1 || !text) {
        free(text);
        return 0;
    }
    memcpy(text, data + 1, n - 1);
    text[n - 1] = '\0';
    switch (data[0] & 3) {
    case 0:
        try_path(text);
        break;
    case 1:
        try_range(text);
        break;
    case 2:
        FUZZ_MUST(!http_none_match(text, etag) || !strcmp(text, "*") || strstr(text, etag));
        break;
    default:
        try_head(text, n - 1);
        break;
    }
    free(text);
    return 0;
}
