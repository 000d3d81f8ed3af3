/* host/partition_rows.c - tables in memory: read from either form, written to either form. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "partition_csv.h"
#include "unicode.h"

#define FIRST_ROWS 16u

ferry_err ferry_rows_refuse(struct ferry_rows *t, ferry_err err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->detail, sizeof(t->detail), fmt, ap);
    va_end(ap);
    for (char *c = t->detail; *c; c++)
        if ((uint8_t)*c < 0x20 || *c == 0x7f)
            *c = '?';
    if (t->fault.err != err)
        t->fault = (struct ferry_fault){.err = err};
    return err;
}

ferry_err ferry_rows_no_memory(struct ferry_rows *t)
{
    t->fault = (struct ferry_fault){.err = FERRY_ERR_NO_MEMORY};
    strcpy(t->detail, "no memory is left");
    return FERRY_ERR_NO_MEMORY;
}

uint32_t ferry_offset_align(uint8_t type)
{
    return type == FERRY_TYPE_APP ? 0x10000 : 0x1000;
}

bool ferry_row_is_primary(const struct ferry_partition *p)
{
    return (p->type == FERRY_TYPE_BOOTLOADER || p->type == FERRY_TYPE_TABLE) && p->subtype == 0;
}

ferry_err ferry_rows_add(struct ferry_rows *t, const struct ferry_partition *p, const char *name,
                         size_t n_name, unsigned line)
{
    if (t->n_rows == t->room) {
        const size_t room = t->room ? 2 * t->room : FIRST_ROWS;
        struct ferry_named_row *grown = realloc(t->rows, room * sizeof(*grown));
        if (!grown)
            return ferry_rows_no_memory(t);
        t->rows = grown;
        t->room = room;
    }
    struct ferry_named_row row = {.p = *p, .name = strndup(name, n_name), .line = line};
    if (!row.name)
        return ferry_rows_no_memory(t);
    memset(row.p.label, 0, sizeof(row.p.label));
    memcpy(row.p.label, name, n_name < FERRY_LABEL_BYTES ? n_name : FERRY_LABEL_BYTES);
    t->rows[t->n_rows++] = row;
    return FERRY_OK;
}

/** One partition row of a binary table. */
static ferry_err take_row(struct ferry_rows *t, const uint8_t row[FERRY_ROW_BYTES], size_t i)
{
    struct ferry_partition p;
    if (ferry_row_kind(row) != FERRY_ROW_PARTITION) {
        t->fault = (struct ferry_fault){FERRY_ERR_TABLE_ROW, (uint32_t)(row[0] | row[1] << 8),
                                        0x50aa, (uint32_t)i};
        return ferry_rows_refuse(t, FERRY_ERR_TABLE_ROW, "row %zu begins with %02x %02x", i, row[0],
                                 row[1]);
    }
    ferry_partition_decode(row, &p);
    const size_t n_name = strlen(p.label);
    if (!ferry_utf8_is_valid(p.label, n_name))
        return ferry_rows_refuse(t, FERRY_ERR_SYNTAX, "the label in row %zu is not UTF-8", i);
    const uint32_t known = FERRY_FLAG_ENCRYPTED | FERRY_FLAG_READONLY;
    if (p.flags & ~known)
        ferry_strbuf_addf(&t->warnings, "partition %s has flags nobody knows: 0x%08x\n", p.label,
                          (unsigned)(p.flags & ~known));
    p.flags &= known;
    return ferry_rows_add(t, &p, p.label, n_name, 0);
}

/** Takes the MD5 row if this is one. The tool's own reading: any number of them, each over the
 * partition rows so far. */
static ferry_err take_md5(struct ferry_rows *t, const struct ferry_md5 *so_far,
                          const uint8_t row[FERRY_ROW_BYTES], size_t i)
{
    struct ferry_md5 md5 = *so_far;
    uint8_t digest[FERRY_MD5_BYTES];
    ferry_md5_finish(&md5, digest);
    if (memcmp(digest, row + FERRY_ROW_BYTES - FERRY_MD5_BYTES, sizeof(digest)) != 0)
        return ferry_rows_refuse(t, FERRY_ERR_TABLE_MD5, "row %zu", i);
    return FERRY_OK;
}

/** The tool's end marker; the bootloader is content with the first four bytes. */
static bool is_erased(const uint8_t row[FERRY_ROW_BYTES])
{
    size_t i = 0;
    while (i < FERRY_ROW_BYTES && row[i] == 0xff)
        i++;
    return i == FERRY_ROW_BYTES;
}

ferry_err ferry_rows_from_binary(struct ferry_rows *t, const uint8_t *bytes, size_t n_bytes,
                                 const struct ferry_rows_options *o)
{
    struct ferry_md5 md5;
    ferry_md5_init(&md5);
    for (size_t i = 0; i * FERRY_ROW_BYTES < n_bytes; i++) {
        const uint8_t *row = bytes + i * FERRY_ROW_BYTES;
        const size_t left = n_bytes - i * FERRY_ROW_BYTES;
        ferry_err err;
        if (left < FERRY_ROW_BYTES) {
            t->fault = (struct ferry_fault){FERRY_ERR_TRUNC, (uint32_t)left, FERRY_ROW_BYTES,
                                            (uint32_t)(i * FERRY_ROW_BYTES)};
            return ferry_rows_refuse(t, FERRY_ERR_TRUNC, "row %zu is cut short", i);
        }
        if (is_erased(row))
            return FERRY_OK;
        if (!o->without_md5 && ferry_row_kind(row) == FERRY_ROW_MD5) {
            err = take_md5(t, &md5, row, i);
        } else {
            ferry_md5_update(&md5, row, FERRY_ROW_BYTES);
            err = take_row(t, row, i);
        }
        if (err)
            return err;
    }
    t->fault = (struct ferry_fault){FERRY_ERR_TABLE_END, (uint32_t)t->n_rows,
                                    (uint32_t)(n_bytes / FERRY_ROW_BYTES), 0};
    return ferry_rows_refuse(t, FERRY_ERR_TABLE_END, "%zu bytes of it", n_bytes);
}

