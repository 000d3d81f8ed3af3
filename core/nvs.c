/* core/nvs.c - the store: opening, namespaces, numbers, strings, erasing.
 * A value is replaced by writing the new one and then erasing the old one; a mount after a cut in
 * between keeps the new. Blobs: nvs_blob.c; listings: nvs_list.c. */
#include "ferry/nvs.h"

#include "mem.h"
#include "nvs_private.h"

static ferry_err check_config(struct ferry_nvs *s, const struct ferry_nvs_config *config)
{
    const struct ferry_flash *f = config->region.flash;
    const uint32_t n_pages = config->region.size_bytes / FERRY_NVS_PAGE_BYTES;
    const uint32_t least = config->read_only ? 1 : FERRY_NVS_PAGES_MIN;
    if (f->prog_bytes > 4)
        return ferry_fail(&s->fault, FERRY_ERR_ARG, f->prog_bytes, 4, 0);
    if (config->region.size_bytes % FERRY_NVS_PAGE_BYTES || n_pages > UINT16_MAX ||
        f->sector_bytes != FERRY_NVS_PAGE_BYTES)
        return ferry_fail(&s->fault, FERRY_ERR_ARG, config->region.size_bytes, FERRY_NVS_PAGE_BYTES,
                          0);
    if (n_pages < least)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_PAGES, n_pages, least, 0);
    if (config->work_bytes < FERRY_NVS_WORK_BYTES(n_pages))
        return ferry_fail(&s->fault, FERRY_ERR_WORK_SIZE, (uint32_t)config->work_bytes,
                          (uint32_t)FERRY_NVS_WORK_BYTES(n_pages), 0);
    s->n_pages = (uint16_t)n_pages;
    return FERRY_OK;
}

ferry_err ferry_nvs_open(struct ferry_nvs *s, const struct ferry_nvs_config *config)
{
    memset(s, 0, sizeof(*s));
    s->region = config->region;
    s->xts = config->xts;
    s->pages = config->work;
    s->read_only = config->read_only;
    ferry_err err = check_config(s, config);
    if (!err)
        err = ferry__nvs_load_pages(s);
    if (!err)
        err = ferry__nvs_finish_interrupted(s);
    if (!s->read_only) {
        if (err == FERRY_ERR_NVS_FULL || (!err && s->n_listed == s->n_pages))
            err = ferry_fail(&s->fault, FERRY_ERR_NVS_NO_FREE, 0, 0, 0);
        if (!err)
            err = ferry__nvs_clean_blobs(s);
    }
    s->failed = err != FERRY_OK;
    if (!err)
        s->fault = (struct ferry_fault){FERRY_OK, 0, 0, 0}; // of damage that was repaired
    return err;
}

ferry_err ferry_nvs_commit(struct ferry_nvs *s)
{
    const ferry_err err = ferry_region_sync(&s->region);
    return err ? ferry_fail(&s->fault, err, 0, 0, 0) : FERRY_OK;
}

static ferry_err may_write(struct ferry_nvs *s)
{
    return s->read_only ? ferry_fail(&s->fault, FERRY_ERR_NVS_READ_ONLY, 0, 0, 0) : FERRY_OK;
}

ferry_err ferry__nvs_begin_write(struct ferry_nvs *s, struct nvs_want *want, uint32_t ns,
                                 const char *key)
{
    ferry_err err = ferry__nvs_check_ns(s, ns);
    if (!err)
        err = may_write(s);
    return err ? err : ferry__nvs_want(s, want, ns, key);
}

ferry_err ferry__nvs_erase_older(struct ferry_nvs *s, const struct nvs_want *want, uint32_t n_units)
{
    const uint32_t newest = ferry__nvs_current(s);
    const uint32_t keep = s->pages[newest].next_free - n_units;
    for (;;) {
        struct nvs_cursor c = {.page = 0};
        ferry_err err = ferry__nvs_find(s, &c, want);
        if (err || (c.page == newest && c.at == keep))
            return ferry__nvs_end(err);
        err = ferry__nvs_erase_found(s, &c, s->purge);
        if (err)
            return err;
    }
}

