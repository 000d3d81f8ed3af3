/* host/nvs_csv.c - the dialect "excel" of Python's csv module, with the generator's comments. */
#include "nvs_csv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "unicode.h"

static const char *const headings[] = {"key", "type", "encoding", "value"};
#define N_HEADINGS 4u

__attribute__((format(printf, 3, 4))) static ferry_err
refuse(struct ferry_nvs_csv *c, const struct ferry_nvs_span *where, const char *fmt, ...)
{
    va_list ap;
    const int n = snprintf(c->detail, sizeof(c->detail),
                           "line %u, column %u: ", (unsigned)where->line, (unsigned)where->column);
    va_start(ap, fmt);
    vsnprintf(c->detail + n, sizeof(c->detail) - (size_t)n, fmt, ap);
    va_end(ap);
    return FERRY_ERR_CSV;
}

static struct ferry_nvs_span here(const struct ferry_nvs_csv *c)
{
    return (struct ferry_nvs_span){.off = c->cells.n, .line = c->line, .column = c->column};
}

/* The character that comes next; any line end is '\n', the end of the text -1. */
static int peek(const struct ferry_nvs_csv *c)
{
    if (c->at == c->text.n)
        return -1;
    const char ch = c->text.text[c->at];
    return ch == '\r' ? '\n' : (uint8_t)ch;
}

static bool at_line_end(const struct ferry_nvs_csv *c)
{
    const int ch = peek(c);
    return ch < 0 || ch == '\n';
}

/* Goes past a line that begins with '#', again and again: the generator drops such lines before
 * anybody looks for quotes, so they vanish from the middle of a quoted cell too. */
static void skip_comments(struct ferry_nvs_csv *c)
{
    while (peek(c) == '#') {
        const char *rest = c->text.text + c->at;
        const size_t left = c->text.n - c->at;
        size_t n = 0;
        while (n < left && rest[n] != '\n' && rest[n] != '\r')
            n++;
        if (n < left)
            n += rest[n] == '\r' && n + 1 < left && rest[n + 1] == '\n' ? 2 : 1;
        c->at += n;
        c->line++;
    }
}

/* Goes past one character, a line end of two bytes included. */
static void step(struct ferry_nvs_csv *c)
{
    const char *s = c->text.text + c->at;
    const size_t left = c->text.n - c->at;
    if (*s != '\n' && *s != '\r') {
        c->at++;
        // Columns count characters: what continues one has the bits 10 on top.
        c->column += left > 1 && ((uint8_t)s[1] & 0xc0) == 0x80 ? 0 : 1;
        return;
    }
    c->at += *s == '\r' && left > 1 && s[1] == '\n' ? 2 : 1;
    c->line++;
    c->column = 1;
    skip_comments(c);
}

static void keep(struct ferry_nvs_csv *c)
{
    const char ch = (char)peek(c);
    ferry_strbuf_add(&c->cells, &ch, 1);
    step(c);
}

/* Reads the inside of a quoted cell, up to and with its closing quote. */
static ferry_err read_quoted(struct ferry_nvs_csv *c, const struct ferry_nvs_span *start)
{
    step(c);
    while (peek(c) >= 0) {
        if (peek(c) != '"') {
            keep(c);
            continue;
        }
        step(c);
        if (peek(c) != '"')
            return FERRY_OK;
        keep(c); // two quotes are one
    }
    return refuse(c, start, "the quote that begins here is never closed");
}

static ferry_err read_cell(struct ferry_nvs_csv *c)
{
    struct ferry_nvs_span cell = here(c);
    ferry_err err = FERRY_OK;
    if (peek(c) == '"')
        err = read_quoted(c, &cell);
    // What follows a closing quote belongs to the cell, quotes and all.
    while (!err && !at_line_end(c) && peek(c) != ',')
        keep(c);
    cell.n = c->cells.n - cell.off;
    ferry_strbuf_add(&c->cells, "", 1);
    if (c->n_cells < FERRY_NVS_CSV_COLUMNS_MAX)
        c->spans[c->n_cells] = cell;
    c->n_cells++;
    return err;
}