static ferry_err check_options(struct ferry_rows *t, const struct ferry_rows_options *o)
{
    if (o->has_primary_bootloader && o->primary_bootloader_off_bytes >= o->table_off_bytes)
        return ferry_rows_refuse(t, FERRY_ERR_ARG,
                                 "the primary bootloader at 0x%x must lie before the partition "
                                 "table at 0x%x",
                                 (unsigned)o->primary_bootloader_off_bytes,
                                 (unsigned)o->table_off_bytes);
    return FERRY_OK;
}

ferry_err ferry_rows_read(struct ferry_rows *t, const uint8_t *bytes, size_t n_bytes,
                          const struct ferry_rows_options *o)
{
    ferry_err err = check_options(t, o);
    if (err)
        return err;
    t->was_binary = n_bytes >= 2 && bytes[0] == 0xaa && bytes[1] == 0x50;
    if (t->was_binary) {
        err = ferry_rows_from_binary(t, bytes, n_bytes, o);
    } else {
        struct ferry_strbuf text = {0};
        size_t bad_off = 0;
        err = ferry_text_decode(bytes, n_bytes, &text, &bad_off);
        if (err == FERRY_ERR_SYNTAX)
            ferry_rows_refuse(t, err, "it is neither a binary table nor text: byte 0x%02x at %zu",
                              bytes[bad_off], bad_off);
        else if (err)
            ferry_rows_no_memory(t);
        else
            err = ferry_rows_from_csv(t, text.text, text.n, o);
        ferry_strbuf_free(&text);
    }
    return !err && t->warnings.failed ? ferry_rows_no_memory(t) : err;
}

ferry_err ferry_rows_encode(struct ferry_rows *t, const struct ferry_rows_options *o,
                            uint8_t out[FERRY_TABLE_BYTES])
{
    const size_t most = FERRY_TABLE_PARTITIONS - (o->without_md5 ? 0 : 1);
    if (t->n_rows > most) {
        t->fault =
            (struct ferry_fault){FERRY_ERR_TABLE_FULL, (uint32_t)t->n_rows, (uint32_t)most, 0};
        return ferry_rows_refuse(t, FERRY_ERR_TABLE_FULL, "%zu rows", t->n_rows);
    }
    struct ferry_partition rows[FERRY_TABLE_PARTITIONS];
    for (size_t i = 0; i < t->n_rows; i++)
        rows[i] = t->rows[i].p;
    return ferry_table_encode(rows, t->n_rows, !o->without_md5, out, &t->fault);
}

static void add_size(struct ferry_strbuf *out, uint32_t n)
{
    if (n % 0x100000 == 0)
        ferry_strbuf_addf(out, "%uM", (unsigned)(n / 0x100000));
    else if (n % 0x400 == 0)
        ferry_strbuf_addf(out, "%uK", (unsigned)(n / 0x400));
    else
        ferry_strbuf_addf(out, "0x%x", (unsigned)n);
}

static void add_word(struct ferry_strbuf *out, const char *word, unsigned number)
{
    if (word)
        ferry_strbuf_addf(out, ",%s", word);
    else
        ferry_strbuf_addf(out, ",%u", number);
}

ferry_err ferry_rows_csv(struct ferry_rows *t, const struct ferry_rows_options *o,
                         struct ferry_strbuf *out)
{
    static const char *const flags[] = {"", "encrypted", "readonly", "encrypted:readonly"};
    ferry_strbuf_addf(out, "# ESP-IDF Partition Table\n"
                           "# Name, Type, SubType, Offset, Size, Flags\n");
    for (size_t i = 0; i < t->n_rows; i++) {
        const struct ferry_partition *p = &t->rows[i].p;
        ferry_strbuf_addf(out, "%s", t->rows[i].name);
        add_word(out, ferry_type_name(p->type), p->type);
        add_word(out, ferry_subtypes_name(o->subtypes, p->type, p->subtype), p->subtype);
        ferry_strbuf_addf(out, ",0x%x,", (unsigned)p->off_bytes);
        add_size(out, p->size_bytes);
        ferry_strbuf_addf(out, ",%s\n",
                          flags[p->flags & (FERRY_FLAG_ENCRYPTED | FERRY_FLAG_READONLY)]);
    }
    return out->failed ? ferry_rows_no_memory(t) : FERRY_OK;
}

void ferry_rows_free(struct ferry_rows *t)
{
    for (size_t i = 0; i < t->n_rows; i++)
        free(t->rows[i].name);
    free(t->rows);
    ferry_strbuf_free(&t->warnings);
    ferry_strbuf_free(&t->problems);
    *t = (struct ferry_rows){0};
}
