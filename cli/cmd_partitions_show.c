/* cli/cmd_partitions_show.c - `ferry partitions show`: a table for a person to read, or as JSON.
 * In order of offset, with the gaps between; a damaged table is shown as far as it goes. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "device_words.h"
#include "ferry/bytes.h"
#include "partition_input.h"
#include "unicode.h"

#define SECTOR_BYTES 0x1000u
#define WORD_BYTES   48u

/** One line of the table, ready to print. */
struct cells {
    char number[8], name[WORD_BYTES], type[WORD_BYTES], subtype[WORD_BYTES], size_words[24];
    char flags[64];
    uint64_t off, size;
    bool is_gap;
};

struct sheet {
    const struct partition_input *in;
    struct cli_output *out;
    int name_width, type_width, subtype_width, size_width;
    uint64_t end; // of what was listed so far
    uint64_t gap_bytes;
    cJSON *gaps;
    bool measure_only; // first pass: find the widths
};

/** How many columns a text takes, one for each character. */
static int columns(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += ((uint8_t)*s & 0xc0) != 0x80;
    return n;
}

static int wider(int width, const char *s)
{
    const int n = columns(s);
    return n > width ? n : width;
}

static const char *number_words(char *buf, const char *word, uint8_t number)
{
    if (word)
        snprintf(buf, WORD_BYTES, "%s", word);
    else
        snprintf(buf, WORD_BYTES, "0x%02x", number);
    return buf;
}

static const char *flag_words(char buf[40], uint32_t flags)
{
    const uint32_t unknown = flags & ~(FERRY_FLAG_ENCRYPTED | FERRY_FLAG_READONLY);
    int n = snprintf(buf, 40, "%s%s%s", flags & FERRY_FLAG_ENCRYPTED ? "encrypted" : "",
                     (flags & 3) == 3 ? ":" : "", flags & FERRY_FLAG_READONLY ? "readonly" : "");
    if (unknown)
        snprintf(buf + n, 40 - (size_t)n, "%s0x%x", n ? ":" : "", (unsigned)unknown);
    return buf;
}

static void print_cells(struct sheet *s, const struct cells *c)
{
    struct cli_output *out = s->out;
    if (s->measure_only) {
        s->name_width = wider(s->name_width, c->name);
        s->type_width = wider(s->type_width, c->type);
        s->subtype_width = wider(s->subtype_width, c->subtype);
        s->size_width = wider(s->size_width, c->size_words);
        return;
    }
    cli_text(out, "%s %3s  %s%*s  %-*s  %-*s  0x%08llx  %*s%s%s%s\n",
             c->is_gap ? cli_colour(out, CLI_DIM) : "", c->number, c->name,
             s->name_width - columns(c->name), "", s->type_width, c->type, s->subtype_width,
             c->subtype, (unsigned long long)c->off, s->size_width, c->size_words,
             *c->flags ? "  " : "", c->flags, c->is_gap ? cli_colour(out, CLI_PLAIN) : "");
}

static void print_gap(struct sheet *s, uint64_t off, uint64_t size)
{
    const uint64_t flash = s->in->options.flash_bytes ? s->in->options.flash_bytes : UINT64_MAX;
    if (off >= flash)
        return; // between partitions that the flash does not hold
    size = size > flash - off ? flash - off : size;
    struct cells c = {.name = "(free)", .off = off, .size = size, .is_gap = true};
    partition_size_words(c.size_words, size);
    if (!s->measure_only) {
        cJSON *gap = cJSON_CreateObject();
        cJSON_AddNumberToObject(gap, "offset", (double)off);
        cJSON_AddNumberToObject(gap, "size", (double)size);
        cJSON_AddItemToArray(s->gaps, gap);
        s->gap_bytes += size;
    }
    print_cells(s, &c);
}

/** What is wrong with a row stands behind its flags. */
static void add_word(char flags[64], const char *word)
{
    if (*flags)
        strcat(flags, " ");
    strcat(flags, word);
}

static void print_partition(struct sheet *s, uint32_t i)
{
    const struct ferry_partition *p = &s->in->partitions[i];
    struct cells c = {.off = p->off_bytes, .size = p->size_bytes};
    const uint64_t end = c.off + c.size;
    snprintf(c.number, sizeof(c.number), "%u", (unsigned)i);
    cli_printable(c.name, sizeof(c.name), p->label);
    number_words(c.type, ferry_type_name(p->type), p->type);
    number_words(c.subtype, ferry_subtypes_name(s->in->options.subtypes, p->type, p->subtype),
                 p->subtype);
    flag_words(c.flags, p->flags);
    partition_size_words(c.size_words, c.size);
    if (c.off > s->end)
        print_gap(s, s->end, c.off - s->end);
    if (c.off < s->end && c.size && !ferry_row_is_primary(p))
        add_word(c.flags, "OVERLAPS");
    if (s->in->options.flash_bytes && end > s->in->options.flash_bytes)
        add_word(c.flags, "OUTSIDE");
    print_cells(s, &c);
    s->end = end > s->end ? end : s->end;
}

