/* core/nvs_raw.c - one page of NVS in flash: reads, and the few writes that change it.
 * Each write is one flash operation that may be torn; what follows which is Espressif's order,
 * because it decides what a mount makes of a cut. Facts: docs/formats.md "NVS". */
#include "nvs_private.h"

#include "ferry/bytes.h"

#include "mem.h"

enum { UNIT = FERRY_NVS_ENTRY_BYTES, UNITS_IN_WORD = 16 };

static uint32_t unit_off(uint32_t i)
{
    return FERRY_NVS_ENTRIES_OFF + i * UNIT;
}

static uint32_t region_off(const struct ferry_nvs *s, uint32_t page, uint32_t off)
{
    return s->pages[page].index * FERRY_NVS_PAGE_BYTES + off;
}

/* Passes the result of an operation at `at` on; an error leaves a fault. */
static ferry_err note(struct ferry_nvs *s, ferry_err err, uint32_t at)
{
    return err ? ferry_fail(&s->fault, err, 0, 0, at) : FERRY_OK;
}

/* The same of a write: after an error nobody knows what the flash holds. */
static ferry_err note_write(struct ferry_nvs *s, ferry_err err, uint32_t at)
{
    s->failed = s->failed || err;
    return note(s, err, at);
}

ferry_err ferry__nvs_read(struct ferry_nvs *s, uint32_t page, uint32_t off, void *dst,
                          uint32_t len_bytes)
{
    const uint32_t at = region_off(s, page, off);
    return note(s, ferry_region_read(&s->region, at, dst, len_bytes), at);
}

static ferry_err write_bytes(struct ferry_nvs *s, uint32_t page, uint32_t off, const void *src,
                             uint32_t len_bytes)
{
    const uint32_t at = region_off(s, page, off);
    return note_write(s, ferry_region_prog(&s->region, at, src, len_bytes), at);
}

ferry_err ferry__nvs_read_unit(struct ferry_nvs *s, uint32_t page, uint32_t i, uint8_t unit[UNIT])
{
    const uint32_t at = region_off(s, page, unit_off(i));
    const ferry_err err = ferry__nvs_read(s, page, unit_off(i), unit, UNIT);
    return err || !s->xts ? err : note(s, s->xts->ops->decrypt(s->xts, at, unit), at);
}

ferry_err ferry__nvs_is_blank(struct ferry_nvs *s, uint32_t page, uint32_t off, uint32_t len_bytes,
                              bool *blank)
{
    uint8_t bytes[UNIT];
    for (; len_bytes; off += UNIT, len_bytes -= UNIT) {
        const ferry_err err = ferry__nvs_read(s, page, off, bytes, UNIT);
        if (err)
            return err;
        uint8_t all = 0xff;
        for (uint32_t i = 0; i < UNIT; i++)
            all = (uint8_t)(all & bytes[i]);
        *blank = all == 0xff;
        if (!*blank)
            break;
    }
    return FERRY_OK;
}

ferry_err ferry__nvs_set_state(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n,
                               enum ferry_nvs_entry_state state)
{
    uint8_t map[FERRY_NVS_MAP_BYTES];
    ferry_err err = ferry__nvs_read(s, page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    // From the last to the first: an entry's head keeps its old state until all behind it changed.
    for (uint32_t i = first + n; !err && i-- > first;) {
        ferry_nvs_map_put(map, i, state);
        const uint32_t word = i / UNITS_IN_WORD * 4;
        if (i == first || i % UNITS_IN_WORD == 0)
            err = write_bytes(s, page, FERRY_NVS_MAP_OFF + word, map + word, 4);
    }
    return err;
}

ferry_err ferry__nvs_zero_units(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n)
{
    const uint8_t zeros[UNIT] = {0};
    ferry_err err = FERRY_OK;
    for (uint32_t i = first; !err && i < first + n; i++)
        err = write_bytes(s, page, unit_off(i), zeros, UNIT);
    return err;
}

ferry_err ferry__nvs_erase_units(struct ferry_nvs *s, uint32_t page, uint32_t first, uint32_t n,
                                 bool purge)
{
    struct ferry_nvs_page *p = &s->pages[page];
    uint8_t map[FERRY_NVS_MAP_BYTES];
    ferry_err err = ferry__nvs_read(s, page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    if (!err)
        err = ferry__nvs_set_state(s, page, first, n, FERRY_NVS_ENTRY_ERASED);
    if (err)
        return err;
    for (uint32_t i = first; i < first + n; i++) {
        if (ferry_nvs_map_get(map, i) == FERRY_NVS_ENTRY_WRITTEN)
            p->n_used--;
    }
    if (p->next_free < first + n)
        p->next_free = (uint8_t)(first + n);
    return purge ? ferry__nvs_zero_units(s, page, first, n) : FERRY_OK;
}

ferry_err ferry__nvs_set_page_state(struct ferry_nvs *s, uint32_t page, uint8_t state)
{
    uint8_t word[4];
    ferry_put_le32(word, state == NVS_FULL ? FERRY_NVS_PAGE_FULL : FERRY_NVS_PAGE_FREEING);
    const ferry_err err = write_bytes(s, page, 0, word, sizeof(word));
    if (err)
        return err;
    s->pages[page].state = state;
    s->pages[page].next_free = FERRY_NVS_ENTRIES;
    return FERRY_OK;
}

ferry_err ferry__nvs_erase_page(struct ferry_nvs *s, uint32_t page)
{
    const uint32_t at = region_off(s, page, 0);
    s->pages[page].state = NVS_FREE;
    return note_write(s, ferry_region_erase(&s->region, at, FERRY_NVS_PAGE_BYTES, false), at);
}

ferry_err ferry__nvs_begin_page(struct ferry_nvs *s, uint32_t page)
{
    struct ferry_nvs_page *p = &s->pages[page];
    const struct ferry_nvs_head head = {
        .state = FERRY_NVS_PAGE_ACTIVE, .seq = p->seq, .version = FERRY_NVS_VERSION_2};
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    ferry_nvs_head_encode(&head, bytes);
    const ferry_err err = write_bytes(s, page, 0, bytes, sizeof(bytes));
    if (!err)
        p->state = NVS_ACTIVE;
    return err;
}

/* Without a cipher one write; with one a write for each entry, for want of memory. */
static ferry_err write_units(struct ferry_nvs *s, uint32_t page, uint32_t first,
                             const uint8_t *units, uint32_t n)
{
    if (!s->xts)
        return write_bytes(s, page, unit_off(first), units, n * UNIT);
    ferry_err err = FERRY_OK;
    for (; !err && n; n--, first++, units += UNIT) {
        uint8_t unit[UNIT];
        memcpy(unit, units, UNIT);
        const uint32_t at = region_off(s, page, unit_off(first));
        err = note_write(s, s->xts->ops->encrypt(s->xts, at, unit), at);
        if (!err)
            err = write_bytes(s, page, unit_off(first), unit, UNIT);
    }
    return err;
}

ferry_err ferry__nvs_append(struct ferry_nvs *s, uint32_t page, const uint8_t *units, uint32_t n)
{
    struct ferry_nvs_page *p = &s->pages[page];
    ferry_err err = write_units(s, page, p->next_free, units, n);
    if (!err)
        err = ferry__nvs_set_state(s, page, p->next_free, n, FERRY_NVS_ENTRY_WRITTEN);
    if (err)
        return err;
    p->next_free = (uint8_t)(p->next_free + n);
    p->n_used = (uint8_t)(p->n_used + n);
    return FERRY_OK;
}
