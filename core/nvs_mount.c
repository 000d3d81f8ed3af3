/* core/nvs_mount.c - what opening a store does to its pages: read them, drop what was written in
 * part, finish what a power cut interrupted. Repairs are Espressif's, in the same order, where
 * those keep every value; docs/design.md "NVS" says where not. A repair may be cut, too. */
#include "nvs_private.h"

#include "ferry/bytes.h"

#include "mem.h"

static const struct nvs_want everything = {.ns = NVS_NS_ANY, .chunk = NVS_ALL};

/* Fills pages[page] from its header. */
static ferry_err load_head(struct ferry_nvs *s, uint32_t page)
{
    struct ferry_nvs_page *p = &s->pages[page];
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    struct ferry_nvs_head head;
    ferry_err err = ferry__nvs_read(s, page, 0, bytes, sizeof(bytes));
    if (err)
        return err;
    const enum ferry_nvs_flaw flaw = ferry_nvs_head_decode(bytes, &head);
    if (flaw == FERRY_NVS_FLAW_VERSION)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_VERSION, head.version, FERRY_NVS_VERSION_2,
                          page * FERRY_NVS_PAGE_BYTES);
    p->seq = head.seq;
    p->n_used = 0;
    p->next_free = FERRY_NVS_ENTRIES;
    p->state = NVS_BAD;
    if (head.state == FERRY_NVS_PAGE_BLANK) {
        bool blank = false;
        err = ferry__nvs_is_blank(s, page, 0, FERRY_NVS_PAGE_BYTES, &blank);
        if (blank)
            p->state = NVS_FREE;
    } else if (flaw) {
        return FERRY_OK;
    } else {
        p->state = head.state == FERRY_NVS_PAGE_ACTIVE ? NVS_ACTIVE
                   : head.state == FERRY_NVS_PAGE_FULL ? NVS_FULL
                                                       : NVS_FREEING;
    }
    return err;
}

