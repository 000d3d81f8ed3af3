/* cli/partition_edit_words.c - two tables beside what becomes of them. */
#include "partition_edit_words.h"

#include <stdio.h>
#include <string.h>

#include "device_words.h"
#include "partition_input.h"

#define WORD_BYTES 20u

struct widths {
    int name, type, subtype;
};

static const char *word_of(char buf[WORD_BYTES], const char *word, uint8_t number)
{
    if (word)
        snprintf(buf, WORD_BYTES, "%s", word);
    else
        snprintf(buf, WORD_BYTES, "0x%02x", number);
    return buf;
}

static int wider(int width, const char *word)
{
    const int n = (int)strlen(word);
    return n > width ? n : width;
}

static void measure(struct widths *w, const struct ferry_partition *p)
{
    char type[WORD_BYTES], subtype[WORD_BYTES];
    w->name = wider(w->name, p->label);
    w->type = wider(w->type, word_of(type, ferry_type_name(p->type), p->type));
    w->subtype =
        wider(w->subtype, word_of(subtype, ferry_subtype_name(p->type, p->subtype), p->subtype));
}

#define FIXED_COLUMNS 32u // of a row: offset, size, and the gaps

static void print_row(struct cli_output *out, const struct widths *w,
                      const struct ferry_partition *p, const char *tail)
{
    char name[40], type[WORD_BYTES], subtype[WORD_BYTES], size[24];
    cli_text(out, "  %-*s  %-*s  %-*s  0x%08x  %10s%s", w->name,
             cli_printable(name, sizeof(name), p->label), w->type,
             word_of(type, ferry_type_name(p->type), p->type), w->subtype,
             word_of(subtype, ferry_subtype_name(p->type, p->subtype), p->subtype),
             (unsigned)p->off_bytes, partition_size_words(size, p->size_bytes), *tail ? "  " : "");
    cli_wrapped(out, (unsigned)(w->name + w->type + w->subtype) + FIXED_COLUMNS, tail);
}

static void print_head(struct cli_output *out, const struct widths *w, const char *title,
                       const char *tail)
{
    cli_text(out, "\n%s%s%s\n%s  %-*s  %-*s  %-*s  %-10s  %10s%s%s\n", cli_colour(out, CLI_BOLD),
             title, cli_colour(out, CLI_PLAIN), cli_colour(out, CLI_DIM), w->name, "Name", w->type,
             "Type", w->subtype, "SubType", "Offset", "Size", *tail ? "  " : "", tail);
    cli_text(out, "%s", cli_colour(out, CLI_PLAIN));
}

static const char *fate_name(enum ferry_fate fate)
{
    static const char *const names[] = {"kept", "moved", "erased", "rewritten"};
    return names[fate];
}

static enum cli_colour fate_colour(const struct ferry_fate_row *f)
{
    if (f->fate == FERRY_FATE_ERASED)
        return f->used_bytes ? CLI_BAD : CLI_DIM;
    return f->fate == FERRY_FATE_KEPT ? CLI_GOOD : CLI_WARN;
}

/** "moved: from 0x10000; was factory; boots", in its colour. */
static void fate_words(const struct cli_output *out, char *buf, size_t n,
                       const struct ferry_copy *copy, size_t i)
{
    const struct ferry_edit *e = copy->edit;
    const struct ferry_fate_row *f = &copy->fates[i];
    const int from = e->rows[i].from;
    char name[40], was[60] = "";
    if (from >= 0 && strcmp(e->before[from].label, e->rows[i].p.label) != 0)
        snprintf(was, sizeof(was), "; was %s",
                 cli_printable(name, sizeof(name), e->before[from].label));
    const bool is_new = from < 0 && f->fate == FERRY_FATE_ERASED;
    snprintf(buf, n, "%s%s%s%s%s%s%s", cli_colour(out, is_new ? CLI_PLAIN : fate_colour(f)),
             is_new ? "new, blank" : fate_name(f->fate), cli_colour(out, CLI_PLAIN),
             !is_new && *f->why ? ": " : "", is_new ? "" : f->why, was,
             copy->boots && copy->boots_row == (int)i ? "; boots" : "");
}

static cJSON *row_json(cJSON *list, const struct ferry_partition *p)
{
    char name[40];
    cJSON *item = cJSON_CreateObject();
    cJSON_AddStringToObject(item, "label", cli_printable(name, sizeof(name), p->label));
    cJSON_AddNumberToObject(item, "type", p->type);
    cJSON_AddNumberToObject(item, "subtype", p->subtype);
    cJSON_AddNumberToObject(item, "offset", p->off_bytes);
    cJSON_AddNumberToObject(item, "size", p->size_bytes);
    cJSON_AddItemToArray(list, item);
    return item;
}

static void after_json(cJSON *list, const struct ferry_edit *e, const struct ferry_copy *copy,
                       size_t i)
{
    char name[40];
    const int from = e->rows[i].from;
    cJSON *item = row_json(list, &e->rows[i].p);
    if (from >= 0)
        cJSON_AddStringToObject(item, "was",
                                cli_printable(name, sizeof(name), e->before[from].label));
    else
        cJSON_AddNullToObject(item, "was");
    if (!copy)
        return;
    cJSON_AddStringToObject(item, "contents", fate_name(copy->fates[i].fate));
    cJSON_AddStringToObject(item, "why", copy->fates[i].why);
    cJSON_AddBoolToObject(item, "boots", copy->boots && copy->boots_row == (int)i);
}

static void show_gone(const struct cli_call *call, const struct ferry_edit *e)
{
    cJSON *gone = cJSON_AddArrayToObject(cli_json(call->out), "gone");
    for (size_t k = 0; k < e->n_before; k++) {
        char name[40], size[24];
        bool is_there = false;
        for (size_t i = 0; i < e->n; i++)
            is_there |= e->rows[i].from == (int)k;
        if (is_there)
            continue;
        cli_printable(name, sizeof(name), e->before[k].label);
        cJSON_AddItemToArray(gone, cJSON_CreateString(name));
        cli_text(call->out, "%s%s: %s, %s at 0x%x%s\n", cli_colour(call->out, CLI_WARN),
                 "No longer a partition", name, partition_size_words(size, e->before[k].size_bytes),
                 (unsigned)e->before[k].off_bytes, cli_colour(call->out, CLI_PLAIN));
    }
}

void partition_edit_show(const struct cli_call *call, const struct ferry_edit *e,
                         const struct ferry_copy *copy)
{
    struct cli_output *out = call->out;
    struct widths w = {4, 4, 7};
    cJSON *before = cJSON_AddArrayToObject(cli_json(out), "before");
    cJSON *after = cJSON_AddArrayToObject(cli_json(out), "after");
    for (size_t i = 0; i < e->n_before; i++)
        measure(&w, &e->before[i]);
    for (size_t i = 0; i < e->n; i++)
        measure(&w, &e->rows[i].p);
    print_head(out, &w, "Before", "");
    for (size_t i = 0; i < e->n_before; i++) {
        print_row(out, &w, &e->before[i], "");
        row_json(before, &e->before[i]);
    }
    print_head(out, &w, "After", copy ? "Contents" : "");
    for (size_t i = 0; i < e->n; i++) {
        char words[200] = "";
        if (copy)
            fate_words(out, words, sizeof(words), copy, i);
        print_row(out, &w, &e->rows[i].p, words);
        after_json(after, e, copy, i);
    }
    cli_text(out, "\n");
    show_gone(call, e);
}
