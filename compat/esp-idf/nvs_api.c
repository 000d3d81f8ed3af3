/* compat/esp-idf/nvs_api.c - handles, values, statistics and iterators of nvs.h. */
#include "nvs.h"

#include "nvs_mounts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct handle {
    struct handle *next;
    nvs_handle_t number;
    struct nvs_mount *mount;
    uint8_t ns;
    bool writes;
    bool purges;
};

static struct handle *handles;
static nvs_handle_t last_number; // never used again within a boot

void ferry_compat_nvs_close_all(const struct nvs_mount *mount)
{
    struct handle **at = &handles;
    while (*at) {
        struct handle *h = *at;
        if (h->mount == mount) {
            *at = h->next;
            free(h);
        } else {
            at = &h->next;
        }
    }
}

static struct handle *find(nvs_handle_t number)
{
    struct handle *h = handles;
    while (h && h->number != number)
        h = h->next;
    return h;
}

/* Of a search: a key that is too long cannot be there. */
static esp_err_t search_err(ferry_err err)
{
    return err == FERRY_ERR_NVS_KEY_LENGTH ? ESP_ERR_NVS_NOT_FOUND : ferry_compat_nvs_err(err);
}

static esp_err_t open_in(struct nvs_mount *m, const char *name, nvs_open_mode_t mode,
                         nvs_handle_t *out)
{
    const bool writes = mode != NVS_READONLY;
    uint8_t ns;
    if (writes && m->store.read_only)
        return ESP_ERR_NOT_ALLOWED;
    const ferry_err err = ferry_nvs_namespace(&m->store, name, writes, &ns);
    if (err)
        return ferry_compat_nvs_err(err);
    struct handle *h = calloc(1, sizeof(*h));
    if (!h)
        return ESP_ERR_NO_MEM;
    *h = (struct handle){.next = handles,
                         .number = ++last_number,
                         .mount = m,
                         .ns = ns,
                         .writes = writes,
                         .purges = mode == NVS_READWRITE_PURGE};
    handles = h;
    *out = h->number;
    return ESP_OK;
}

esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name,
                                  nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    if (!ferry_compat_nvs_any())
        return ESP_ERR_NVS_NOT_INITIALIZED;
    if (!part_name || !namespace_name || !out_handle)
        return ESP_ERR_INVALID_ARG;
    struct nvs_mount *m = ferry_compat_nvs_find(part_name);
    return m ? open_in(m, namespace_name, open_mode, out_handle) : ESP_ERR_NVS_PART_NOT_FOUND;
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    return nvs_open_from_partition(NVS_DEFAULT_PART_NAME, namespace_name, open_mode, out_handle);
}

void nvs_close(nvs_handle_t handle)
{
    struct handle **at = &handles;
    while (*at && (*at)->number != handle)
        at = &(*at)->next;
    struct handle *gone = *at;
    if (gone)
        *at = gone->next;
    free(gone);
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    struct handle *h = find(handle);
    return h ? ferry_compat_nvs_err(ferry_nvs_commit(&h->mount->store))
             : ESP_ERR_NVS_INVALID_HANDLE;
}

/* The handle, ready for a write: *h is NULL exactly if an error is given. */
static esp_err_t for_writing(nvs_handle_t handle, struct handle **h)
{
    *h = find(handle);
    if (!*h)
        return ESP_ERR_NVS_INVALID_HANDLE;
    if (!(*h)->writes) {
        *h = NULL;
        return ESP_ERR_NVS_READ_ONLY;
    }
    (*h)->mount->store.purge = (*h)->purges;
    return ESP_OK;
}

static esp_err_t set_number(nvs_handle_t handle, const char *key, enum ferry_nvs_type type,
                            uint64_t bits)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    if (err)
        return err;
    return ferry_compat_nvs_err(ferry_nvs_set_number(&h->mount->store, h->ns, key, type, bits));
}

static esp_err_t get_number(nvs_handle_t handle, const char *key, enum ferry_nvs_type type,
                            uint64_t *bits)
{
    struct handle *h = find(handle);
    if (!h)
        return ESP_ERR_NVS_INVALID_HANDLE;
    return search_err(ferry_nvs_get_number(&h->mount->store, h->ns, key, type, bits));
}