/* Counts the entries in use; in an ACTIVE page finds the first one that was never written. */
static ferry_err load_map(struct ferry_nvs *s, uint32_t page)
{
    struct ferry_nvs_page *p = &s->pages[page];
    uint8_t map[FERRY_NVS_MAP_BYTES];
    const ferry_err err = ferry__nvs_read(s, page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    for (uint32_t i = FERRY_NVS_ENTRIES; !err && i-- > 0;) {
        const enum ferry_nvs_entry_state state = ferry_nvs_map_get(map, i);
        if (state == FERRY_NVS_ENTRY_WRITTEN)
            p->n_used++;
        if (state == FERRY_NVS_ENTRY_EMPTY && p->state == NVS_ACTIVE)
            p->next_free = (uint8_t)i;
    }
    return err;
}

/* Drops the entries whose bytes were programmed before their state was. */
static ferry_err drop_unmarked(struct ferry_nvs *s, uint32_t page)
{
    const struct ferry_nvs_page *p = &s->pages[page];
    uint8_t word[4];
    while (p->next_free < FERRY_NVS_ENTRIES) {
        const uint32_t off = FERRY_NVS_ENTRIES_OFF + p->next_free * FERRY_NVS_ENTRY_BYTES;
        ferry_err err = ferry__nvs_read(s, page, off, word, sizeof(word));
        if (!err && ferry_le32(word) == 0xffffffffu)
            break;
        if (!err)
            err = ferry__nvs_erase_units(s, page, p->next_free, 1, true);
        if (err)
            return err;
    }
    return FERRY_OK;
}

/* Has the entry a value that does not match its CRC? A repair that was cut can leave one: of the
 * states it was about to clear some are, and a value that was never written looks written. */
static ferry_err is_torn(struct ferry_nvs *s, const struct nvs_cursor *c, bool *torn)
{
    ferry_err err = FERRY_OK;
    if (ferry_nvs_type_has_value(c->entry.type))
        err = ferry__nvs_value(s, c, NULL, NULL, NULL);
    *torn = err == FERRY_ERR_NVS_DATA;
    return *torn ? FERRY_OK : err;
}

static ferry_err erase_repaired(struct ferry_nvs *s, const struct nvs_cursor *c)
{
    return ferry__nvs_erase_units(s, c->page, c->at, c->entry.span, true);
}

/* Of the newer entry and an older one of the same key, erases the older, unless the newer is torn.
 */
static ferry_err drop_older(struct ferry_nvs *s, const struct nvs_cursor *newer,
                            const struct nvs_cursor *older)
{
    bool torn;
    const ferry_err err = is_torn(s, newer, &torn);
    return err ? err : erase_repaired(s, torn ? newer : older);
}

/* In an ACTIVE page: of two values of a key the later stays. Chunks count by their number: those of
 * the blob's old version must live until the index of the new one is written. */
static ferry_err drop_twin(struct ferry_nvs *s, const struct nvs_cursor *c)
{
    struct nvs_cursor twin;
    const ferry_err err = ferry__nvs_find_twin(s, &twin, c->page, &c->entry);
    return err || twin.at >= c->at ? ferry__nvs_end(err) : drop_older(s, c, &twin);
}

/* Examines entry c->at; c->next becomes where the next one begins. */
static ferry_err repair_entry(struct ferry_nvs *s, struct nvs_cursor *c)
{
    const bool active = s->pages[c->page].state == NVS_ACTIVE;
    uint8_t map[FERRY_NVS_MAP_BYTES], unit[FERRY_NVS_ENTRY_BYTES];
    c->next = (uint8_t)(c->at + 1);
    ferry_err err = ferry__nvs_read(s, c->page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    const enum ferry_nvs_entry_state state = ferry_nvs_map_get(map, c->at);
    if (err || state == FERRY_NVS_ENTRY_ERASED || (state != FERRY_NVS_ENTRY_WRITTEN && !active))
        return err;
    err = ferry__nvs_read_unit(s, c->page, c->at, unit);
    if (err)
        return err;
    if (state != FERRY_NVS_ENTRY_WRITTEN || ferry_nvs_entry_decode(unit, c->at, &c->entry))
        return ferry__nvs_erase_units(s, c->page, c->at, 1, true);
    c->next = (uint8_t)(c->at + c->entry.span);
    if (!ferry__nvs_all_written(map, c->at, c->entry.span))
        return erase_repaired(s, c);
    return active ? drop_twin(s, c) : FERRY_OK;
}

/* Whatever lies behind the first free entry is no longer blank flash, so nothing may be written
 * up to its end. Only a write torn in its middle leaves such. */
static ferry_err skip_to_blank(struct ferry_nvs *s, uint32_t page)
{
    const uint32_t first = s->pages[page].next_free;
    uint8_t map[FERRY_NVS_MAP_BYTES];
    bool blank = false;
    ferry_err err = ferry__nvs_read(s, page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    for (uint32_t i = FERRY_NVS_ENTRIES; !err && i-- > first;) {
        err = ferry__nvs_is_blank(s, page, FERRY_NVS_ENTRIES_OFF + i * FERRY_NVS_ENTRY_BYTES,
                                  FERRY_NVS_ENTRY_BYTES, &blank);
        if (!err && (!blank || ferry_nvs_map_get(map, i) != FERRY_NVS_ENTRY_EMPTY))
            return ferry__nvs_erase_units(s, page, first, i + 1 - first, false);
    }
    return err;
}

static ferry_err repair_page(struct ferry_nvs *s, uint32_t page)
{
    const bool active = s->pages[page].state == NVS_ACTIVE;
    struct nvs_cursor c = {.page = (uint16_t)page};
    ferry_err err = active ? drop_unmarked(s, page) : FERRY_OK;
    const uint32_t end = s->pages[page].next_free;
    for (; !err && c.next < end;) {
        c.at = c.next;
        err = repair_entry(s, &c);
    }
    return !err && active ? skip_to_blank(s, page) : err;
}

/* Loads the page of the region's position `index` and puts it into the list by its number. */
static ferry_err load_page(struct ferry_nvs *s, uint32_t index)
{
    struct ferry_nvs_page page;
    uint32_t at = 0;
    s->pages[index].index = (uint16_t)index;
    const ferry_err err = load_head(s, index);
    if (err || s->pages[index].state < NVS_NEW)
        return err;
    page = s->pages[index];
    while (at < s->n_listed && s->pages[at].seq <= page.seq)
        at++;
    memmove(&s->pages[at + 1], &s->pages[at], (index - at) * sizeof(page));
    s->pages[at] = page;
    s->n_listed++;
    ferry_err loaded = load_map(s, at);
    if (!loaded && !s->read_only)
        loaded = repair_page(s, at);
    return loaded;
}

ferry_err ferry__nvs_load_pages(struct ferry_nvs *s)
{
    for (uint32_t i = 0; i < s->n_pages; i++) {
        const ferry_err err = load_page(s, i);
        if (err)
            return err;
    }
    s->next_seq = s->n_listed ? s->pages[s->n_listed - 1].seq + 1 : 0;
    return FERRY_OK;
}

/* The last entry of the newest page; newest->entry.span is 0 if there is none. */
static ferry_err find_newest(struct ferry_nvs *s, struct nvs_cursor *newest)
{
    struct nvs_cursor c = {.page = (uint16_t)ferry__nvs_current(s)};
    ferry_err err;
    newest->entry.span = 0;
    while ((err = ferry__nvs_find(s, &c, &everything)) == FERRY_OK)
        *newest = c;
    return ferry__nvs_end(err);
}

/* Only the last entry can be torn. Opened for reading only, it is hidden. */
static ferry_err drop_torn(struct ferry_nvs *s)
{
    struct nvs_cursor newest;
    bool torn = false;
    ferry_err err = find_newest(s, &newest);
    if (!err && newest.entry.span)
        err = is_torn(s, &newest, &torn);
    if (err || !torn || s->pages[newest.page].state != NVS_ACTIVE)
        return err;
    if (!s->read_only)
        return erase_repaired(s, &newest);
    s->pages[newest.page].next_free = newest.at;
    return FERRY_OK;
}

/* A value that was replaced just before the cut: the new one is the last entry of all, and the old
 * one, of whatever type, stands on an earlier page. */
static ferry_err erase_replaced(struct ferry_nvs *s)
{
    struct nvs_cursor newest, old = {.page = 0};
    struct nvs_want want;
    ferry_err err = find_newest(s, &newest);
    if (err || !newest.entry.span)
        return err;
    ferry__nvs_want_like(&want, &newest.entry);
    while (!err && (err = ferry__nvs_find(s, &old, &want)) == FERRY_OK && old.page < newest.page) {
        if (s->pages[old.page].state != NVS_FREEING)
            err = erase_repaired(s, &old);
    }
    return ferry__nvs_end(err);
}

/* Is every whole entry of page a, byte for byte in its head, also on page b? */
static ferry_err is_part_of(struct ferry_nvs *s, uint32_t a, uint32_t b, bool *part)
{
    struct nvs_cursor c = {.page = (uint16_t)a}, twin;
    ferry_err err = FERRY_OK;
    *part = true;
    while (*part && (err = ferry__nvs_find(s, &c, &everything)) == FERRY_OK && c.page == a) {
        err = ferry__nvs_find_twin(s, &twin, b, &c.entry);
        *part = !err && memcmp(&twin.entry, &c.entry, sizeof(c.entry)) == 0;
    }
    return ferry__nvs_end(err);
}

/* A page that was being copied to the newest one. If the copy is complete, only the erase is
 * missing: an erase that was cut must not cost the copy. */
static ferry_err finish_copy(struct ferry_nvs *s, uint32_t page)
{
    const uint32_t last = ferry__nvs_current(s);
    bool complete = false, begun = false;
    ferry_err err = FERRY_OK;
    if (last != page) {
        err = is_part_of(s, page, last, &complete);
        if (!err && s->pages[last].state == NVS_ACTIVE)
            err = is_part_of(s, last, page, &begun);
    }
    if (!err && !complete) {
        if (begun)
            err = ferry__nvs_release(s, last);
        if (!err)
            err = ferry__nvs_activate(s);
        if (!err)
            err = ferry__nvs_copy_page(s, page, begun ? page : last);
    }
    return err ? err : ferry__nvs_release(s, page);
}

ferry_err ferry__nvs_finish_interrupted(struct ferry_nvs *s)
{
    ferry_err err = s->n_listed ? drop_torn(s) : FERRY_OK;
    if (err || s->read_only)
        return err;
    if (!s->n_listed)
        return ferry__nvs_activate(s);
    err = erase_replaced(s);
    for (uint32_t i = 0; !err && i < s->n_listed; i++) {
        if (s->pages[i].state == NVS_FREEING) {
            err = finish_copy(s, i);
            break;
        }
    }
    return err;
}
