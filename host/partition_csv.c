/* host/partition_csv.c - partition CSV to rows: lines, fields, numbers, places left open. */
#include "partition_csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "csv_number.h"
#include "unicode.h"

#define N_FIELDS     6
#define SECTOR_BYTES 0x1000

enum field { NAME, TYPE, SUBTYPE, OFFSET, SIZE, FLAGS };

/** A row while its place may still be open. */
struct draft {
    struct ferry_partition p;
    int64_t off, size;
    bool has_off;
    unsigned line;
};

struct reader {
    struct ferry_rows *t;
    const struct ferry_rows_options *o;
    struct ferry_strbuf line; // the current one, variables expanded
    unsigned line_no;
    int64_t cursor; // first offset not taken
};

__attribute__((format(printf, 2, 3))) static ferry_err refuse(struct reader *r, const char *fmt,
                                                              ...)
{
    char why[FERRY_ROWS_DETAIL_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    return ferry_rows_refuse(r->t, FERRY_ERR_CSV, "line %u: %s", r->line_no, why);
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/** The length of the variable's name at s, which follows a '$'; *n_whole with its braces. */
static size_t variable_at(const char *s, size_t n, const char **name, size_t *n_whole)
{
    size_t n_name = 0;
    *name = s;
    if (n && *s == '{') {
        const char *close = memchr(s, '}', n);
        *name = s + 1;
        *n_whole = close ? (size_t)(close - s) + 1 : 0;
        return close ? *n_whole - 2 : 0;
    }
    while (n_name < n && is_name_char(s[n_name]))
        n_name++;
    *n_whole = n_name;
    return n_name;
}

/** The value of a variable of the environment, or NULL. */
static const char *value_of(struct reader *r, const char *name, size_t n)
{
    char *word = strndup(name, n);
    const char *value = word && !memchr(name, 0, n) ? getenv(word) : NULL;
    r->line.failed |= !word;
    free(word);
    return value;
}

/** Copies a line into r->line with its variables replaced; unknown ones stay as they are. */
static ferry_err expand(struct reader *r, const char *s, size_t n)
{
    ferry_strbuf_clear(&r->line);
    for (size_t i = 0; i < n;) {
        const char *dollar = memchr(s + i, '$', n - i);
        const size_t plain = dollar ? (size_t)(dollar - s) - i : n - i;
        ferry_strbuf_add(&r->line, s + i, plain);
        i += plain;
        if (!dollar)
            break;
        const char *name;
        size_t n_whole;
        const size_t n_name = variable_at(dollar + 1, n - i - 1, &name, &n_whole);
        const char *value = n_whole ? value_of(r, name, n_name) : NULL;
        if (value)
            ferry_strbuf_add(&r->line, value, strlen(value));
        else
            ferry_strbuf_add(&r->line, dollar, n_whole + 1);
        i += n_whole + 1;
    }
    ferry_strbuf_add(&r->line, "", 0);
    if (r->line.failed)
        return FERRY_ERR_NO_MEMORY;
    const char *line = r->line.text;
    if (line[0] == '$' && is_name_char(line[1]) && !(line[1] >= '0' && line[1] <= '9'))
        return refuse(r, "there is no variable '%.*s' in the environment",
                      (int)strspn(line + 1, "abcdefghijklmnopqrstuvwxyz"
                                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"),
                      line + 1);
    if (memchr(line, 0, r->line.n))
        return refuse(r, "it holds a NUL character");
    if (!ferry_utf8_is_valid(line, r->line.n))
        return refuse(r, "the value of a variable is not UTF-8");
    return FERRY_OK;
}

/** Strips blanks off both ends of a text, in place; returns its new start. */
static char *strip(char *s)
{
    uint32_t code;
    size_t n = strlen(s), step;
    while ((step = ferry_utf8_next(s, n, &code)) && ferry_char_is_blank(code)) {
        s += step;
        n -= step;
    }
    while (n) {
        size_t at = n - 1;
        while (at && ((uint8_t)s[at] & 0xc0) == 0x80)
            at--;
        if (!ferry_utf8_next(s + at, n - at, &code) || !ferry_char_is_blank(code))
            break;
        n = at;
    }
    s[n] = '\0';
    return s;
}

/** Cuts a line into its fields; missing ones are empty, surplus ones are dropped. */
static void split(char *line, char *fields[N_FIELDS])
{
    for (int i = 0; i < N_FIELDS; i++) {
        char *comma = strchr(line, ',');
        fields[i] = line;
        line = comma ? comma + 1 : line + strlen(line);
        if (comma)
            *comma = '\0';
        fields[i] = strip(fields[i]);
    }
}

/** A number with suffixes, or a keyword, which may have suffixes as well. */
static bool word_or_number(const struct reader *r, char *text, int type, int64_t *out)
{
    size_t n = strlen(text);
    const int64_t product = ferry_csv_suffixes(text, &n);
    int64_t value;
    if (!ferry_csv_int(text, n, 0, &value)) {
        const char suffix = text[n];
        uint8_t named = 0;
        text[n] = '\0';
        const bool known = type < 0
                               ? !ferry_type_by_name(text, &named)
                               : ferry_subtypes_value(r->o->subtypes, (uint8_t)type, text, &value);
        text[n] = suffix;
        if (!known)
            return false;
        value = type < 0 ? named : value;
    }
    *out = ferry_csv_times(value, product);
    return true;
}

/** Takes the field of a type or subtype; type is -1 for the type itself. */
static ferry_err read_kind(struct reader *r, char *text, int type, uint8_t *out)
{
    const char *what = type < 0 ? "type" : "subtype";
    int64_t value;
    if (!word_or_number(r, text, type, &value)) {
        const char *of = type < 0 ? NULL : ferry_type_name((uint8_t)type);
        if (type < 0)
            return refuse(r,
                          "type '%s' is not known; it is app, data, bootloader, partition_table or "
                          "a number",
                          text);
        return refuse(r, "subtype '%s' is not known for %s%s", text, of ? "type " : "",
                      of ? of : "a type of your own, only numbers are");
    }
    if (value < 0 || value > 0xff)
        return refuse(r, "%s %s is out of range; the limit is 255", what, text);
    *out = (uint8_t)value;
    return FERRY_OK;
}

static ferry_err read_kinds(struct reader *r, char *const fields[N_FIELDS], struct draft *d)
{
    if (!*fields[TYPE])
        return refuse(r, "the type is missing: app, data, bootloader, partition_table or a number");
    const ferry_err err = read_kind(r, fields[TYPE], -1, &d->p.type);
    if (err)
        return err;
    if (*fields[SUBTYPE])
        return read_kind(r, fields[SUBTYPE], d->p.type, &d->p.subtype);
    if (d->p.type == FERRY_TYPE_APP)
        return refuse(r,
                      "the subtype is missing; an app needs one: factory, ota_0 to ota_15, test");
    d->p.subtype = FERRY_DATA_UNDEFINED;
    return FERRY_OK;
}

static ferry_err read_number(struct reader *r, const char *what, const char *text, int64_t *out)
{
    if (!ferry_csv_number(text, out))
        return refuse(r, "%s '%s' is not a number (4096, 0x1000, 4K, 1M)", what, text);
    return FERRY_OK;
}

/** Offset and size of a bootloader or table row that has its place from the options. */
static ferry_err read_place(struct reader *r, const char *text, struct draft *d)
{
    const bool is_bootloader = d->p.type == FERRY_TYPE_BOOTLOADER;
    d->has_off = true;
    if (ferry_row_is_primary(&d->p)) {
        if (is_bootloader && !r->o->has_primary_bootloader)
            return refuse(r, "a bootloader row needs --primary-bootloader-offset");
        d->off = is_bootloader ? r->o->primary_bootloader_off_bytes : r->o->table_off_bytes;
        return FERRY_OK;
    }
    if (is_bootloader && d->p.subtype == 2) {
        if (!r->o->has_recovery_bootloader)
            return refuse(r, "a recovery bootloader row needs --recovery-bootloader-offset");
        d->off = r->o->recovery_bootloader_off_bytes;
        return FERRY_OK;
    }
    d->has_off = *text != '\0';
    return d->has_off ? read_number(r, "offset", text, &d->off) : FERRY_OK;
}

static ferry_err read_size(struct reader *r, const char *text, struct draft *d)
{
    if (d->p.type == FERRY_TYPE_BOOTLOADER) {
        if (!r->o->has_primary_bootloader)
            return refuse(r, "a bootloader row needs --primary-bootloader-offset");
        d->size = (int64_t)r->o->table_off_bytes - r->o->primary_bootloader_off_bytes;
        return FERRY_OK;
    }
    if (d->p.type == FERRY_TYPE_TABLE) {
        d->size = SECTOR_BYTES;
        return FERRY_OK;
    }
    if (!*text)
        return refuse(r, "the size is missing");
    return read_number(r, "size", text, &d->size);
}

static ferry_err read_flags(struct reader *r, char *text, struct draft *d)
{
    while (text) {
        char *colon = strchr(text, ':');
        if (colon)
            *colon = '\0';
        if (!strcmp(text, "encrypted"))
            d->p.flags |= FERRY_FLAG_ENCRYPTED;
        else if (!strcmp(text, "readonly"))
            d->p.flags |= FERRY_FLAG_READONLY;
        else if (*text)
            return refuse(r,
                          "flag '%s' is not known; flags are encrypted and readonly, with a "
                          "colon between",
                          text);
        text = colon ? colon + 1 : NULL;
    }
    return FERRY_OK;
}

/** Gives the row its place behind the one before, as far as it is open. */
static ferry_err lay_out(struct reader *r, struct draft *d)
{
    if (!ferry_row_is_primary(&d->p)) {
        const int64_t first = (int64_t)r->o->table_off_bytes + SECTOR_BYTES;
        if (d->has_off && d->off < r->cursor)
            return refuse(r, "offset %s0x%llx is taken: %s up to 0x%llx", d->off < 0 ? "-" : "",
                          (unsigned long long)llabs(d->off),
                          r->cursor == first ? "the partition table reaches"
                                             : "the partition before reaches",
                          (unsigned long long)r->cursor);
        const int64_t align = ferry_offset_align(d->p.type);
        if (!d->has_off)
            d->off = (r->cursor + align - 1) / align * align;
        if (d->size < 0)
            d->size = -d->size - d->off;
        r->cursor = d->off + d->size;
    }
    if (d->off > UINT32_MAX)
        return refuse(r, "offset 0x%llx is out of range; the limit is 0xffffffff",
                      (unsigned long long)d->off);
    if (d->size < 0)
        return refuse(r, "the partition would end at 0x%llx, before its offset 0x%llx",
                      (unsigned long long)(d->off + d->size), (unsigned long long)d->off);
    if (d->size > UINT32_MAX)
        return refuse(r, "size 0x%llx is out of range; the limit is 0xffffffff",
                      (unsigned long long)d->size);
    d->p.off_bytes = (uint32_t)d->off;
    d->p.size_bytes = (uint32_t)d->size;
    return FERRY_OK;
}

static ferry_err read_line(struct reader *r, const char *s, size_t n)
{
    char *fields[N_FIELDS];
    struct draft d = {.line = r->line_no};
    ferry_err err = expand(r, s, n);
    if (err)
        return err;
    char *line = strip(r->line.text);
    if (!*line || *line == '#')
        return FERRY_OK;
    split(line, fields);
    err = read_kinds(r, fields, &d);
    if (!err)
        err = read_place(r, fields[OFFSET], &d);
    if (!err)
        err = read_size(r, fields[SIZE], &d);
    if (!err)
        err = read_flags(r, fields[FLAGS], &d);
    if (!err)
        err = lay_out(r, &d);
    if (!err)
        err = ferry_rows_add(r->t, &d.p, fields[NAME], strlen(fields[NAME]), r->line_no);
    return err;
}

/** The length of the line at s, and how many bytes end it. */
static size_t line_at(const char *s, size_t n, size_t *n_end)
{
    size_t at = 0;
    *n_end = 0;
    while (at < n) {
        uint32_t code;
        const size_t step = ferry_utf8_next(s + at, n - at, &code);
        if (ferry_char_is_line_end(code)) {
            *n_end = step;
            if (code == '\r' && at + 1 < n && s[at + 1] == '\n')
                *n_end = 2;
            break;
        }
        at += step;
    }
    return at;
}

ferry_err ferry_rows_from_csv(struct ferry_rows *t, const char *text, size_t n,
                              const struct ferry_rows_options *o)
{
    struct reader r = {.t = t, .o = o, .cursor = (int64_t)o->table_off_bytes + SECTOR_BYTES};
    ferry_err err = FERRY_OK;
    while (n && !err) {
        size_t n_end;
        const size_t n_line = line_at(text, n, &n_end);
        r.line_no++;
        err = read_line(&r, text, n_line);
        text += n_line + n_end;
        n -= n_line + n_end;
    }
    ferry_strbuf_free(&r.line);
    return err == FERRY_ERR_NO_MEMORY ? ferry_rows_no_memory(t) : err;
}
