/* tests/support/vectors.c - see the header. */
#include "vectors.h"

#include <archive.h>
#include <archive_entry.h>

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_LIMIT (256u << 20) // of one unpacked file

struct data_file {
    char *name;
    uint8_t *bytes;
    size_t n_bytes;
    struct data_file *next;
};

struct vector_set {
    char **paths; // plain files
    size_t n_paths;
    struct data_file *cache; // what vector_set_file unpacked
    bool is_unpacked;
};

static void *must(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends_in(const char *s, const char *tail)
{
    const size_t n = strlen(s), t = strlen(tail);
    return n >= t && strcmp(s + n - t, tail) == 0;
}

static void add_path(struct vector_set *s, const char *path)
{
    s->paths = must(realloc(s->paths, (s->n_paths + 1) * sizeof(s->paths[0])));
    s->paths[s->n_paths++] = must(strdup(path));
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool add_tree(struct vector_set *s, char *path)
{
    char *const roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    bool ok = tree != NULL;
    for (FTSENT *e; ok && (e = fts_read(tree));) {
        if (e->fts_info == FTS_F)
            add_path(s, e->fts_path);
        if (e->fts_info == FTS_ERR || e->fts_info == FTS_DNR || e->fts_info == FTS_NS) {
            fprintf(stderr, "%s: %s\n", e->fts_path, strerror(e->fts_errno));
            ok = false;
        }
    }
    if (tree)
        fts_close(tree);
    return ok;
}

struct vector_set *vector_set_open(int n_paths, char *const paths[])
{
    struct vector_set *s = must(calloc(1, sizeof(*s)));
    bool ok = n_paths > 0;
    if (!ok)
        fputs("no input: name vector files or folders\n", stderr);
    for (int i = 0; ok && i < n_paths; i++)
        ok = add_tree(s, paths[i]);
    if (ok && !s->n_paths) {
        fputs("no files among the inputs\n", stderr);
        ok = false;
    }
    if (ok)
        return s;
    vector_set_close(s);
    return NULL;
}

void vector_set_close(struct vector_set *s)
{
    for (size_t i = 0; i < s->n_paths; i++)
        free(s->paths[i]);
    free(s->paths);
    while (s->cache) {
        struct data_file *f = s->cache;
        s->cache = f->next;
        free(f->name);
        free(f->bytes);
        free(f);
    }
    free(s);
}

/* Opens a file through libarchive: raw (with gzip undone) or as a tar. */
static struct archive *open_archive(const char *path, bool as_tar)
{
    struct archive *a = must(archive_read_new());
    archive_read_support_filter_all(a);
    if (as_tar) {
        archive_read_support_format_tar(a);
    } else {
        archive_read_support_format_raw(a);
        archive_read_support_format_empty(a); // an empty file is no archive otherwise
    }
    if (archive_read_open_filename(a, path, 65536) == ARCHIVE_OK)
        return a;
    fprintf(stderr, "%s: %s\n", path, archive_error_string(a));
    archive_read_free(a);
    return NULL;
}

/* The whole current entry; NULL, with the reason printed, if it cannot be read. A zero follows. */
static uint8_t *read_entry(struct archive *a, const char *path, size_t *n_bytes)
{
    size_t n = 0, room = 65536;
    uint8_t *bytes = must(malloc(room));
    for (;;) {
        const la_ssize_t got = archive_read_data(a, bytes + n, room - n - 1);
        if (got < 0 || room > BYTES_LIMIT) {
            fprintf(stderr, "%s: %s\n", path, got < 0 ? archive_error_string(a) : "too large");
            free(bytes);
            return NULL;
        }
        if (got == 0)
            break;
        n += (size_t)got;
        if (room - n < room / 2)
            bytes = must(realloc(bytes, room *= 2));
    }
    bytes[n] = 0;
    *n_bytes = n;
    return bytes;
}

static uint8_t *read_file(const char *path, size_t *n_bytes)
{
    struct archive *a = open_archive(path, false);
    struct archive_entry *entry;
    uint8_t *bytes = NULL;
    if (!a)
        return NULL;
    const int rc = archive_read_next_header(a, &entry);
    if (rc == ARCHIVE_EOF) {
        bytes = must(calloc(1, 1));
        *n_bytes = 0;
    } else if (rc == ARCHIVE_OK) {
        bytes = read_entry(a, path, n_bytes);
    } else {
        fprintf(stderr, "%s: %s\n", path, archive_error_string(a));
    }
    archive_read_free(a);
    return bytes;
}

static long each_line(char *text, const char *file,
                      void (*each)(void *ctx, const char *file, const cJSON *record), void *ctx)
{
    long n = 0;
    for (char *line = text; *line;) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        if (*line) {
            cJSON *record = cJSON_Parse(line);
            if (!record) {
                fprintf(stderr, "%s: line %ld is not JSON\n", file, n + 1);
                return -1;
            }
            each(ctx, file, record);
            cJSON_Delete(record);
            n++;
        }
        if (!end)
            break;
        line = end + 1;
    }
    if (!n)
        fprintf(stderr, "%s: empty\n", file);
    return n ? n : -1;
}

long vector_set_records(const struct vector_set *s, const char *prefix,
                        void (*each)(void *ctx, const char *file, const cJSON *record), void *ctx)
{
    long sum = 0;
    for (size_t i = 0; i < s->n_paths; i++) {
        const char *name = base_name(s->paths[i]);
        if (strncmp(name, prefix, strlen(prefix)) != 0 ||
            (!ends_in(name, ".jsonl") && !ends_in(name, ".jsonl.gz")))
            continue;
        size_t n_bytes;
        uint8_t *text = read_file(s->paths[i], &n_bytes);
        const long n = text ? each_line((char *)text, name, each, ctx) : -1;
        free(text);
        if (n < 0)
            return -1;
        sum += n;
    }
    return sum;
}

static void keep(struct vector_set *s, const char *name, uint8_t *bytes, size_t n_bytes)
{
    struct data_file *f = must(calloc(1, sizeof(*f)));
    f->name = must(strdup(name));
    f->bytes = bytes;
    f->n_bytes = n_bytes;
    f->next = s->cache;
    s->cache = f;
}

static void unpack(struct vector_set *s, const char *path)
{
    struct archive *a = open_archive(path, true);
    struct archive_entry *entry;
    while (a && archive_read_next_header(a, &entry) == ARCHIVE_OK) {
        size_t n_bytes;
        if (archive_entry_filetype(entry) != AE_IFREG)
            continue;
        uint8_t *bytes = read_entry(a, path, &n_bytes);
        if (bytes)
            keep(s, base_name(archive_entry_pathname(entry)), bytes, n_bytes);
    }
    if (a)
        archive_read_free(a);
}

const uint8_t *vector_set_file(struct vector_set *s, const char *name, size_t *n_bytes)
{
    for (size_t i = 0; !s->is_unpacked && i < s->n_paths; i++) {
        if (ends_in(s->paths[i], ".tar.gz"))
            unpack(s, s->paths[i]);
    }
    s->is_unpacked = true;
    for (size_t i = 0; i < 2; i++) {
        for (struct data_file *f = s->cache; f; f = f->next) {
            if (strcmp(f->name, name) == 0) {
                *n_bytes = f->n_bytes;
                return f->bytes;
            }
        }
        // Not packed: a plain file of a folder, read once and kept.
        for (size_t k = 0; !i && k < s->n_paths; k++) {
            if (strcmp(base_name(s->paths[k]), name) != 0)
                continue;
            uint8_t *bytes = read_file(s->paths[k], n_bytes);
            if (bytes)
                keep(s, name, bytes, *n_bytes);
            break;
        }
    }
    return NULL;
}

void tally_pass(struct tally *t)
{
    t->passed++;
}

void tally_fail(struct tally *t, const char *fmt, ...)
{
    va_list args;
    t->failed++;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

int tally_end(const struct tally *t)
{
    printf("%ld passed, %ld failed\n", t->passed, t->failed);
    return t->failed || !t->passed ? 1 : 0;
}

double vector_number(const cJSON *record, const char *key, double otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(record, key);
    return cJSON_IsNumber(item) ? item->valuedouble : otherwise;
}

const char *vector_text(const cJSON *record, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(record, key));
}

uint8_t *vector_unhex(const char *hex, size_t *n_bytes)
{
    const size_t n = hex ? strlen(hex) : 1;
    if (n % 2)
        return NULL;
    uint8_t *bytes = must(malloc(n / 2 + 1));
    for (size_t i = 0; i < n / 2; i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1) {
            free(bytes);
            return NULL;
        }
        bytes[i] = (uint8_t)byte;
    }
    *n_bytes = n / 2;
    return bytes;
}

int vector_hex(const cJSON *record, const char *key, uint8_t *out, size_t n_bytes)
{
    size_t n = 0;
    uint8_t *bytes = vector_unhex(vector_text(record, key), &n);
    const int ok = bytes && n == n_bytes;
    if (ok)
        memcpy(out, bytes, n);
    free(bytes);
    return ok;
}
