/* core/nvs_find.c - the search over all pages, and the value behind what it finds.
 * No index in memory: entries are few, and the pages' maps say where to look. */
#include "nvs_private.h"

#include "ferry/crc32.h"

#include "mem.h"

static bool fits(const struct nvs_want *want, const struct ferry_nvs_entry *e)
{
    const bool is_chunk = e->type == FERRY_NVS_BLOB;
    if (want->ns != NVS_NS_ANY && want->ns != e->ns)
        return false;
    if (want->chunk == NVS_KEYS ? is_chunk
                                : want->chunk != NVS_ALL && !(is_chunk && want->chunk == e->chunk))
        return false;
    return !want->key[0] || memcmp(want->key, e->key, sizeof(e->key)) == 0;
}

bool ferry__nvs_all_written(const uint8_t map[FERRY_NVS_MAP_BYTES], uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        if (ferry_nvs_map_get(map, i) != FERRY_NVS_ENTRY_WRITTEN)
            return false;
    }
    return true;
}

ferry_err ferry__nvs_end(ferry_err err)
{
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

/* The next fitting entry of the cursor's page. */
static ferry_err find_in_page(struct ferry_nvs *s, struct nvs_cursor *c,
                              const struct nvs_want *want)
{
    uint8_t map[FERRY_NVS_MAP_BYTES], unit[FERRY_NVS_ENTRY_BYTES];
    const uint32_t end = s->pages[c->page].next_free;
    ferry_err err = ferry__nvs_read(s, c->page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    while (!err && c->next < end) {
        c->at = c->next++;
        if (ferry_nvs_map_get(map, c->at) != FERRY_NVS_ENTRY_WRITTEN)
            continue;
        err = ferry__nvs_read_unit(s, c->page, c->at, unit);
        if (err || ferry_nvs_entry_decode(unit, c->at, &c->entry))
            continue;
        c->next = (uint8_t)(c->at + c->entry.span);
        if (fits(want, &c->entry) && ferry__nvs_all_written(map, c->at, c->entry.span))
            return FERRY_OK;
    }
    return err ? err : FERRY_ERR_NOT_FOUND;
}

ferry_err ferry__nvs_find(struct ferry_nvs *s, struct nvs_cursor *c, const struct nvs_want *want)
{
    for (; c->page < s->n_listed; c->page++, c->next = 0) {
        if (s->pages[c->page].state == NVS_NEW)
            continue;
        const ferry_err err = find_in_page(s, c, want);
        if (err != FERRY_ERR_NOT_FOUND)
            return err;
    }
    return FERRY_ERR_NOT_FOUND;
}

void ferry__nvs_want_like(struct nvs_want *want, const struct ferry_nvs_entry *e)
{
    want->ns = e->ns;
    want->chunk = e->type == FERRY_NVS_BLOB ? e->chunk : NVS_KEYS;
    memcpy(want->key, e->key, sizeof(want->key));
}

ferry_err ferry__nvs_find_twin(struct ferry_nvs *s, struct nvs_cursor *twin, uint32_t page,
                               const struct ferry_nvs_entry *e)
{
    struct nvs_want want;
    ferry__nvs_want_like(&want, e);
    twin->page = (uint16_t)page;
    twin->next = 0;
    const ferry_err err = ferry__nvs_find(s, twin, &want);
    return err || twin->page == page ? err : FERRY_ERR_NOT_FOUND;
}

ferry_err ferry__nvs_want(struct ferry_nvs *s, struct nvs_want *want, uint32_t ns, const char *key)
{
    memset(want, 0, sizeof(*want));
    want->ns = (uint8_t)ns;
    want->chunk = NVS_KEYS;
    uint32_t n = 0;
    for (; key[n]; n++) {
        if (n < FERRY_NVS_KEY_MAX)
            want->key[n] = key[n];
    }
    if (!n || n > FERRY_NVS_KEY_MAX)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_KEY_LENGTH, n, FERRY_NVS_KEY_MAX, 0);
    return FERRY_OK;
}

ferry_err ferry__nvs_check_ns(struct ferry_nvs *s, uint32_t ns)
{
    if (s->failed)
        return ferry_fail(&s->fault, FERRY_ERR_STATE, 0, 0, 0);
    if (!ns || ns > FERRY_NVS_NAMESPACES_MAX)
        return ferry_fail(&s->fault, FERRY_ERR_ARG, ns, FERRY_NVS_NAMESPACES_MAX, 0);
    return FERRY_OK;
}

ferry_err ferry__nvs_find_key(struct ferry_nvs *s, struct nvs_cursor *c, uint32_t ns,
                              const char *key)
{
    struct nvs_want want;
    ferry_err err = ferry__nvs_check_ns(s, ns);
    if (!err)
        err = ferry__nvs_want(s, &want, ns, key);
    if (err)
        return err;
    c->page = 0;
    c->next = 0;
    err = ferry__nvs_find(s, c, &want);
    return err == FERRY_ERR_NOT_FOUND ? ferry_fail(&s->fault, FERRY_ERR_NVS_KEY, 0, 0, 0) : err;
}

ferry_err ferry__nvs_value(struct ferry_nvs *s, const struct nvs_cursor *c, uint8_t *out,
                           const uint8_t *same, bool *equal)
{
    uint8_t unit[FERRY_NVS_ENTRY_BYTES];
    uint32_t left = ferry_nvs_entry_size(&c->entry);
    uint32_t crc = ferry_nvs_value_crc(NULL, 0);
    bool differs = false;
    for (uint32_t i = 1; i < c->entry.span; i++) {
        const ferry_err err = ferry__nvs_read_unit(s, c->page, c->at + i, unit);
        if (err)
            return err;
        const uint32_t n = left < sizeof(unit) ? left : (uint32_t)sizeof(unit);
        crc = ferry_crc32(crc, unit, n);
        if (out)
            memcpy(out + (i - 1) * sizeof(unit), unit, n);
        if (same && memcmp(same + (i - 1) * sizeof(unit), unit, n) != 0)
            differs = true;
        left -= n;
    }
    if (crc != ferry_nvs_entry_value_crc(&c->entry)) {
        const uint32_t page_off = s->pages[c->page].index * FERRY_NVS_PAGE_BYTES;
        return ferry_fail(&s->fault, FERRY_ERR_NVS_DATA, crc, ferry_nvs_entry_value_crc(&c->entry),
                          page_off + FERRY_NVS_ENTRIES_OFF + c->at * FERRY_NVS_ENTRY_BYTES);
    }
    if (same)
        *equal = !differs;
    return FERRY_OK;
}
