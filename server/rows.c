/* server/rows.c - see rows.h. */
#include "rows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void rows_add_names(struct ferry_strbuf *out, struct db *db)
{
    for (unsigned i = 0, n = db_columns(db); i < n; i++)
        ferry_strbuf_addf(out, "%s%s", i ? "\t" : "", db_column_name(db, i));
    ferry_strbuf_add(out, "\n", 1);
}

static const char plain[] = "\\\t\n\r", escaped[] = "\\tnr";

static void add_text(struct ferry_strbuf *out, const char *s)
{
    for (;;) {
        const size_t n = strcspn(s, plain);
        ferry_strbuf_add(out, s, n);
        if (!s[n])
            return;
        const char pair[2] = {'\\', escaped[strchr(plain, s[n]) - plain]};
        ferry_strbuf_add(out, pair, 2);
        s += n + 1;
    }
}

static void add_value(struct ferry_strbuf *out, struct db *db, unsigned column)
{
    size_t n;
    const uint8_t *bytes;
    switch (db_type_of(db, column)) {
    case DB_NULL:
        ferry_strbuf_add(out, "-", 1);
        return;
    case DB_INT:
        ferry_strbuf_addf(out, "i%" PRId64, db_get_int(db, column));
        return;
    case DB_TEXT:
        ferry_strbuf_add(out, "t", 1);
        add_text(out, db_get_text(db, column));
        return;
    case DB_BLOB:
        bytes = db_get_blob(db, column, &n);
        ferry_strbuf_add(out, "b", 1);
        for (size_t i = 0; i < n; i++)
            ferry_strbuf_addf(out, "%02x", bytes[i]);
        return;
    }
}

void rows_add(struct ferry_strbuf *out, struct db *db)
{
    for (unsigned i = 0, n = db_columns(db); i < n; i++) {
        if (i)
            ferry_strbuf_add(out, "\t", 1);
        add_value(out, db, i);
    }
    ferry_strbuf_add(out, "\n", 1);
}

/** Takes the escapes out, in place; ends it with NUL. False: a backslash before something else. */
static bool take_text(char *s, size_t n, struct db_value *v)
{
    char *to = s;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '\\') {
            const char *place = i + 1 < n && s[i + 1] ? strchr(escaped, s[i + 1]) : NULL;
            if (!place)
                return false;
            c = plain[place - escaped];
            i++;
        }
        *to++ = c;
    }
    *v = (struct db_value){.type = DB_TEXT, .bytes = s, .n_bytes = (size_t)(to - s)};
    return memchr(s, '\0', v->n_bytes) == NULL;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_blob(char *s, size_t n, struct db_value *v)
{
    if (n % 2)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        const int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        s[i] = (char)(uint8_t)(high << 4 | low);
    }
    *v = db_blob(s, n / 2);
    return true;
}

static bool take_number(const char *s, size_t n, struct db_value *v)
{
    char copy[24];
    if (n == 0 || n >= sizeof(copy) || strspn(s + (s[0] == '-'), "0123456789") < n - (s[0] == '-'))
        return false;
    memcpy(copy, s, n);
    copy[n] = '\0';
    char *end;
    errno = 0;
    *v = db_int(strtoll(copy, &end, 10));
    return !errno && end != copy && !*end;
}

static bool take_value(char *s, size_t n, struct db_value *v)
{
    if (n == 0)
        return false;
    switch (s[0]) {
    case '-':
        *v = db_text(NULL);
        return n == 1;
    case 'i':
        return take_number(s + 1, n - 1, v);
    case 't':
        return take_text(s + 1, n - 1, v);
    case 'b':
        return take_blob(s + 1, n - 1, v);
    default:
        return false;
    }
}

bool rows_take(char *line, size_t n, struct db_value *values, unsigned n_values)
{
    char *const end = line + n;
    for (unsigned i = 0; i < n_values; i++) {
        char *tab = memchr(line, '\t', (size_t)(end - line));
        const bool is_last = i + 1 == n_values;
        if (is_last != !tab)
            return false;
        if (!take_value(line, (size_t)((tab ? tab : end) - line), &values[i]))
            return false;
        line = tab ? tab + 1 : end;
    }
    return n_values > 0;
}
