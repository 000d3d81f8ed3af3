/* tests/power/nvs_store.c - see the header. */
#include "nvs_store.h"

#include <string.h>

#define PART_OFF    0x1000u
#define FLASH_BYTES (PART_OFF + NVS_MOST_PAGES * FERRY_NVS_PAGE_BYTES)

static const char *const namespaces[NVS_NAMESPACES] = {"app", "wifi", "n"};
// The same in each namespace, so that one taken for another shows.
static const char *const keys[NVS_KEYS / NVS_NAMESPACES] = {"a", "fifteen_letters", "b", "cert"};

static uint8_t want[NVS_MOST_BYTES], got[NVS_MOST_BYTES];

static const char *name_of(uint32_t key)
{
    return keys[key / NVS_NAMESPACES];
}

void nvs_store_init(struct nvs_store *s, uint32_t n_pages, uint32_t prog_bytes,
                    const struct ferry_xts *xts)
{
    sim_flash_init(&s->sim, FLASH_BYTES, prog_bytes);
    s->n_pages = n_pages;
    s->xts = xts;
}

void nvs_store_fork(struct nvs_store *to, const struct nvs_store *from, const struct sim_flash *sim,
                    uint32_t seed)
{
    sim_flash_fork(&to->sim, sim, seed);
    to->n_pages = from->n_pages;
    to->xts = from->xts;
}

void nvs_store_free(struct nvs_store *s)
{
    sim_flash_free(&s->sim);
}

static void fill(uint8_t *bytes, const struct nvs_value *v)
{
    for (uint32_t i = 0; i < v->size_bytes; i++)
        bytes[i] = v->seed % 5 == 0 ? 0xff : (uint8_t)(v->seed + i * 11 + i / 253);
    if (v->type == FERRY_NVS_STRING) {
        for (uint32_t i = 0; i + 1 < v->size_bytes; i++)
            bytes[i] |= 1;
        bytes[v->size_bytes - 1] = 0;
    }
}

/* What a number of this type holds: as many bits as it has, sign-extended if it has one. */
static uint64_t bits_of(const struct nvs_value *v)
{
    struct ferry_nvs_entry e;
    ferry_nvs_entry_begin(&e, 1, (enum ferry_nvs_type)v->type, "k");
    ferry_nvs_entry_put_number(&e, v->seed * 0x9e3779b97f4a7c15u);
    return ferry_nvs_entry_number(&e);
}

static void put_v1(struct nvs_store *s, uint32_t *at, struct ferry_nvs_entry *e,
                   const uint8_t *value)
{
    uint8_t unit[FERRY_NVS_ENTRY_BYTES], map[FERRY_NVS_MAP_BYTES];
    const uint32_t size = value ? ferry_nvs_entry_size(e) : 0;
    sim_flash_peek(&s->sim, PART_OFF + FERRY_NVS_MAP_OFF, map, sizeof(map));
    for (uint32_t i = 0; i < e->span; i++, ++*at) {
        const uint32_t off = FERRY_NVS_ENTRIES_OFF + *at * FERRY_NVS_ENTRY_BYTES;
        const uint32_t done = i ? (i - 1) * FERRY_NVS_ENTRY_BYTES : 0;
        if (i) {
            memset(unit, 0xff, sizeof(unit));
            memcpy(unit, value + done, size - done < sizeof(unit) ? size - done : sizeof(unit));
        } else {
            ferry_nvs_entry_encode(e, unit);
        }
        if (s->xts && s->xts->ops->encrypt(s->xts, off, unit))
            return;
        sim_flash_poke(&s->sim, PART_OFF + off, unit, sizeof(unit));
        ferry_nvs_map_put(map, *at, FERRY_NVS_ENTRY_WRITTEN);
    }
    sim_flash_poke(&s->sim, PART_OFF + FERRY_NVS_MAP_OFF, map, sizeof(map));
}