/* Replaces what the key holds by one entry with its value, unless it is the same already. */
static ferry_err set(struct ferry_nvs *s, const struct nvs_want *want,
                     const struct ferry_nvs_entry *e, const uint8_t *value)
{
    struct nvs_cursor old = {.page = 0};
    const ferry_err found = ferry__nvs_find(s, &old, want);
    ferry_err err = FERRY_OK;
    if (found && found != FERRY_ERR_NOT_FOUND)
        return found;
    if (!found && old.entry.type == e->type && memcmp(old.entry.data, e->data, 8) == 0) {
        bool equal = true;
        if (value)
            err = ferry__nvs_value(s, &old, NULL, value, &equal);
        // A damaged value is replaced; what cannot be read is not.
        if ((err && err != FERRY_ERR_NVS_DATA) || (!err && equal))
            return err;
    }
    err = ferry__nvs_add(s, e, value);
    if (err == FERRY_ERR_NVS_FULL)
        return ferry__nvs_full(s, e->span);
    return err || found ? err : ferry__nvs_erase_older(s, want, e->span);
}

ferry_err ferry_nvs_set_number(struct ferry_nvs *s, uint8_t ns, const char *key,
                               enum ferry_nvs_type type, uint64_t bits)
{
    struct ferry_nvs_entry e;
    struct nvs_want want;
    if (!ferry_nvs_type_is_number(type))
        return ferry_fail(&s->fault, FERRY_ERR_ARG, type, 0, 0);
    const ferry_err err = ferry__nvs_begin_write(s, &want, ns, key);
    if (err)
        return err;
    ferry_nvs_entry_begin(&e, ns, type, want.key);
    ferry_nvs_entry_put_number(&e, bits);
    return set(s, &want, &e, NULL);
}

ferry_err ferry_nvs_get_number(struct ferry_nvs *s, uint8_t ns, const char *key,
                               enum ferry_nvs_type type, uint64_t *bits)
{
    struct nvs_cursor c;
    if (!ferry_nvs_type_is_number(type))
        return ferry_fail(&s->fault, FERRY_ERR_ARG, type, 0, 0);
    const ferry_err err = ferry__nvs_find_key(s, &c, ns, key);
    if (err)
        return err;
    if (c.entry.type != type)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_TYPE, c.entry.type, type, 0);
    *bits = ferry_nvs_entry_number(&c.entry);
    return FERRY_OK;
}

ferry_err ferry_nvs_set_string(struct ferry_nvs *s, uint8_t ns, const char *key, const char *text)
{
    struct ferry_nvs_entry e;
    struct nvs_want want;
    uint32_t n = 0;
    const ferry_err err = ferry__nvs_begin_write(s, &want, ns, key);
    if (err)
        return err;
    while (text[n++])
        ;
    if (n > FERRY_NVS_STRING_MAX)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_VALUE_LENGTH, n, FERRY_NVS_STRING_MAX, 0);
    ferry_nvs_entry_begin(&e, ns, FERRY_NVS_STRING, want.key);
    ferry_nvs_entry_put_value(&e, (uint16_t)n, ferry_nvs_value_crc(text, n));
    return set(s, &want, &e, (const uint8_t *)text);
}

ferry_err ferry__nvs_fits(struct ferry_nvs *s, const struct nvs_cursor *c, const void *out,
                          uint32_t *size_bytes)
{
    const uint32_t room = *size_bytes;
    *size_bytes = ferry_nvs_entry_size(&c->entry);
    if (out && room < *size_bytes)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_BUFFER, *size_bytes, room, 0);
    return FERRY_OK;
}

ferry_err ferry_nvs_get_string(struct ferry_nvs *s, uint8_t ns, const char *key, char *out,
                               uint32_t *size_bytes)
{
    struct nvs_cursor c;
    ferry_err err = ferry__nvs_find_key(s, &c, ns, key);
    if (err)
        return err;
    if (c.entry.type != FERRY_NVS_STRING)
        return ferry_fail(&s->fault, FERRY_ERR_NVS_TYPE, c.entry.type, FERRY_NVS_STRING, 0);
    err = ferry__nvs_fits(s, &c, out, size_bytes);
    return err || !out ? err : ferry__nvs_value(s, &c, (uint8_t *)out, NULL, NULL);
}