/* Reads a record of at least one cell. FERRY_ERR_NOT_FOUND: the text has ended. */
static ferry_err read_record(struct ferry_nvs_csv *c)
{
    ferry_strbuf_clear(&c->cells);
    c->n_cells = 0;
    if (peek(c) < 0)
        return FERRY_ERR_NOT_FOUND;
    ferry_err err = read_cell(c);
    while (!err && peek(c) == ',') {
        step(c);
        err = read_cell(c);
    }
    if (!err && peek(c) == '\n')
        step(c);
    return c->cells.failed ? FERRY_ERR_NO_MEMORY : err;
}

static bool is_blank_record(const struct ferry_nvs_csv *c)
{
    for (size_t i = 0; i < c->cells.n; i++)
        if (!strchr(" \t\n", c->cells.text[i])) // NUL too: it ends a cell
            return false;
    return true;
}

static ferry_err next_record(struct ferry_nvs_csv *c)
{
    ferry_err err;
    do
        err = read_record(c);
    while (!err && is_blank_record(c));
    return err;
}

static ferry_err read_headings(struct ferry_nvs_csv *c)
{
    const struct ferry_nvs_span top = {.line = 1, .column = 1};
    const ferry_err err = next_record(c);
    if (err == FERRY_ERR_NOT_FOUND)
        return refuse(c, &top, "the file is empty; its first row must be key,type,encoding,value");
    if (err)
        return err;
    if (c->n_cells > FERRY_NVS_CSV_COLUMNS_MAX)
        return refuse(c, &c->spans[0], "it has %u columns; the limit is %u", (unsigned)c->n_cells,
                      FERRY_NVS_CSV_COLUMNS_MAX);
    for (uint32_t h = 0; h < N_HEADINGS; h++) {
        c->places[h] = -1;
        for (uint32_t i = 0; i < c->n_cells; i++) // of two equal ones the last counts
            if (!strcmp(c->cells.text + c->spans[i].off, headings[h]))
                c->places[h] = (int32_t)i;
        if (c->places[h] < 0)
            return refuse(c, &c->spans[0],
                          "the first row has no column '%s'; it must be key,type,encoding,value",
                          headings[h]);
    }
    return FERRY_OK;
}

static ferry_err take_text(struct ferry_nvs_csv *c, const uint8_t *bytes, size_t n_bytes)
{
    size_t bad_off = 0;
    const ferry_err err = ferry_text_decode(bytes, n_bytes, &c->text, &bad_off);
    if (err == FERRY_ERR_SYNTAX) {
        snprintf(c->detail, sizeof(c->detail), "byte %zu is not UTF-8 text", bad_off);
        return FERRY_ERR_CSV;
    }
    if (err)
        return err;
    const char *nul = memchr(c->text.text, '\0', c->text.n);
    if (nul) {
        snprintf(c->detail, sizeof(c->detail), "character %zu is a NUL", nul - c->text.text);
        return FERRY_ERR_CSV;
    }
    skip_comments(c);
    return read_headings(c);
}

ferry_err ferry_nvs_csv_open(struct ferry_nvs_csv *c, const uint8_t *bytes, size_t n_bytes)
{
    *c = (struct ferry_nvs_csv){.line = 1, .column = 1};
    const ferry_err err = take_text(c, bytes, n_bytes);
    if (err)
        ferry_nvs_csv_close(c);
    return err;
}

static struct ferry_nvs_cell cell_of(const struct ferry_nvs_csv *c, int32_t place)
{
    if ((uint32_t)place >= c->n_cells) { // the row ends before: its last cell says where
        const struct ferry_nvs_span *last = &c->spans[c->n_cells - 1];
        return (struct ferry_nvs_cell){.line = last->line, .column = last->column};
    }
    const struct ferry_nvs_span *s = &c->spans[place];
    return (struct ferry_nvs_cell){c->cells.text + s->off, s->n, s->line, s->column};
}

ferry_err ferry_nvs_csv_next(struct ferry_nvs_csv *c, struct ferry_nvs_row *row)
{
    const ferry_err err = next_record(c);
    if (err)
        return err;
    row->key = cell_of(c, c->places[0]);
    row->type = cell_of(c, c->places[1]);
    row->encoding = cell_of(c, c->places[2]);
    row->value = cell_of(c, c->places[3]);
    return FERRY_OK;
}

void ferry_nvs_csv_close(struct ferry_nvs_csv *c)
{
    ferry_strbuf_free(&c->text);
    ferry_strbuf_free(&c->cells);
}