void nvs_store_begin_v1(struct nvs_store *s, uint32_t seed, struct nvs_value now[NVS_KEYS])
{
    static const uint8_t types[] = {FERRY_NVS_BLOB_V1, FERRY_NVS_STRING, FERRY_NVS_U16};
    const struct ferry_nvs_head head = {
        .state = FERRY_NVS_PAGE_ACTIVE, .seq = seed % 9, .version = FERRY_NVS_VERSION_1};
    uint8_t bytes[FERRY_NVS_HEAD_BYTES];
    struct ferry_nvs_entry e;
    uint32_t at = 0;
    ferry_nvs_head_encode(&head, bytes);
    sim_flash_poke(&s->sim, PART_OFF, bytes, sizeof(bytes));
    ferry_nvs_entry_begin(&e, 0, FERRY_NVS_U8, namespaces[0]);
    ferry_nvs_entry_put_number(&e, 1);
    put_v1(s, &at, &e, NULL);
    for (uint32_t key = 0; key < NVS_KEYS; key += NVS_NAMESPACES) {
        struct nvs_value *v = &now[key];
        *v = (struct nvs_value){types[(seed + key) % 3], 1 + (seed + key) % 200, 0};
        ferry_nvs_entry_begin(&e, 1, (enum ferry_nvs_type)v->type, name_of(key));
        if (v->type == FERRY_NVS_U16) {
            ferry_nvs_entry_put_number(&e, bits_of(v));
            put_v1(s, &at, &e, NULL);
            continue;
        }
        v->size_bytes = 1 + (seed * 37 + key * 411) % 900;
        fill(want, v);
        ferry_nvs_entry_put_value(&e, (uint16_t)v->size_bytes,
                                  ferry_nvs_value_crc(want, v->size_bytes));
        put_v1(s, &at, &e, want);
        if (v->type == FERRY_NVS_BLOB_V1)
            v->type = FERRY_NVS_BLOB;
    }
}

ferry_err nvs_store_open(struct nvs_store *s, bool read_only)
{
    const struct ferry_nvs_config config = {
        .region = {&s->sim.flash, PART_OFF, s->n_pages * FERRY_NVS_PAGE_BYTES},
        .xts = s->xts,
        .work = s->work,
        .work_bytes = sizeof(s->work),
        .read_only = read_only};
    return ferry_nvs_open(&s->nvs, &config);
}

ferry_err nvs_store_set(struct nvs_store *s, uint32_t key, const struct nvs_value *v)
{
    uint8_t ns;
    const ferry_err err = ferry_nvs_namespace(&s->nvs, namespaces[key % NVS_NAMESPACES], true, &ns);
    if (err)
        return err;
    fill(s->bytes, v);
    if (!v->type)
        return ferry_nvs_erase(&s->nvs, ns, name_of(key));
    if (v->type == FERRY_NVS_BLOB)
        return ferry_nvs_set_blob(&s->nvs, ns, name_of(key), s->bytes, v->size_bytes);
    if (v->type == FERRY_NVS_STRING)
        return ferry_nvs_set_string(&s->nvs, ns, name_of(key), (const char *)s->bytes);
    return ferry_nvs_set_number(&s->nvs, ns, name_of(key), (enum ferry_nvs_type)v->type,
                                bits_of(v));
}

ferry_err nvs_store_erase_all(struct nvs_store *s, uint32_t i)
{
    uint8_t ns;
    const ferry_err err = ferry_nvs_namespace(&s->nvs, namespaces[i], false, &ns);
    return err ? err : ferry_nvs_erase_all(&s->nvs, ns);
}

static bool reads_as(struct nvs_store *s, uint8_t ns, uint32_t key, const struct nvs_value *v)
{
    uint64_t bits = 0;
    uint32_t n = sizeof(got);
    if (ferry_nvs_type_is_number(v->type))
        return !ferry_nvs_get_number(&s->nvs, ns, name_of(key), (enum ferry_nvs_type)v->type,
                                     &bits) &&
               bits == bits_of(v);
    fill(want, v);
    const ferry_err err = v->type == FERRY_NVS_BLOB
                              ? ferry_nvs_get_blob(&s->nvs, ns, name_of(key), got, &n)
                              : ferry_nvs_get_string(&s->nvs, ns, name_of(key), (char *)got, &n);
    return !err && n == v->size_bytes && memcmp(got, want, n) == 0;
}

bool nvs_store_holds(struct nvs_store *s, uint32_t key, const struct nvs_value *v)
{
    struct ferry_nvs_info info;
    uint8_t ns;
    ferry_err err = ferry_nvs_namespace(&s->nvs, namespaces[key % NVS_NAMESPACES], false, &ns);
    if (err)
        return err == FERRY_ERR_NVS_NAMESPACE && !v->type;
    if (v->type)
        return reads_as(s, ns, key, v);
    err = ferry_nvs_find(&s->nvs, ns, name_of(key), &info);
    return err == FERRY_ERR_NVS_KEY;
}