ferry_err ferry_nvs_erase(struct ferry_nvs *s, uint8_t ns, const char *key)
{
    struct nvs_cursor c = {.page = 0};
    struct nvs_want want;
    ferry_err err = ferry__nvs_begin_write(s, &want, ns, key);
    if (!err)
        err = ferry__nvs_find_key(s, &c, ns, key);
    while (!err) {
        err = ferry__nvs_erase_found(s, &c, s->purge);
        // A damaged partition can have the key more than once.
        if (!err)
            err = ferry__nvs_find(s, &c, &want);
    }
    return ferry__nvs_end(err);
}

ferry_err ferry_nvs_erase_all(struct ferry_nvs *s, uint8_t ns)
{
    struct nvs_want want = {.ns = ns, .chunk = NVS_KEYS};
    ferry_err err = ferry__nvs_check_ns(s, ns);
    if (!err)
        err = may_write(s);
    // Keys first, each with its chunks; then chunks that no key owns.
    for (; !err; want.chunk = NVS_ALL) {
        struct nvs_cursor c = {.page = 0};
        while (!err && (err = ferry__nvs_find(s, &c, &want)) == FERRY_OK)
            err = ferry__nvs_erase_found(s, &c, s->purge);
        if (err == FERRY_ERR_NOT_FOUND && want.chunk == NVS_KEYS)
            err = FERRY_OK;
        if (err || want.chunk == NVS_ALL)
            break;
    }
    return ferry__nvs_end(err);
}

/* Searches the names: *found is the number of this one, or 0. *next becomes a number that is not
 * taken, or 255; each is tried in turn, and mostly they stand in order. */
static ferry_err find_namespace(struct ferry_nvs *s, const struct nvs_want *want, uint8_t *found,
                                uint32_t *next)
{
    const struct nvs_want any = {.ns = 0, .chunk = NVS_KEYS};
    uint32_t before;
    ferry_err err;
    *found = 0;
    *next = 1;
    do {
        struct nvs_cursor c = {.page = 0};
        before = *next;
        while ((err = ferry__nvs_find(s, &c, &any)) == FERRY_OK) {
            const uint8_t ns = c.entry.data[0];
            if (c.entry.type != FERRY_NVS_U8 || (uint8_t)(ns + 1) < 2)
                continue;
            if (ns == *next)
                ++*next;
            if (!*found && memcmp(c.entry.key, want->key, sizeof(want->key)) == 0)
                *found = ns;
        }
    } while (err == FERRY_ERR_NOT_FOUND && !*found && *next != before);
    return ferry__nvs_end(err);
}

ferry_err ferry_nvs_namespace(struct ferry_nvs *s, const char *name, bool create, uint8_t *ns)
{
    struct ferry_nvs_entry e;
    struct nvs_want want;
    uint32_t next;
    uint8_t found;
    ferry_err err = ferry__nvs_check_ns(s, 1);
    if (!err)
        err = ferry__nvs_want(s, &want, 0, name);
    if (!err)
        err = find_namespace(s, &want, &found, &next);
    if (!err && !found) {
        if (!create)
            return ferry_fail(&s->fault, FERRY_ERR_NVS_NAMESPACE, 0, 0, 0);
        if (s->read_only)
            return may_write(s);
        if (next > FERRY_NVS_NAMESPACES_MAX)
            return ferry_fail(&s->fault, FERRY_ERR_NVS_NAMESPACES, FERRY_NVS_NAMESPACES_MAX,
                              FERRY_NVS_NAMESPACES_MAX, 0);
        ferry_nvs_entry_begin(&e, 0, FERRY_NVS_U8, want.key);
        ferry_nvs_entry_put_number(&e, next);
        err = ferry__nvs_add(s, &e, NULL);
        if (err == FERRY_ERR_NVS_FULL)
            return ferry__nvs_full(s, 1);
        found = (uint8_t)next;
    }
    if (!err)
        *ns = found;
    return err;
}
