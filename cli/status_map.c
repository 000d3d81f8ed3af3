/* cli/status_map.c - the flash drawn to scale: a line per partition, placed where it lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status_facts.h"

#define MAP_CELLS 40u

/** A part of the flash that the map shows. */
struct part {
    const char *label;
    uint32_t off_bytes, size_bytes, used_bytes;
    bool is_free;
    bool has_used; // it is known how much of it is used
};

static int by_offset(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return x->off_bytes < y->off_bytes ? -1 : x->off_bytes > y->off_bytes;
}

static void add_part(struct part *parts, unsigned *n, struct part part)
{
    parts[(*n)++] = part;
}

/** Partitions, bootloader and table, in order of their place, and the gaps between them. */
static unsigned collect(const struct ferry_facts *f, struct part *parts)
{
    unsigned n = 0;
    const struct ferry_vdevice *v = f->v;
    if (f->bootloader.state > FERRY_BOOTLOADER_FOREIGN &&
        f->bootloader.off_bytes < v->table_off_bytes)
        add_part(parts, &n,
                 (struct part){"(bootloader)", f->bootloader.off_bytes,
                               v->table_off_bytes - f->bootloader.off_bytes, 0, false, false});
    if (f->n_partitions)
        add_part(parts, &n,
                 (struct part){"(table)", v->table_off_bytes, FERRY_FLASH_SECTOR_BYTES, 0, false,
                               false});
    for (unsigned i = 0; i < f->n_partitions; i++) {
        const struct ferry_partition *p = &f->partitions[i];
        const int slot = ferry_facts_slot_of(p);
        const struct ferry_slot_facts *s =
            slot == FERRY_SLOT_NONE ? NULL : ferry_facts_slot(f, slot);
        add_part(parts, &n,
                 (struct part){
                     p->label, p->off_bytes, p->size_bytes, s ? s->used_bytes : 0, false,
                     s && (s->content == FERRY_CONTENT_APP || s->content == FERRY_CONTENT_EMPTY)});
    }
    qsort(parts, n, sizeof(*parts), by_offset);
    const unsigned n_real = n;
    uint32_t end = 0;
    for (unsigned i = 0; i <= n_real; i++) {
        const uint32_t next = i < n_real ? parts[i].off_bytes : v->file.flash.size_bytes;
        if (next > end && next - end >= FERRY_FLASH_SECTOR_BYTES)
            add_part(parts, &n, (struct part){"(free)", end, next - end, 0, true, false});
        if (i < n_real && parts[i].size_bytes <= UINT32_MAX - parts[i].off_bytes &&
            parts[i].off_bytes + parts[i].size_bytes > end)
            end = parts[i].off_bytes + parts[i].size_bytes;
    }
    qsort(parts, n, sizeof(*parts), by_offset);
    return n;
}

/** The cell's character; at: the offset of its middle. */
static const char *cell(bool utf8, const struct part *p, uint64_t at, bool narrow)
{
    if (p->is_free)
        return utf8 ? "·" : ".";
    if (narrow)
        return utf8 ? "▏" : "|";
    if (p->has_used && (!p->used_bytes || at >= (uint64_t)p->off_bytes + p->used_bytes))
        return utf8 ? "░" : "-";
    return utf8 ? "█" : "#";
}

static void draw(char *line, size_t n, const struct ferry_facts *f, const struct part *p, bool utf8)
{
    const uint64_t size = f->v->file.flash.size_bytes;
    const uint64_t first = (uint64_t)p->off_bytes * MAP_CELLS / size;
    const uint64_t end = (uint64_t)p->off_bytes + p->size_bytes;
    const uint64_t rounded = (end * MAP_CELLS + size / 2) / size;
    const bool narrow = (uint64_t)p->size_bytes * 2 * MAP_CELLS < size; // less than half a cell
    const uint64_t last = narrow || rounded <= first ? first + 1 : rounded;
    line[0] = '\0';
    for (uint64_t c = 0; c < last && c < MAP_CELLS; c++) {
        const uint64_t middle = (2 * c + 1) * size / (2 * MAP_CELLS);
        const char *glyph = c < first ? " " : cell(utf8, p, middle, narrow);
        // An app that is there shows, however little of its slot it takes.
        if (c == first && p->used_bytes && !narrow &&
            middle >= p->off_bytes + (uint64_t)p->used_bytes)
            glyph = utf8 ? "▌" : "#";
        strncat(line, glyph, n - strlen(line) - 1);
    }
}

static const char *size_words(char *buf, size_t n, uint32_t bytes)
{
    if (bytes >= 1u << 20 && bytes % (1u << 18) == 0)
        snprintf(buf, n, "%.4g MB", (double)bytes / (1u << 20));
    else
        snprintf(buf, n, "%s KB", cli_thousands(bytes >> 10));
    return buf;
}

void status_print_map(struct cli_output *out, const struct ferry_facts *f)
{
    static struct part parts[2 * (FERRY_TABLE_ROWS + 4)];
    char size[24], label[40], line[4 * MAP_CELLS + 1];
    const unsigned n = collect(f, parts);
    cli_text(out, "\n%sFlash map%s  %s; %s taken, %s spare, %s in no partition\n",
             cli_colour(out, CLI_BOLD), cli_colour(out, CLI_PLAIN),
             size_words(size, sizeof(size), f->v->file.flash.size_bytes), out->utf8 ? "█" : "#",
             out->utf8 ? "░" : "-", out->utf8 ? "·" : ".");
    for (unsigned i = 0; i < n; i++) {
        draw(line, sizeof(line), f, &parts[i], out->utf8);
        cli_text(out, "  0x%06x %-16s %8s %s%s%s\n", (unsigned)parts[i].off_bytes,
                 cli_printable(label, sizeof(label), parts[i].label),
                 size_words(size, sizeof(size), parts[i].size_bytes),
                 parts[i].is_free ? cli_colour(out, CLI_DIM) : "", line,
                 parts[i].is_free ? cli_colour(out, CLI_PLAIN) : "");
    }
}