#define NUMBER(suffix, c_type, nvs_type)                                                           \
    esp_err_t nvs_set_##suffix(nvs_handle_t handle, const char *key, c_type value)                 \
    {                                                                                              \
        return set_number(handle, key, nvs_type, (uint64_t)value);                                 \
    }                                                                                              \
    esp_err_t nvs_get_##suffix(nvs_handle_t handle, const char *key, c_type *out_value)            \
    {                                                                                              \
        uint64_t bits;                                                                             \
        const esp_err_t err = get_number(handle, key, nvs_type, &bits);                            \
        if (!err)                                                                                  \
            *out_value = (c_type)bits;                                                             \
        return err;                                                                                \
    }

NUMBER(i8, int8_t, FERRY_NVS_I8)
NUMBER(u8, uint8_t, FERRY_NVS_U8)
NUMBER(i16, int16_t, FERRY_NVS_I16)
NUMBER(u16, uint16_t, FERRY_NVS_U16)
NUMBER(i32, int32_t, FERRY_NVS_I32)
NUMBER(u32, uint32_t, FERRY_NVS_U32)
NUMBER(i64, int64_t, FERRY_NVS_I64)
NUMBER(u64, uint64_t, FERRY_NVS_U64)

/* Floats go by their bits; what is no number is refused. */
#define REAL(suffix, c_type, bits_type, nvs_type)                                                  \
    esp_err_t nvs_set_##suffix(nvs_handle_t handle, const char *key, c_type value)                 \
    {                                                                                              \
        bits_type bits;                                                                            \
        memcpy(&bits, &value, sizeof(bits));                                                       \
        return isnan(value) ? ESP_ERR_INVALID_ARG : set_number(handle, key, nvs_type, bits);       \
    }                                                                                              \
    esp_err_t nvs_get_##suffix(nvs_handle_t handle, const char *key, c_type *out_value)            \
    {                                                                                              \
        uint64_t all;                                                                              \
        const esp_err_t err = get_number(handle, key, nvs_type, &all);                             \
        const bits_type bits = (bits_type)(err ? 0 : all);                                         \
        if (!err)                                                                                  \
            memcpy(out_value, &bits, sizeof(bits));                                                \
        return err;                                                                                \
    }

REAL(float, float, uint32_t, FERRY_NVS_FLOAT)
REAL(double, double, uint64_t, FERRY_NVS_DOUBLE)

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    return err ? err
               : ferry_compat_nvs_err(ferry_nvs_set_string(&h->mount->store, h->ns, key, value));
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    if (err)
        return err;
    if (length > UINT32_MAX)
        return ESP_ERR_NVS_VALUE_TOO_LONG;
    return ferry_compat_nvs_err(
        ferry_nvs_set_blob(&h->mount->store, h->ns, key, value, (uint32_t)length));
}

/* A string's or a blob's way out; the length is told even where the buffer is too small. */
static esp_err_t get_bytes(nvs_handle_t handle, const char *key, bool is_string, void *out,
                           size_t *length)
{
    struct handle *h = find(handle);
    if (!h)
        return ESP_ERR_NVS_INVALID_HANDLE;
    if (!length)
        return ESP_ERR_NVS_INVALID_LENGTH;
    struct ferry_nvs *s = &h->mount->store;
    uint32_t n = *length > UINT32_MAX ? UINT32_MAX : (uint32_t)*length;
    const ferry_err err = is_string ? ferry_nvs_get_string(s, h->ns, key, out, &n)
                                    : ferry_nvs_get_blob(s, h->ns, key, out, &n);
    if (!err || err == FERRY_ERR_NVS_BUFFER)
        *length = n;
    return search_err(err);
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length)
{
    return get_bytes(handle, key, true, out_value, length);
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
    return get_bytes(handle, key, false, out_value, length);
}

esp_err_t nvs_find_key(nvs_handle_t handle, const char *key, nvs_type_t *out_type)
{
    struct ferry_nvs_info info;
    struct handle *h = find(handle);
    if (!h)
        return ESP_ERR_NVS_INVALID_HANDLE;
    const ferry_err err = ferry_nvs_find(&h->mount->store, h->ns, key, &info);
    if (!err && out_type)
        *out_type = (nvs_type_t)info.type;
    return search_err(err);
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    return err ? err : search_err(ferry_nvs_erase(&h->mount->store, h->ns, key));
}

esp_err_t nvs_erase_all(nvs_handle_t handle)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    return err ? err : ferry_compat_nvs_err(ferry_nvs_erase_all(&h->mount->store, h->ns));
}

