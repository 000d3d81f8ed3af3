/* core/nvs_pages.c - the list of pages: which one grows, which is next, and how one is freed.
 * One page always stays free, so that another's live entries can be copied there before it is
 * erased. The choice of pages is Espressif's; it spreads wear. Facts: docs/formats.md "NVS". */
#include "nvs_private.h"

#include "mem.h"

ferry_err ferry__nvs_activate(struct ferry_nvs *s)
{
    struct ferry_nvs_page *p = &s->pages[s->n_listed];
    if (s->n_listed == s->n_pages)
        return FERRY_ERR_NVS_FULL;
    if (p->state == NVS_BAD) {
        const ferry_err err = ferry__nvs_erase_page(s, s->n_listed);
        if (err)
            return err;
    }
    p->state = NVS_NEW;
    p->next_free = 0;
    p->n_used = 0;
    p->seq = s->next_seq++;
    s->n_listed++;
    return FERRY_OK;
}

ferry_err ferry__nvs_release(struct ferry_nvs *s, uint32_t page)
{
    const ferry_err err = ferry__nvs_erase_page(s, page);
    if (err)
        return err;
    const struct ferry_nvs_page freed = s->pages[page];
    memmove(&s->pages[page], &s->pages[page + 1], (s->n_pages - page - 1u) * sizeof(freed));
    s->pages[s->n_pages - 1u] = freed;
    s->n_listed--;
    return FERRY_OK;
}

/* Copies one entry with its value behind the last one of the current page, unit by unit. */
static ferry_err copy_entry(struct ferry_nvs *s, const struct nvs_cursor *c)
{
    const uint32_t to = ferry__nvs_current(s);
    uint8_t unit[FERRY_NVS_ENTRY_BYTES];
    ferry_err err = FERRY_OK;
    if (s->pages[to].state == NVS_NEW)
        err = ferry__nvs_begin_page(s, to);
    for (uint32_t i = 0; !err && i < c->entry.span; i++) {
        err = ferry__nvs_read_unit(s, c->page, c->at + i, unit);
        if (!err)
            err = ferry__nvs_append(s, to, unit, 1);
    }
    return err;
}

ferry_err ferry__nvs_copy_page(struct ferry_nvs *s, uint32_t from, uint32_t known)
{
    const struct nvs_want all = {.ns = NVS_NS_ANY, .chunk = NVS_ALL};
    struct nvs_cursor c = {.page = (uint16_t)from};
    ferry_err err;
    while ((err = ferry__nvs_find(s, &c, &all)) == FERRY_OK && c.page == from) {
        struct nvs_cursor twin;
        err = known == from ? FERRY_ERR_NOT_FOUND : ferry__nvs_find_twin(s, &twin, known, &c.entry);
        if (err == FERRY_ERR_NOT_FOUND)
            err = copy_entry(s, &c);
        if (err)
            return err;
    }
    return ferry__nvs_end(err);
}

/* Frees the page with the most entries to gain, the oldest of several, into the last free one. */
static ferry_err collect(struct ferry_nvs *s)
{
    uint32_t victim = 0;
    for (uint32_t i = 1; i < s->n_listed; i++) {
        if (s->pages[i].n_used < s->pages[victim].n_used)
            victim = i;
    }
    if (s->pages[victim].n_used >= FERRY_NVS_ENTRIES)
        return FERRY_ERR_NVS_FULL;
    // From here on a mount finishes it: the state says that the page is being copied.
    ferry_err err = ferry__nvs_set_page_state(s, victim, NVS_FREEING);
    if (!err)
        err = ferry__nvs_activate(s);
    if (!err)
        err = ferry__nvs_copy_page(s, victim, victim);
    return err ? err : ferry__nvs_release(s, victim);
}

ferry_err ferry__nvs_next_page(struct ferry_nvs *s)
{
    const uint32_t page = ferry__nvs_current(s);
    if (s->pages[page].state == NVS_ACTIVE) {
        const ferry_err err = ferry__nvs_set_page_state(s, page, NVS_FULL);
        if (err)
            return err;
    }
    return s->n_pages - s->n_listed >= 2 ? ferry__nvs_activate(s) : collect(s);
}

ferry_err ferry__nvs_add_here(struct ferry_nvs *s, const struct ferry_nvs_entry *e,
                              const uint8_t *value)
{
    const uint32_t page = ferry__nvs_current(s);
    struct ferry_nvs_page *p = &s->pages[page];
    uint8_t unit[FERRY_NVS_ENTRY_BYTES];
    if (p->state == NVS_NEW) {
        const ferry_err err = ferry__nvs_begin_page(s, page);
        if (err)
            return err;
    }
    if (p->state != NVS_ACTIVE || e->span > FERRY_NVS_ENTRIES - p->next_free)
        return FERRY_ERR_NVS_FULL;
    ferry_nvs_entry_encode(e, unit);
    ferry_err err = ferry__nvs_append(s, page, unit, 1);
    if (err || e->span == 1)
        return err;
    const uint32_t size = ferry_nvs_entry_size(e);
    const uint32_t n_whole = size / sizeof(unit), tail = size % sizeof(unit);
    if (n_whole)
        err = ferry__nvs_append(s, page, value, n_whole);
    if (err || !tail)
        return err;
    memset(unit, 0xff, sizeof(unit));
    memcpy(unit, value + n_whole * sizeof(unit), tail);
    return ferry__nvs_append(s, page, unit, 1);
}

ferry_err ferry__nvs_add(struct ferry_nvs *s, const struct ferry_nvs_entry *e, const uint8_t *value)
{
    ferry_err err = ferry__nvs_add_here(s, e, value);
    if (err != FERRY_ERR_NVS_FULL)
        return err;
    err = ferry__nvs_next_page(s);
    return err ? err : ferry__nvs_add_here(s, e, value);
}

ferry_err ferry__nvs_full(struct ferry_nvs *s, uint32_t n_units)
{
    uint32_t n_free = (s->n_pages - 1u) * FERRY_NVS_ENTRIES;
    for (uint32_t i = 0; i < s->n_listed; i++)
        n_free -= s->pages[i].n_used;
    return ferry_fail(&s->fault, FERRY_ERR_NVS_FULL, n_units, n_free, 0);
}
