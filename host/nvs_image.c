/* host/nvs_image.c - the generator's layout, entry by entry.
 * Two of its habits decide where pages end: a string never takes a page's very last entry, and a
 * blob fills every page to the brim, even with a chunk of no bytes. */
#include "nvs_image.h"

#include <stdlib.h>
#include <string.h>

#include "ferry/bytes.h"

#define UNIT FERRY_NVS_ENTRY_BYTES

/** Beyond any partition, and far under what 32 bits count in bytes. */
#define PAGES_MAX 65536u

static ferry_err fail(struct ferry_nvs_image *m, ferry_err err, uint32_t value, uint32_t limit)
{
    return ferry_fail(&m->fault, err, value, limit, 0);
}

static uint8_t *last_page(const struct ferry_nvs_image *m)
{
    return m->bytes + (size_t)(m->n_pages - 1) * FERRY_NVS_PAGE_BYTES;
}

static void put_state(struct ferry_nvs_image *m, uint32_t state)
{
    ferry_put_le32(last_page(m), state);
}

static ferry_err grow(struct ferry_nvs_image *m)
{
    if (m->n_pages < m->n_pages_allocated)
        return FERRY_OK;
    const uint32_t n = m->n_pages_allocated ? 2 * m->n_pages_allocated : 8;
    uint8_t *grown = n > PAGES_MAX ? NULL : realloc(m->bytes, (size_t)n * FERRY_NVS_PAGE_BYTES);
    if (!grown)
        return fail(m, FERRY_ERR_NO_MEMORY, 0, 0);
    m->bytes = grown;
    m->n_pages_allocated = n;
    return FERRY_OK;
}

static ferry_err new_page(struct ferry_nvs_image *m)
{
    const ferry_err err = grow(m);
    if (err)
        return err;
    if (m->n_pages)
        put_state(m, FERRY_NVS_PAGE_FULL);
    const struct ferry_nvs_head head = {FERRY_NVS_PAGE_ACTIVE, m->n_pages, m->version};
    m->n_pages++;
    m->n_entries = 0;
    memset(last_page(m), 0xff, FERRY_NVS_PAGE_BYTES);
    ferry_nvs_head_encode(&head, last_page(m));
    return FERRY_OK;
}

/* Puts one unit at the end of the last page, which has room. */
static ferry_err put_unit(struct ferry_nvs_image *m, const uint8_t *bytes, size_t n)
{
    uint8_t *page = last_page(m);
    const uint32_t off = FERRY_NVS_ENTRIES_OFF + m->n_entries * UNIT;
    memcpy(page + off, bytes, n);
    if (m->xts &&
        m->xts->ops->encrypt(m->xts, (m->n_pages - 1) * FERRY_NVS_PAGE_BYTES + off, page + off))
        return fail(m, FERRY_ERR_NVS_CRYPT, 0, 0);
    ferry_nvs_map_put(page + FERRY_NVS_MAP_OFF, m->n_entries, FERRY_NVS_ENTRY_WRITTEN);
    m->n_entries++;
    return FERRY_OK;
}

static ferry_err put_entry(struct ferry_nvs_image *m, const struct ferry_nvs_entry *e)
{
    uint8_t bytes[UNIT];
    ferry_nvs_entry_encode(e, bytes);
    return put_unit(m, bytes, UNIT);
}

/* An entry and the value behind it, all in the last page. */
static ferry_err put_value(struct ferry_nvs_image *m, struct ferry_nvs_entry *e,
                           const uint8_t *value, uint32_t n)
{
    ferry_nvs_entry_put_value(e, (uint16_t)n, ferry_nvs_value_crc(value, n));
    ferry_err err = put_entry(m, e);
    for (uint32_t off = 0; !err && off < n; off += UNIT)
        err = put_unit(m, value + off, n - off < UNIT ? n - off : UNIT);
    return err;
}