esp_err_t nvs_purge_all(nvs_handle_t handle)
{
    struct handle *h;
    const esp_err_t err = for_writing(handle, &h);
    return err ? err : ferry_compat_nvs_err(ferry_nvs_purge(&h->mount->store, h->ns));
}

esp_err_t nvs_get_stats(const char *part_name, nvs_stats_t *nvs_stats)
{
    struct ferry_nvs_stats stats;
    if (!nvs_stats)
        return ESP_ERR_INVALID_ARG;
    memset(nvs_stats, 0, sizeof(*nvs_stats));
    struct nvs_mount *m = ferry_compat_nvs_find(part_name ? part_name : NVS_DEFAULT_PART_NAME);
    if (!m)
        return ESP_ERR_NVS_NOT_INITIALIZED;
    const ferry_err err = ferry_nvs_stats(&m->store, &stats);
    if (!err)
        *nvs_stats = (nvs_stats_t){stats.n_used, stats.n_free, stats.n_available, stats.n_total,
                                   stats.n_namespaces};
    return ferry_compat_nvs_err(err);
}

esp_err_t nvs_get_used_entry_count(nvs_handle_t handle, size_t *used_entries)
{
    uint32_t n = 0;
    if (!used_entries)
        return ESP_ERR_INVALID_ARG;
    *used_entries = 0;
    struct handle *h = find(handle);
    if (!h)
        return ESP_ERR_NVS_INVALID_HANDLE;
    const ferry_err err = ferry_nvs_used(&h->mount->store, h->ns, &n);
    *used_entries = n;
    return ferry_compat_nvs_err(err);
}

struct nvs_opaque_iterator_t {
    struct nvs_mount *mount;
    struct ferry_nvs_iter walk;
    struct ferry_nvs_info info;
};

esp_err_t nvs_entry_next(nvs_iterator_t *iterator)
{
    if (!iterator)
        return ESP_ERR_INVALID_ARG;
    nvs_iterator_t it = *iterator;
    if (!it)
        return ESP_ERR_INVALID_ARG;
    const ferry_err err = ferry_nvs_next(&it->mount->store, &it->walk, &it->info);
    if (err) {
        nvs_release_iterator(it);
        *iterator = NULL;
    }
    return ferry_compat_nvs_err(err);
}

static esp_err_t find_first(struct nvs_mount *m, uint8_t ns, nvs_type_t type, nvs_iterator_t *out)
{
    nvs_iterator_t it = calloc(1, sizeof(*it));
    if (!it)
        return ESP_ERR_NO_MEM;
    it->mount = m;
    it->walk.ns = ns;
    it->walk.type = (uint8_t)type;
    *out = it;
    return nvs_entry_next(out);
}

esp_err_t nvs_entry_find(const char *part_name, const char *namespace_name, nvs_type_t type,
                         nvs_iterator_t *output_iterator)
{
    uint8_t ns = 0;
    if (!part_name || !output_iterator)
        return ESP_ERR_INVALID_ARG;
    *output_iterator = NULL;
    struct nvs_mount *m = ferry_compat_nvs_find(part_name);
    if (!m)
        return ESP_ERR_NVS_NOT_FOUND;
    if (namespace_name && ferry_nvs_namespace(&m->store, namespace_name, false, &ns))
        return ESP_ERR_NVS_NOT_FOUND;
    return find_first(m, ns, type, output_iterator);
}

esp_err_t nvs_entry_find_in_handle(nvs_handle_t handle, nvs_type_t type,
                                   nvs_iterator_t *output_iterator)
{
    if (!output_iterator)
        return ESP_ERR_INVALID_ARG;
    *output_iterator = NULL;
    struct handle *h = find(handle);
    return h ? find_first(h->mount, h->ns, type, output_iterator) : ESP_ERR_NVS_INVALID_HANDLE;
}

esp_err_t nvs_entry_info(nvs_iterator_t iterator, nvs_entry_info_t *out_info)
{
    if (!iterator || !out_info)
        return ESP_ERR_INVALID_ARG;
    memset(out_info, 0, sizeof(*out_info));
    memcpy(out_info->key, iterator->info.key, sizeof(out_info->key));
    out_info->type = (nvs_type_t)iterator->info.type;
    return ferry_compat_nvs_err(ferry_nvs_namespace_name(&iterator->mount->store, iterator->info.ns,
                                                         out_info->namespace_name));
}

void nvs_release_iterator(nvs_iterator_t iterator)
{
    free(iterator);
}
