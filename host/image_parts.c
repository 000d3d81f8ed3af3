/* host/image_parts.c - joins what the linker placed side by side, and sorts it by where it lives.
 * An image holds 16 segments and an ELF often more sections, so neighbours become one segment;
 * never across kinds of memory, which the chip loads in different ways. */
#include "image_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/image.h"

#define WORD        4u
#define TOTAL_LIMIT (128u << 20) // the largest flash there is

struct candidates {
    const struct ferry_elf_part **list;
    size_t n;
};

static uint64_t up_to(uint64_t n, uint32_t to)
{
    return n % to ? n + (to - n % to) : n;
}

static int by_address(const void *a, const void *b)
{
    const struct ferry_elf_part *x = *(const struct ferry_elf_part *const *)a;
    const struct ferry_elf_part *y = *(const struct ferry_elf_part *const *)b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    return x < y ? -1 : x > y; // qsort may swap equals; the file's order decides
}

static ferry_err choose(struct candidates *c, const struct ferry_elf_parts *elf,
                        const struct image_parts_rules *rules)
{
    const struct ferry_elf_part *from = rules->use_segments ? elf->segments : elf->sections;
    c->n = rules->use_segments ? elf->n_segments : elf->n_sections;
    c->list = calloc(c->n + 1, sizeof(const struct ferry_elf_part *));
    if (!c->list)
        return FERRY_ERR_NO_MEMORY;
    for (size_t i = 0; i < c->n; i++)
        c->list[i] = &from[i];
    if (rules->by_address)
        qsort(c->list, c->n, sizeof(const struct ferry_elf_part *), by_address);
    return FERRY_OK;
}

/* How long the i-th candidate is in the image: whole words, and up to its neighbour if only that
 * one's alignment lies between them. */
static uint64_t length_of(const struct candidates *c, size_t i,
                          const struct image_parts_rules *rules)
{
    const struct ferry_elf_part *p = c->list[i];
    const uint64_t n_bytes = up_to(p->n_bytes, WORD);
    if (!rules->by_address || i + 1 == c->n)
        return n_bytes;
    const struct ferry_elf_part *next = c->list[i + 1];
    const uint64_t end = up_to(p->addr + n_bytes, next->align);
    return end == next->addr ? end - p->addr : n_bytes;
}

static bool joins_next(const struct candidates *c, size_t i, const struct image_parts_rules *rules)
{
    if (i + 1 == c->n)
        return false;
    const struct ferry_elf_part *p = c->list[i];
    const struct ferry_elf_part *next = c->list[i + 1];
    return p->addr + length_of(c, i, rules) == next->addr &&
           ferry_memory_kinds(rules->build, p->addr) ==
               ferry_memory_kinds(rules->build, next->addr);
}

/* Makes one part of candidates [first, last]. */
static ferry_err join(struct image_part *part, const struct candidates *c, size_t first,
                      size_t last, const struct image_parts_rules *rules)
{
    uint64_t total = 0;
    for (size_t i = first; i <= last; i++)
        total += length_of(c, i, rules);
    part->name = c->list[first]->name;
    part->addr = c->list[first]->addr;
    part->n_bytes = (uint32_t)total;
    part->bytes = calloc(1, total);
    if (!part->bytes)
        return FERRY_ERR_NO_MEMORY;
    uint8_t *to = part->bytes;
    for (size_t i = first; i <= last; i++) {
        memcpy(to, c->list[i]->bytes, c->list[i]->n_bytes);
        to += length_of(c, i, rules);
    }
    return FERRY_OK;
}

static size_t count_joined(const struct candidates *c, const struct image_parts_rules *rules,
                           uint64_t *total)
{
    size_t n = 0;
    *total = 0;
    for (size_t i = 0; i < c->n; i++) {
        *total += length_of(c, i, rules);
        n += !joins_next(c, i, rules);
    }
    return n;
}

