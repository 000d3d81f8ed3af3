/* core/nvs_list.c - what is in the store: keys one by one, names of namespaces, counts; and the
 * purge of what was erased. Nothing here but the purge writes. */
#include "ferry/nvs.h"

#include "mem.h"
#include "nvs_private.h"

static const struct nvs_want names = {.ns = 0, .chunk = NVS_KEYS};

static bool is_name(const struct ferry_nvs_entry *e)
{
    return e->type == FERRY_NVS_U8;
}

static void fill_info(struct ferry_nvs_info *out, const struct ferry_nvs_entry *e)
{
    out->ns = e->ns;
    const bool is_blob = e->type == FERRY_NVS_BLOB_INDEX || e->type == FERRY_NVS_BLOB_V1;
    out->type = is_blob ? FERRY_NVS_BLOB : e->type;
    memcpy(out->key, e->key, sizeof(out->key));
    out->key[FERRY_NVS_KEY_MAX] = 0;
    out->size_bytes = ferry_nvs_entry_size(e);
}

ferry_err ferry_nvs_find(struct ferry_nvs *s, uint8_t ns, const char *key,
                         struct ferry_nvs_info *out)
{
    struct nvs_cursor c;
    const ferry_err err = ferry__nvs_find_key(s, &c, ns, key);
    if (!err)
        fill_info(out, &c.entry);
    return err;
}

/* Is this entry where its key is shown? A blob is shown where its first chunk stands, as
 * Espressif's iterator does; anything else where a search by key finds it. *key: what that finds.
 */
static ferry_err is_shown(struct ferry_nvs *s, const struct nvs_cursor *c, struct nvs_cursor *key,
                          bool *shown)
{
    struct nvs_want want;
    ferry__nvs_want_like(&want, &c->entry);
    *key = (struct nvs_cursor){.page = 0};
    ferry_err err = ferry__nvs_find(s, key, &want);
    *shown =
        !err && key->page == c->page && key->at == c->at && c->entry.type != FERRY_NVS_BLOB_INDEX;
    if (*shown && c->entry.type == FERRY_NVS_BLOB) {
        key->page = 0;
        key->next = 0;
        want.chunk = NVS_KEYS;
        err = ferry__nvs_find(s, key, &want);
        *shown =
            !err && key->entry.type == FERRY_NVS_BLOB_INDEX && key->entry.data[5] == c->entry.chunk;
    }
    return ferry__nvs_end(err);
}

ferry_err ferry_nvs_next(struct ferry_nvs *s, struct ferry_nvs_iter *it, struct ferry_nvs_info *out)
{
    const struct nvs_want want = {.ns = it->ns ? it->ns : NVS_NS_ANY, .chunk = NVS_ALL};
    struct nvs_cursor c = {.page = it->page, .next = it->entry}, key;
    struct ferry_nvs_info info;
    ferry_err err = ferry__nvs_check_ns(s, 1);
    while (!err && (err = ferry__nvs_find(s, &c, &want)) == FERRY_OK) {
        bool shown = false;
        if (c.entry.ns)
            err = is_shown(s, &c, &key, &shown);
        if (!shown)
            continue;
        fill_info(&info, &key.entry);
        it->page = c.page;
        it->entry = c.next;
        if (!it->type || it->type == FERRY_NVS_ANY || it->type == info.type) {
            *out = info;
            return FERRY_OK;
        }
    }
    return err;
}

ferry_err ferry_nvs_namespace_name(struct ferry_nvs *s, uint8_t ns, char name[FERRY_NVS_NAME_BYTES])
{
    struct nvs_cursor c = {.page = 0};
    ferry_err err = ferry__nvs_check_ns(s, ns);
    while (!err && (err = ferry__nvs_find(s, &c, &names)) == FERRY_OK) {
        if (!is_name(&c.entry) || c.entry.data[0] != ns)
            continue;
        memcpy(name, c.entry.key, FERRY_NVS_NAME_BYTES);
        name[FERRY_NVS_KEY_MAX] = 0;
        return FERRY_OK;
    }
    return err == FERRY_ERR_NOT_FOUND ? ferry_fail(&s->fault, FERRY_ERR_NVS_NAMESPACE, ns, 0, 0)
                                      : err;
}

ferry_err ferry_nvs_stats(struct ferry_nvs *s, struct ferry_nvs_stats *out)
{
    struct ferry_nvs_stats n = {.n_total = s->n_pages * FERRY_NVS_ENTRIES};
    struct nvs_cursor c = {.page = 0};
    ferry_err err = ferry__nvs_check_ns(s, 1);
    while (!err && (err = ferry__nvs_find(s, &c, &names)) == FERRY_OK)
        n.n_namespaces += is_name(&c.entry);
    if (err != FERRY_ERR_NOT_FOUND)
        return err;
    for (uint32_t i = 0; i < s->n_listed; i++)
        n.n_used += s->pages[i].n_used;
    n.n_free = n.n_total - n.n_used;
    n.n_available = n.n_free > FERRY_NVS_ENTRIES ? n.n_free - FERRY_NVS_ENTRIES : 0;
    *out = n;
    return FERRY_OK;
}

ferry_err ferry_nvs_used(struct ferry_nvs *s, uint8_t ns, uint32_t *n_entries)
{
    const struct nvs_want want = {.ns = ns, .chunk = NVS_ALL};
    struct nvs_cursor c = {.page = 0};
    uint32_t n = 0;
    ferry_err err = ferry__nvs_check_ns(s, ns);
    while (!err && (err = ferry__nvs_find(s, &c, &want)) == FERRY_OK)
        n += c.entry.span;
    if (err != FERRY_ERR_NOT_FOUND)
        return err;
    *n_entries = n;
    return FERRY_OK;
}

/* Zeroes the erased entries of the namespace on one page. A head that does not check out is left:
 * whose it was cannot be known. */
static ferry_err purge_page(struct ferry_nvs *s, uint32_t page, uint8_t ns)
{
    uint8_t map[FERRY_NVS_MAP_BYTES], unit[FERRY_NVS_ENTRY_BYTES];
    struct ferry_nvs_entry e;
    ferry_err err = ferry__nvs_read(s, page, FERRY_NVS_MAP_OFF, map, sizeof(map));
    for (uint32_t i = 0; !err && i < FERRY_NVS_ENTRIES;) {
        const uint32_t at = i++;
        if (ferry_nvs_map_get(map, at) != FERRY_NVS_ENTRY_ERASED)
            continue;
        err = ferry__nvs_read_unit(s, page, at, unit);
        if (err || ferry_nvs_entry_decode(unit, at, &e) || e.ns != ns)
            continue;
        err = ferry__nvs_zero_units(s, page, at, e.span);
        i = at + e.span;
    }
    return err;
}

ferry_err ferry_nvs_purge(struct ferry_nvs *s, uint8_t ns)
{
    ferry_err err = ferry__nvs_check_ns(s, ns);
    if (!err && s->read_only)
        err = ferry_fail(&s->fault, FERRY_ERR_NVS_READ_ONLY, 0, 0, 0);
    for (uint32_t i = 0; !err && i < s->n_listed; i++) {
        if (s->pages[i].state != NVS_NEW)
            err = purge_page(s, i, ns);
    }
    return err;
}