/* The key of this listing's line; NVS_KEYS if there is none of that name. */
static uint32_t key_of(struct nvs_store *s, const struct ferry_nvs_info *info)
{
    char ns[FERRY_NVS_NAME_BYTES];
    if (ferry_nvs_namespace_name(&s->nvs, info->ns, ns))
        return NVS_KEYS;
    for (uint32_t key = 0; key < NVS_KEYS; key++) {
        if (strcmp(ns, namespaces[key % NVS_NAMESPACES]) == 0 &&
            strcmp(info->key, name_of(key)) == 0)
            return key;
    }
    return NVS_KEYS;
}

static bool looks_like(const struct ferry_nvs_info *info, const struct nvs_value *v)
{
    return info->type == v->type &&
           (ferry_nvs_type_is_number(v->type) || info->size_bytes == v->size_bytes);
}

static const char *broken_listing(struct nvs_store *s, const struct nvs_value *now)
{
    uint32_t n[NVS_KEYS] = {0};
    struct ferry_nvs_iter it = {0};
    struct ferry_nvs_info info;
    ferry_err err;
    while ((err = ferry_nvs_next(&s->nvs, &it, &info)) == FERRY_OK) {
        const uint32_t key = key_of(s, &info);
        if (key == NVS_KEYS)
            return "a key is listed that nobody set";
        if (n[key]++)
            return "a key is listed twice";
        if (!looks_like(&info, &now[key]))
            return "a key is listed as what it is not";
    }
    for (uint32_t key = 0; key < NVS_KEYS; key++) {
        if (n[key] != (now[key].type != 0))
            return "a key is not listed";
    }
    return err == FERRY_ERR_NOT_FOUND ? NULL : "the listing fails";
}

const char *nvs_store_broken_promise(struct nvs_store *s, const struct nvs_value *old,
                                     const struct nvs_value *new, struct nvs_value *now)
{
    for (uint32_t key = 0; key < NVS_KEYS; key++) {
        now[key] = old[key];
        if (nvs_store_holds(s, key, &old[key]))
            continue;
        now[key] = new[key];
        if (memcmp(&old[key], &new[key], sizeof(*old)) == 0)
            return "a key that nobody touched has changed";
        if (!nvs_store_holds(s, key, &new[key]))
            return "a key holds neither its old nor its new value";
    }
    return broken_listing(s, now);
}

static const uint8_t *pages_of(const struct nvs_store *s)
{
    static uint8_t pages[NVS_MOST_PAGES * FERRY_NVS_PAGE_BYTES];
    sim_flash_peek(&s->sim, PART_OFF, pages, s->n_pages * FERRY_NVS_PAGE_BYTES);
    return pages;
}

const char *nvs_store_audit(struct nvs_store *s)
{
    struct ferry_nvs_stats stats;
    struct nvs_audit audit;
    uint32_t n_used = 0;
    const char *why = nvs_audit_mounted(pages_of(s), s->n_pages, s->xts, &audit);
    if (why)
        return why;
    if (ferry_nvs_stats(&s->nvs, &stats))
        return "the statistics fail";
    for (uint32_t i = 0; i < NVS_NAMESPACES; i++) {
        uint32_t n = 0;
        uint8_t ns;
        const ferry_err err = ferry_nvs_namespace(&s->nvs, namespaces[i], false, &ns);
        if (!err && ferry_nvs_used(&s->nvs, ns, &n))
            return "the count of a namespace fails";
        n_used += err ? 0 : n + 1;
    }
    const uint32_t n_total = s->n_pages * FERRY_NVS_ENTRIES;
    const bool good = stats.n_total == n_total && stats.n_used == audit.n_used &&
                      n_used == audit.n_used && stats.n_free == n_total - audit.n_used &&
                      stats.n_namespaces == audit.n_namespaces;
    return good ? NULL : "the statistics do not count what is there";
}

const char *nvs_store_audit_cut(const struct nvs_store *s)
{
    struct nvs_audit audit;
    return nvs_audit_mountable(pages_of(s), s->n_pages, &audit);
}
