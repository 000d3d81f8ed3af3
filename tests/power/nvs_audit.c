/* tests/power/nvs_audit.c - see the header. */
#include "nvs_audit.h"

#include <string.h>

#define MOST_ENTRIES 512u

enum { PAGE = FERRY_NVS_PAGE_BYTES, UNIT = FERRY_NVS_ENTRY_BYTES };

/* What one pass over the pages finds. */
struct pass {
    const struct ferry_xts *xts;
    struct nvs_audit *out;
    uint32_t newest, n_active, active_seq; // newest: the greatest number of a page in use
    bool any;
    uint32_t n_entries;
    struct ferry_nvs_entry entries[MOST_ENTRIES];
};

static bool is_blank(const uint8_t *bytes, uint32_t n)
{
    while (n && bytes[n - 1] == 0xff)
        n--;
    return !n;
}

/* In use: its header is whole and its state known. */
static bool is_used(const uint8_t *page, struct ferry_nvs_head *head)
{
    return ferry_nvs_head_decode(page, head) == FERRY_NVS_FLAW_NONE &&
           head->state != FERRY_NVS_PAGE_BLANK;
}

const char *nvs_audit_mountable(const uint8_t *bytes, uint32_t n_pages, struct nvs_audit *out)
{
    struct ferry_nvs_head head;
    memset(out, 0, sizeof(*out));
    for (uint32_t i = 0; i < n_pages; i++) {
        if (ferry_nvs_head_decode(bytes + i * PAGE, &head) == FERRY_NVS_FLAW_VERSION)
            return "a page looks like one of a later format";
        if (!is_used(bytes + i * PAGE, &head))
            out->n_free_pages++;
        else
            out->n_freeing += head.state == FERRY_NVS_PAGE_FREEING;
    }
    if (out->n_freeing > 1)
        return "two pages are being copied";
    return out->n_free_pages + out->n_freeing ? NULL : "no page is free or about to be";
}

/* Reads entry i of a page in the clear. */
static const uint8_t *unit_at(const struct pass *p, const uint8_t *page, uint32_t page_off,
                              uint32_t i, uint8_t unit[UNIT])
{
    const uint32_t off = FERRY_NVS_ENTRIES_OFF + i * UNIT;
    memcpy(unit, page + off, UNIT);
    return p->xts && p->xts->ops->decrypt(p->xts, page_off + off, unit) ? NULL : unit;
}

static bool value_is_whole(const struct pass *p, const uint8_t *page, uint32_t page_off, uint32_t i,
                           const struct ferry_nvs_entry *e)
{
    uint8_t value[FERRY_NVS_ENTRIES * UNIT];
    if (!ferry_nvs_type_has_value(e->type))
        return true;
    for (uint32_t k = 1; k < e->span; k++) {
        if (!unit_at(p, page, page_off, i + k, value + (k - 1) * UNIT))
            return false;
    }
    return ferry_nvs_value_crc(value, ferry_nvs_entry_size(e)) == ferry_nvs_entry_value_crc(e);
}

/* Takes in the entry at i, which is WRITTEN; *span is how many it has. */
static const char *take_entry(struct pass *p, const uint8_t *page, uint32_t page_off, uint32_t i,
                              uint32_t *span)
{
    struct ferry_nvs_entry *e = &p->entries[p->n_entries];
    uint8_t unit[UNIT];
    if (p->n_entries == MOST_ENTRIES)
        return "more entries than this audit can hold";
    if (!unit_at(p, page, page_off, i, unit) || ferry_nvs_entry_decode(unit, i, e))
        return "an entry that counts is damaged";
    for (uint32_t k = 0; k < e->span; k++) {
        if (ferry_nvs_map_get(page + FERRY_NVS_MAP_OFF, i + k) != FERRY_NVS_ENTRY_WRITTEN)
            return "a value is marked in part";
    }
    if (!value_is_whole(p, page, page_off, i, e))
        return "a value that counts does not match its CRC";
    p->n_entries++;
    p->out->n_used += e->span;
    p->out->n_namespaces += e->ns == 0;
    *span = e->span;
    return NULL;
}

