/* core/nvs_blob.c - blobs: chunks that fill the pages, then an index that makes them count.
 * A new version is written beside the old one, under the other half of the chunk numbers; the
 * index is the one entry that switches. Facts: docs/formats.md "NVS". */
#include "nvs_private.h"

#include "ferry/bytes.h"

#include "mem.h"

// Less room than this on a page is left empty rather than begun with.
#define FIRST_CHUNK_MIN_BYTES (FERRY_NVS_CHUNK_MAX_BYTES / 10)

static uint32_t index_chunks(const struct ferry_nvs_entry *index)
{
    return index->data[4];
}

static uint32_t index_first(const struct ferry_nvs_entry *index)
{
    return index->data[5];
}

static bool index_names(const struct ferry_nvs_entry *index, uint32_t chunk)
{
    return chunk >= index_first(index) && chunk - index_first(index) < index_chunks(index);
}

/* Finds chunk number i of the blob; FERRY_ERR_NOT_FOUND. */
static ferry_err find_chunk(struct ferry_nvs *s, struct nvs_cursor *c,
                            const struct ferry_nvs_entry *index, uint32_t i)
{
    struct nvs_want want;
    ferry__nvs_want_like(&want, index);
    want.chunk = (uint16_t)(index_first(index) + i);
    c->page = 0;
    c->next = 0;
    return ferry__nvs_find(s, c, &want);
}

ferry_err ferry__nvs_blob_is_whole(struct ferry_nvs *s, const struct ferry_nvs_entry *index,
                                   bool *whole)
{
    uint32_t left = ferry_nvs_entry_size(index);
    struct nvs_cursor c;
    *whole = false;
    if (index_first(index) & ~NVS_VERSION_BIT || index_chunks(index) > FERRY_NVS_CHUNKS_MAX)
        return FERRY_OK;
    for (uint32_t i = 0; i < index_chunks(index); i++) {
        const ferry_err err = find_chunk(s, &c, index, i);
        if (err)
            return ferry__nvs_end(err);
        if (ferry_nvs_entry_size(&c.entry) > left)
            return FERRY_OK;
        left -= ferry_nvs_entry_size(&c.entry);
    }
    *whole = !left;
    return FERRY_OK;
}

static ferry_err erase_chunks(struct ferry_nvs *s, const struct ferry_nvs_entry *index, bool purge)
{
    struct nvs_cursor c;
    for (uint32_t i = 0; i < index_chunks(index); i++) {
        ferry_err err = find_chunk(s, &c, index, i);
        if (!err)
            err = ferry__nvs_erase_units(s, c.page, c.at, c.entry.span, purge);
        if (err && err != FERRY_ERR_NOT_FOUND)
            return err;
    }
    return FERRY_OK;
}

ferry_err ferry__nvs_erase_found(struct ferry_nvs *s, const struct nvs_cursor *c, bool purge)
{
    const ferry_err err = ferry__nvs_erase_units(s, c->page, c->at, c->entry.span, purge);
    // Without its index a blob is gone; a mount would erase the chunks.
    return err || c->entry.type != FERRY_NVS_BLOB_INDEX ? err : erase_chunks(s, &c->entry, purge);
}

/* Does an index name this chunk? */
static ferry_err is_named(struct ferry_nvs *s, const struct ferry_nvs_entry *chunk, bool *named)
{
    struct nvs_cursor c = {.page = 0};
    struct nvs_want want;
    ferry_err err = FERRY_OK;
    ferry__nvs_want_like(&want, chunk);
    want.chunk = NVS_KEYS;
    *named = false;
    while (!*named && (err = ferry__nvs_find(s, &c, &want)) == FERRY_OK)
        *named = c.entry.type == FERRY_NVS_BLOB_INDEX && index_names(&c.entry, chunk->chunk);
    return *named || err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

/* Erases indexes without all their chunks, or chunks without index. */
static ferry_err clean(struct ferry_nvs *s, bool chunks)
{
    const struct nvs_want all = {.ns = NVS_NS_ANY, .chunk = NVS_ALL};
    const uint32_t type = chunks ? FERRY_NVS_BLOB : FERRY_NVS_BLOB_INDEX;
    struct nvs_cursor c = {.page = 0};
    ferry_err err;
    while ((err = ferry__nvs_find(s, &c, &all)) == FERRY_OK) {
        bool good = true;
        if (c.entry.type != type)
            continue;
        err = chunks ? is_named(s, &c.entry, &good) : ferry__nvs_blob_is_whole(s, &c.entry, &good);
        if (!err && !good)
            err = ferry__nvs_erase_units(s, c.page, c.at, c.entry.span, true);
        if (err)
            return err;
    }
    return ferry__nvs_end(err);
}

ferry_err ferry__nvs_clean_blobs(struct ferry_nvs *s)
{
    const ferry_err err = clean(s, false);
    return err ? err : clean(s, true);
}

/* Reads the chunks into out (NULL: nowhere) or compares them with `same`. */
static ferry_err chunks_value(struct ferry_nvs *s, const struct nvs_cursor *index, uint8_t *out,
                              const uint8_t *same, bool *equal)
{
    const uint32_t size = ferry_nvs_entry_size(&index->entry);
    uint32_t done = 0;
    bool so_far = true;
    struct nvs_cursor c;
    for (uint32_t i = 0; i < index_chunks(&index->entry) && so_far; i++) {
        ferry_err err = find_chunk(s, &c, &index->entry, i);
        if (err == FERRY_ERR_NOT_FOUND || (!err && ferry_nvs_entry_size(&c.entry) > size - done))
            break;
        if (!err)
            err = ferry__nvs_value(s, &c, out ? out + done : NULL, same ? same + done : NULL,
                                   &so_far);
        if (err)
            return err;
        done += ferry_nvs_entry_size(&c.entry);
    }
    if (equal)
        *equal = so_far;
    if (so_far && done != size)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_DATA, done, size,
                          s->pages[index->page].index * FERRY_NVS_PAGE_BYTES);
    return FERRY_OK;
}