static uint32_t units(uint32_t n_bytes)
{
    return (n_bytes + UNIT - 1) / UNIT;
}

/* A value that must stay on one page. The very last entry of a page is left alone, as the generator
 * leaves it, unless even an empty page would not do: there the generator gives up. */
static ferry_err put_whole(struct ferry_nvs_image *m, struct ferry_nvs_entry *e,
                           const uint8_t *value, uint32_t n)
{
    const bool fits = m->n_entries + 1 + units(n) < FERRY_NVS_ENTRIES;
    const ferry_err err = fits || !m->n_entries ? FERRY_OK : new_page(m);
    return err ? err : put_value(m, e, value, n);
}

static ferry_err check_key(struct ferry_nvs_image *m, const char *key)
{
    const size_t n = strlen(key);
    return n && n <= FERRY_NVS_KEY_MAX
               ? FERRY_OK
               : fail(m, FERRY_ERR_NVS_KEY_LENGTH, (uint32_t)n, FERRY_NVS_KEY_MAX);
}

static ferry_err check_length(struct ferry_nvs_image *m, size_t n, uint32_t most)
{
    if (m->version == FERRY_NVS_VERSION_1 && most > FERRY_NVS_V1_VALUE_MAX)
        most = FERRY_NVS_V1_VALUE_MAX;
    return n <= most ? FERRY_OK
                     : fail(m, FERRY_ERR_NVS_VALUE_LENGTH,
                            n > UINT32_MAX ? UINT32_MAX : (uint32_t)n, most);
}

ferry_err ferry_nvs_image_begin(struct ferry_nvs_image *m, uint32_t size_bytes, unsigned version,
                                const struct ferry_xts *xts)
{
    const uint32_t n_pages = size_bytes / FERRY_NVS_PAGE_BYTES;
    *m = (struct ferry_nvs_image){
        .size_bytes = size_bytes,
        .n_usable = n_pages < 3 ? n_pages : n_pages - 1,
        .version = version == 1 ? FERRY_NVS_VERSION_1 : FERRY_NVS_VERSION_2,
        .xts = xts,
    };
    if (!n_pages || size_bytes % FERRY_NVS_PAGE_BYTES)
        return fail(m, FERRY_ERR_NVS_PAGES, size_bytes, FERRY_NVS_PAGE_BYTES);
    return new_page(m);
}

ferry_err ferry_nvs_image_number(struct ferry_nvs_image *m, uint8_t ns, const char *key,
                                 enum ferry_nvs_type type, uint64_t bits)
{
    struct ferry_nvs_entry e;
    ferry_err err = check_key(m, key);
    if (!err && m->n_entries == FERRY_NVS_ENTRIES)
        err = new_page(m);
    if (err)
        return err;
    ferry_nvs_entry_begin(&e, ns, type, key);
    ferry_nvs_entry_put_number(&e, bits);
    return put_entry(m, &e);
}

ferry_err ferry_nvs_image_namespace(struct ferry_nvs_image *m, const char *name, uint8_t *ns)
{
    if (m->n_namespaces == FERRY_NVS_NAMESPACES_MAX)
        return fail(m, FERRY_ERR_NVS_NAMESPACES, m->n_namespaces, FERRY_NVS_NAMESPACES_MAX);
    const ferry_err err = ferry_nvs_image_number(m, 0, name, FERRY_NVS_U8, m->n_namespaces + 1);
    if (!err)
        *ns = (uint8_t)++m->n_namespaces;
    return err;
}

ferry_err ferry_nvs_image_string(struct ferry_nvs_image *m, uint8_t ns, const char *key,
                                 const char *text, size_t n_bytes)
{
    uint8_t value[FERRY_NVS_STRING_MAX];
    struct ferry_nvs_entry e;
    ferry_err err = check_key(m, key);
    if (!err)
        err = check_length(m, n_bytes + 1, FERRY_NVS_STRING_MAX);
    if (err)
        return err;
    memcpy(value, text, n_bytes);
    value[n_bytes] = '\0';
    ferry_nvs_entry_begin(&e, ns, FERRY_NVS_STRING, key);
    return put_whole(m, &e, value, (uint32_t)n_bytes + 1);
}