static const char *take_page(struct pass *p, const uint8_t *page, uint32_t page_off, bool is_active)
{
    const char *why = NULL;
    bool at_end = false;
    for (uint32_t i = 0, span; !why && i < FERRY_NVS_ENTRIES; i += span) {
        const enum ferry_nvs_entry_state state = ferry_nvs_map_get(page + FERRY_NVS_MAP_OFF, i);
        span = 1;
        if (state == FERRY_NVS_ENTRY_ILLEGAL)
            why = "a state of an entry is none";
        else if (state == FERRY_NVS_ENTRY_EMPTY)
            at_end = true;
        else if (at_end)
            why = "an entry stands behind the end";
        else if (state == FERRY_NVS_ENTRY_WRITTEN)
            why = take_entry(p, page, page_off, i, &span);
        if (is_active && at_end && !is_blank(page + FERRY_NVS_ENTRIES_OFF + i * UNIT, UNIT))
            why = "what comes next would be written into garbage";
    }
    return why;
}

static const char *take_head(struct pass *p, const uint8_t *page, uint32_t page_off)
{
    struct ferry_nvs_head head;
    if (!is_used(page, &head)) {
        p->out->n_free_pages++;
        return NULL;
    }
    if (head.state == FERRY_NVS_PAGE_FREEING)
        return "a page is still being copied";
    if (p->any && head.seq == p->newest)
        return "two pages have the same number";
    if (!p->any || head.seq > p->newest)
        p->newest = head.seq;
    p->any = true;
    const bool is_active = head.state == FERRY_NVS_PAGE_ACTIVE;
    if (is_active) {
        p->n_active++;
        p->active_seq = head.seq;
    }
    return take_page(p, page, page_off, is_active);
}

static bool same_key(const struct ferry_nvs_entry *a, const struct ferry_nvs_entry *b)
{
    return a->ns == b->ns && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

/* The chunks of the index: *n of them, *size bytes. */
static void sum_chunks(const struct pass *p, const struct ferry_nvs_entry *index, uint32_t *n,
                       uint32_t *size)
{
    *n = *size = 0;
    for (uint32_t i = 0; i < p->n_entries; i++) {
        const struct ferry_nvs_entry *e = &p->entries[i];
        if (e->type == FERRY_NVS_BLOB && same_key(e, index) && e->chunk >= index->data[5] &&
            e->chunk - index->data[5] < index->data[4]) {
            ++*n;
            *size += ferry_nvs_entry_size(e);
        }
    }
}

/* Keys stand once, blobs are complete, and no chunk is without an index. */
static const char *check_keys(const struct pass *p)
{
    uint32_t n_chunks = 0, n_indexed = 0, n, size;
    for (uint32_t i = 0; i < p->n_entries; i++) {
        const struct ferry_nvs_entry *e = &p->entries[i];
        const bool is_chunk = e->type == FERRY_NVS_BLOB;
        for (uint32_t k = 0; k < i; k++) {
            const struct ferry_nvs_entry *other = &p->entries[k];
            if (same_key(e, other) && is_chunk == (other->type == FERRY_NVS_BLOB) &&
                (!is_chunk || e->chunk == other->chunk))
                return "a key stands twice";
        }
        n_chunks += is_chunk;
        if (e->type != FERRY_NVS_BLOB_INDEX)
            continue;
        sum_chunks(p, e, &n, &size);
        if (n != e->data[4] || size != ferry_nvs_entry_size(e))
            return "a blob lacks a chunk";
        n_indexed += n;
    }
    return n_chunks == n_indexed ? NULL : "a chunk has no index";
}

const char *nvs_audit_mounted(const uint8_t *bytes, uint32_t n_pages, const struct ferry_xts *xts,
                              struct nvs_audit *out)
{
    static struct pass p;
    const char *why = NULL;
    memset(out, 0, sizeof(*out));
    p.xts = xts;
    p.out = out;
    p.any = false;
    p.n_active = p.n_entries = 0;
    for (uint32_t i = 0; !why && i < n_pages; i++)
        why = take_head(&p, bytes + i * PAGE, i * PAGE);
    if (!why && p.n_active > 1)
        why = "two pages grow";
    if (!why && p.n_active && p.active_seq != p.newest)
        why = "an older page grows";
    if (!why && !out->n_free_pages)
        why = "no page is free";
    return why ? why : check_keys(&p);
}