static ferry_err join_all(struct image_parts *out, const struct candidates *c,
                          const struct image_parts_rules *rules, struct ferry_fault *fault,
                          char *why, size_t why_bytes)
{
    uint64_t total;
    const size_t n = count_joined(c, rules, &total);
    if (n > FERRY_IMAGE_SEGMENTS)
        return ferry_fail(fault, FERRY_ERR_IMAGE_SEGMENTS, (uint32_t)n, FERRY_IMAGE_SEGMENTS, 0);
    if (total > TOTAL_LIMIT) {
        snprintf(why, why_bytes, "it loads %llu bytes, more than any flash holds",
                 (unsigned long long)total);
        return ferry_fail(fault, FERRY_ERR_IMAGE_LAYOUT, 0, 0, 0);
    }
    out->all = calloc(n + 1, sizeof(*out->all));
    if (!out->all)
        return ferry_fail(fault, FERRY_ERR_NO_MEMORY, 0, 0, 0);
    size_t first = 0;
    size_t at = 0;
    for (size_t i = 0; i < c->n; i++) {
        if (joins_next(c, i, rules))
            continue;
        const ferry_err err = join(&out->all[at++], c, first, i, rules);
        if (err)
            return ferry_fail(fault, err, 0, 0, 0);
        first = i + 1;
    }
    out->mapped.parts = out->all;
    out->mapped.n = n;
    return FERRY_OK;
}

static bool comes_before(const struct image_part *a, const struct image_part *b,
                         const struct ferry_chip_build *build)
{
    const bool a_mapped = ferry_memory_is_mapped(build, a->addr);
    const bool b_mapped = ferry_memory_is_mapped(build, b->addr);
    return a_mapped != b_mapped ? a_mapped : a->addr < b->addr;
}

/* Mapped parts first, then RAM, each by address; equals keep their order. */
static void sort_parts(struct image_parts *p, const struct ferry_chip_build *build)
{
    const size_t n = p->mapped.n;
    for (size_t i = 1; i < n; i++) {
        const struct image_part moving = p->all[i];
        size_t at = i;
        for (; at > 0 && comes_before(&moving, &p->all[at - 1], build); at--)
            p->all[at] = p->all[at - 1];
        p->all[at] = moving;
    }
    size_t n_mapped = 0;
    while (n_mapped < n && ferry_memory_is_mapped(build, p->all[n_mapped].addr))
        n_mapped++;
    p->mapped = (struct image_part_list){p->all, n_mapped};
    p->ram = (struct image_part_list){p->all + n_mapped, n - n_mapped};
}

/* Descriptors must come first in the image: that is where everyone looks for them. */
static void bring_to_front(struct image_part_list *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (strcmp(list->parts[i].name, name) != 0)
            continue;
        const struct image_part found = list->parts[i];
        memmove(list->parts + 1, list->parts, i * sizeof(found));
        list->parts[0] = found;
        return;
    }
}

ferry_err image_parts_make(struct image_parts *out, const struct ferry_elf_parts *elf,
                           const struct image_parts_rules *rules, struct ferry_fault *fault,
                           char *why, size_t why_bytes)
{
    struct candidates c;
    *out = (struct image_parts){0};
    ferry_err err = choose(&c, elf, rules);
    if (err)
        return ferry_fail(fault, err, 0, 0, 0);
    err = join_all(out, &c, rules, fault, why, why_bytes);
    free(c.list);
    if (err) {
        image_parts_free(out);
        return err;
    }
    sort_parts(out, rules->build);
    bring_to_front(&out->mapped, ".flash.appdesc");
    bring_to_front(&out->ram, ".dram0.bootdesc");
    return FERRY_OK;
}

void image_parts_free(struct image_parts *parts)
{
    for (size_t i = 0; parts->all && i < FERRY_IMAGE_SEGMENTS && parts->all[i].bytes; i++)
        free(parts->all[i].bytes);
    free(parts->all);
    *parts = (struct image_parts){0};
}