/* Chunks that fill page after page, then the index that names them. */
static ferry_err put_chunks(struct ferry_nvs_image *m, uint8_t ns, const char *key,
                            const uint8_t *data, uint32_t n_bytes)
{
    struct ferry_nvs_entry e;
    ferry_err err = m->n_entries < FERRY_NVS_ENTRIES ? FERRY_OK : new_page(m);
    uint32_t left = n_bytes, n_chunks = 0;
    do {
        if (err)
            return err;
        if (n_chunks == FERRY_NVS_IMAGE_CHUNKS_MAX)
            return fail(m, FERRY_ERR_NVS_VALUE_LENGTH, n_bytes, n_bytes - left);
        const uint32_t room = (FERRY_NVS_ENTRIES - m->n_entries - 1) * UNIT;
        const uint32_t n = left < room ? left : room;
        ferry_nvs_entry_begin(&e, ns, FERRY_NVS_BLOB, key);
        e.chunk = (uint8_t)n_chunks++;
        err = put_value(m, &e, data + (n_bytes - left), n);
        left -= n;
        if (!err && (left || room - n < UNIT))
            err = new_page(m);
    } while (left);
    if (err)
        return err;
    ferry_nvs_entry_begin(&e, ns, FERRY_NVS_BLOB_INDEX, key);
    ferry_nvs_entry_put_index(&e, n_bytes, (uint8_t)n_chunks, 0);
    return put_entry(m, &e);
}

ferry_err ferry_nvs_image_blob(struct ferry_nvs_image *m, uint8_t ns, const char *key,
                               const void *data, size_t n_bytes)
{
    struct ferry_nvs_entry e;
    ferry_err err = check_key(m, key);
    if (!err)
        err = check_length(m, n_bytes, FERRY_NVS_CHUNKS_MAX * FERRY_NVS_CHUNK_MAX_BYTES);
    if (err)
        return err;
    if (m->version == FERRY_NVS_VERSION_2)
        return put_chunks(m, ns, key, data, (uint32_t)n_bytes);
    ferry_nvs_entry_begin(&e, ns, FERRY_NVS_BLOB_V1, key);
    return put_whole(m, &e, data, (uint32_t)n_bytes);
}

uint32_t ferry_nvs_image_pages(const struct ferry_nvs_image *m)
{
    return m->n_pages;
}

uint32_t ferry_nvs_image_needs_bytes(const struct ferry_nvs_image *m)
{
    const uint32_t n = m->n_pages + 1;
    return (n < 3 ? 3 : n) * FERRY_NVS_PAGE_BYTES;
}

ferry_err ferry_nvs_image_end(struct ferry_nvs_image *m, uint32_t *n_bytes)
{
    const uint32_t n_all = m->size_bytes / FERRY_NVS_PAGE_BYTES;
    if (m->n_pages > m->n_usable)
        return fail(m, FERRY_ERR_NVS_FULL, m->n_pages, m->n_usable);
    *n_bytes = m->n_pages * FERRY_NVS_PAGE_BYTES;
    if (n_all < 3)
        return FERRY_OK;
    uint8_t *whole = realloc(m->bytes, m->size_bytes);
    if (!whole)
        return fail(m, FERRY_ERR_NO_MEMORY, 0, 0);
    m->bytes = whole;
    memset(whole + *n_bytes, 0xff, m->size_bytes - *n_bytes);
    *n_bytes = m->size_bytes;
    return FERRY_OK;
}

void ferry_nvs_image_free(struct ferry_nvs_image *m)
{
    free(m->bytes);
    m->bytes = NULL;
}