static void print_rows(struct sheet *s, bool measure_only)
{
    uint32_t order[FERRY_TABLE_ROWS];
    const struct partition_input *in = s->in;
    const uint32_t flash = in->options.flash_bytes;
    partition_order(in->partitions, in->n_partitions, order);
    s->measure_only = measure_only;
    s->end = (uint64_t)in->options.table_off_bytes + SECTOR_BYTES;
    if (measure_only)
        print_cells(
            s, &(struct cells){
                   .name = "Name", .type = "Type", .subtype = "SubType", .size_words = "Size"});
    else
        cli_text(s->out, "%s   #  %-*s  %-*s  %-*s  %-10s  %*s  %s%s\n",
                 cli_colour(s->out, CLI_BOLD), s->name_width, "Name", s->type_width, "Type",
                 s->subtype_width, "SubType", "Offset", s->size_width, "Size", "Flags",
                 cli_colour(s->out, CLI_PLAIN));
    for (uint32_t i = 0; i < in->n_partitions; i++) {
        const struct ferry_partition *p = &in->partitions[order[i]];
        // What lies before the table is not between partitions.
        const uint64_t end = s->end;
        if (ferry_row_is_primary(p))
            s->end = p->off_bytes;
        print_partition(s, order[i]);
        s->end = s->end > end ? s->end : end;
    }
    if (flash > s->end)
        print_gap(s, s->end, flash - s->end);
}

static void add_json(struct cli_output *out, const struct partition_input *in)
{
    static const char *const sources[] = {"csv", "binary", "device"};
    cJSON *root = cli_json(out);
    cJSON_AddStringToObject(root, "source", sources[in->source]);
    cJSON_AddNumberToObject(root, "offset", in->options.table_off_bytes);
    if (in->options.flash_bytes)
        cJSON_AddNumberToObject(root, "flash_size", in->options.flash_bytes);
    else
        cJSON_AddNullToObject(root, "flash_size");
    cJSON_AddBoolToObject(root, "md5", in->has_md5);
    cJSON *list = cJSON_AddArrayToObject(root, "partitions");
    for (uint32_t i = 0; i < in->n_partitions; i++) {
        const struct ferry_partition *p = &in->partitions[i];
        const char *type = ferry_type_name(p->type);
        const char *subtype = ferry_subtypes_name(in->options.subtypes, p->type, p->subtype);
        char label[WORD_BYTES];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "label", cli_printable(label, sizeof(label), p->label));
        cJSON_AddNumberToObject(item, "type", p->type);
        cJSON_AddItemToObject(item, "type_name",
                              type ? cJSON_CreateString(type) : cJSON_CreateNull());
        cJSON_AddNumberToObject(item, "subtype", p->subtype);
        cJSON_AddItemToObject(item, "subtype_name",
                              subtype ? cJSON_CreateString(subtype) : cJSON_CreateNull());
        cJSON_AddNumberToObject(item, "offset", p->off_bytes);
        cJSON_AddNumberToObject(item, "size", p->size_bytes);
        cJSON_AddBoolToObject(item, "encrypted", p->flags & FERRY_FLAG_ENCRYPTED);
        cJSON_AddBoolToObject(item, "readonly", p->flags & FERRY_FLAG_READONLY);
        cJSON_AddNumberToObject(item, "flags", p->flags);
        cJSON_AddItemToArray(list, item);
    }
}

static void print_sheet(struct cli_output *out, const struct partition_input *in)
{
    struct sheet s = {.in = in, .out = out};
    char size[24], flash[24];
    cli_text(out, "%s%s%s, table at 0x%x: %u partition%s%s\n", cli_colour(out, CLI_BOLD), in->path,
             cli_colour(out, CLI_PLAIN), (unsigned)in->options.table_off_bytes,
             (unsigned)in->n_partitions, in->n_partitions == 1 ? "" : "s",
             in->fault.err                 ? ", not usable"
             : in->source == PARTITION_CSV ? ""
             : in->has_md5                 ? ", MD5 good"
                                           : ", without MD5");
    add_json(out, in);
    s.gaps = cJSON_AddArrayToObject(cli_json(out), "gaps");
    print_rows(&s, true);
    if (in->n_partitions) {
        cli_text(out, "\n");
        print_rows(&s, false);
    }
    if (in->options.flash_bytes)
        cli_text(out, "\nFree: %s of %s of flash.\n", partition_size_words(size, s.gap_bytes),
                 partition_size_words(flash, in->options.flash_bytes));
}

static int run(struct cli_call *call)
{
    struct partition_input in;
    int exit_code = partition_input_open(call, &in);
    if (!exit_code)
        exit_code = partition_input_decode(call, &in);
    if (!exit_code && (in.n_partitions || !in.fault.err))
        print_sheet(call->out, &in);
    if (!exit_code)
        exit_code = in.fault.err
                        ? cli_fail(call->out, &in.fault, &(struct ferry_about){.file = in.path})
                        : cli_done(call->out);
    partition_input_close(&in);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry partitions show dev", "the table of a virtual device"},
    {"ferry partitions show dump.bin --offset 0x10000", "of a flash dump that keeps it elsewhere"},
    {"ferry partitions show partitions.csv", "where a CSV would put its partitions"},
    {0},
};

const struct cli_command cli_cmd_partitions_show = {
    .name = "partitions show",
    .summary = "show a partition table, with what lies between",
    .args = "TABLE|DEVICE",
    .about = PARTITION_INPUT_ABOUT,
    .min_args = 1,
    .max_args = 1,
    .shared = partition_read_options,
    .examples = examples,
    .exits = "the table cannot be read, or is damaged (what is left of it is shown)",
    .run = run,
};