/* Bytes that a chunk can have on the current page. */
static uint32_t room(const struct ferry_nvs *s)
{
    const struct ferry_nvs_page *p = &s->pages[ferry__nvs_current(s)];
    if (p->next_free >= FERRY_NVS_ENTRIES)
        return 0;
    return (FERRY_NVS_ENTRIES - 1u - p->next_free) * FERRY_NVS_ENTRY_BYTES;
}

/* Goes on to a page worth beginning on. */
static ferry_err find_room(struct ferry_nvs *s, uint32_t size)
{
    for (;;) {
        const uint32_t n = room(s);
        if (n >= FIRST_CHUNK_MIN_BYTES || (n && n >= size))
            return FERRY_OK;
        const ferry_err err = ferry__nvs_next_page(s);
        if (err)
            return err;
        if (room(s) == n)
            return FERRY_ERR_NVS_FULL;
    }
}

/* Adds the chunks, each as large as its page has room; *n counts also one that was only begun. */
static ferry_err add_chunks(struct ferry_nvs *s, struct ferry_nvs_entry *e, const uint8_t *data,
                            uint32_t size, uint32_t *n)
{
    uint32_t done = 0;
    do {
        const uint32_t most = room(s);
        const uint32_t take = size - done < most ? size - done : most;
        if (!most || *n == FERRY_NVS_CHUNKS_MAX)
            return FERRY_ERR_NVS_FULL;
        ferry_nvs_entry_put_value(e, (uint16_t)take, ferry_nvs_value_crc(data + done, take));
        ferry_err err = ferry__nvs_add_here(s, e, data + done);
        ++*n;
        e->chunk++;
        done += take;
        // The index, too, needs an entry.
        if (!err && (done < size || most - take < FERRY_NVS_ENTRY_BYTES))
            err = ferry__nvs_next_page(s);
        if (err)
            return err;
    } while (done < size);
    return FERRY_OK;
}

/* Writes the chunks, then the index. Of what is refused nothing stays. */
static ferry_err write_blob(struct ferry_nvs *s, const struct nvs_want *want, uint8_t first_chunk,
                            const uint8_t *data, uint32_t size)
{
    struct ferry_nvs_entry e;
    uint32_t n = 0;
    ferry_nvs_entry_begin(&e, want->ns, FERRY_NVS_BLOB, want->key);
    e.chunk = first_chunk;
    ferry_err err = find_room(s, size);
    if (!err)
        err = add_chunks(s, &e, data, size, &n);
    ferry_nvs_entry_begin(&e, want->ns, FERRY_NVS_BLOB_INDEX, want->key);
    ferry_nvs_entry_put_index(&e, size, (uint8_t)n, first_chunk);
    if (!err)
        err = ferry__nvs_add_here(s, &e, NULL);
    if (err != FERRY_ERR_NVS_FULL)
        return err;
    err = erase_chunks(s, &e, s->purge);
    return err ? err : ferry__nvs_full(s, 1 + n + size / FERRY_NVS_ENTRY_BYTES);
}

ferry_err ferry_nvs_set_blob(struct ferry_nvs *s, uint8_t ns, const char *key, const void *data,
                             uint32_t size_bytes)
{
    const uint32_t pages = s->n_pages - 1u;
    const uint32_t most =
        (pages < FERRY_NVS_CHUNKS_MAX ? pages : FERRY_NVS_CHUNKS_MAX) * FERRY_NVS_CHUNK_MAX_BYTES;
    struct nvs_cursor old = {.page = 0};
    struct nvs_want want;
    uint8_t first_chunk = 0;
    ferry_err err = ferry__nvs_begin_write(s, &want, ns, key);
    if (err)
        return err;
    if (size_bytes > most)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_VALUE_LENGTH, size_bytes, most, 0);
    const ferry_err found = ferry__nvs_find(s, &old, &want);
    if (found && found != FERRY_ERR_NOT_FOUND)
        return found;
    if (!found && old.entry.type == FERRY_NVS_BLOB_INDEX) {
        bool equal = false;
        if (ferry_nvs_entry_size(&old.entry) == size_bytes)
            err = chunks_value(s, &old, NULL, data, &equal);
        // A damaged value is replaced; what cannot be read is not.
        if ((err && err != FERRY_ERR_NVS_DATA) || (!err && equal))
            return err;
        first_chunk = (uint8_t)(~index_first(&old.entry) & NVS_VERSION_BIT);
    }
    err = write_blob(s, &want, first_chunk, data, size_bytes);
    return err || found ? err : ferry__nvs_erase_older(s, &want, 1);
}

ferry_err ferry_nvs_get_blob(struct ferry_nvs *s, uint8_t ns, const char *key, void *out,
                             uint32_t *size_bytes)
{
    struct nvs_cursor c;
    ferry_err err = ferry__nvs_find_key(s, &c, ns, key);
    if (err)
        return err;
    if (c.entry.type != FERRY_NVS_BLOB_INDEX && c.entry.type != FERRY_NVS_BLOB_V1)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_TYPE, c.entry.type, FERRY_NVS_BLOB, 0);
    err = ferry__nvs_fits(s, &c, out, size_bytes);
    if (err || !out)
        return err;
    return c.entry.type == FERRY_NVS_BLOB_V1 ? ferry__nvs_value(s, &c, out, NULL, NULL)
                                             : chunks_value(s, &c, out, NULL, NULL);
}
