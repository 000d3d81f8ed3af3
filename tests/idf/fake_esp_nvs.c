/* tests/idf/fake_esp_nvs.c - see the header. */
#include "fake_esp_nvs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nvs_flash.h>

#define HANDLES_MOST 4u

struct fake_nvs fake_nvs;

static struct handle {
    bool is_open, may_write;
    char partition[16], space[16];
} handles[HANDLES_MOST];

void fake_nvs_fresh(void)
{
    memset(&fake_nvs, 0, sizeof fake_nvs);
    fake_nvs.has_own = true;
    fake_nvs_reset();
}

void fake_nvs_reset(void)
{
    memset(handles, 0, sizeof handles);
    fake_nvs.is_open = fake_nvs.is_own_open = false;
    fake_nvs.n_handles = 0;
}

const struct fake_value *fake_nvs_find(const char *partition, const char *space, const char *key)
{
    for (size_t i = 0; i < sizeof fake_nvs.values / sizeof *fake_nvs.values; i++) {
        const struct fake_value *v = &fake_nvs.values[i];
        if (v->type && !strcmp(v->partition, partition) && !strcmp(v->space, space) &&
            (!key || !strcmp(v->key, key)))
            return v;
    }
    return NULL;
}

/* ---- partitions ---- */

esp_err_t nvs_flash_init(void)
{
    fake_nvs.is_open = !fake_nvs.is_broken;
    return fake_nvs.is_open ? ESP_OK : ESP_FAIL;
}

esp_err_t nvs_flash_init_partition(const char *partition_label)
{
    if (strcmp(partition_label, "nvs") == 0)
        return nvs_flash_init();
    if (!fake_nvs.has_own || strcmp(partition_label, "ferry_nvs") != 0)
        return ESP_ERR_NOT_FOUND;
    fake_nvs.is_own_open = !fake_nvs.is_broken;
    return fake_nvs.is_own_open ? ESP_OK : ESP_FAIL;
}

esp_err_t nvs_flash_erase_partition(const char *part_name)
{
    (void)part_name;
    abort(); // no test here has a partition that is beyond use
}

/* ---- handles ---- */

static void copy_name(char to[16], const char *from)
{
    if (strlen(from) > 15)
        abort();
    snprintf(to, 16, "%s", from);
}

esp_err_t nvs_open_from_partition(const char *part_name, const char *namespace_name,
                                  nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    const bool is_own = strcmp(part_name, "ferry_nvs") == 0;
    if (!(is_own ? fake_nvs.is_own_open : fake_nvs.is_open))
        return ESP_ERR_NVS_NOT_INITIALIZED;
    if (open_mode == NVS_READONLY && !fake_nvs_find(part_name, namespace_name, NULL))
        return ESP_ERR_NVS_NOT_FOUND;
    for (size_t i = 0; i < HANDLES_MOST; i++) {
        if (handles[i].is_open)
            continue;
        handles[i].is_open = true;
        handles[i].may_write = open_mode == NVS_READWRITE;
        copy_name(handles[i].partition, part_name);
        copy_name(handles[i].space, namespace_name);
        fake_nvs.n_handles++;
        *out_handle = (nvs_handle_t)(i + 1);
        return ESP_OK;
    }
    abort(); // somebody closes none
}

esp_err_t nvs_open(const char *namespace_name, nvs_open_mode_t open_mode, nvs_handle_t *out_handle)
{
    return nvs_open_from_partition("nvs", namespace_name, open_mode, out_handle);
}

static const struct handle *handle_of(nvs_handle_t n, bool is_to_write)
{
    if (!n || n > HANDLES_MOST || !handles[n - 1].is_open ||
        (is_to_write && !handles[n - 1].may_write))
        abort();
    return &handles[n - 1];
}

void nvs_close(nvs_handle_t handle)
{
    (void)handle_of(handle, false);
    handles[handle - 1].is_open = false;
    fake_nvs.n_handles--;
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    (void)handle_of(handle, true);
    return ESP_OK;
}

/* ---- values ---- */

static struct fake_value *find(const struct handle *h, const char *key)
{
    return (struct fake_value *)(uintptr_t)fake_nvs_find(h->partition, h->space, key);
}

static esp_err_t get(nvs_handle_t handle, const char *key, char type, void *out, size_t *length)
{
    const struct fake_value *v = find(handle_of(handle, false), key);
    if (!v || v->type != type)
        return ESP_ERR_NVS_NOT_FOUND;
    if (*length < v->n_bytes)
        return ESP_ERR_NVS_INVALID_LENGTH;
    memcpy(out, v->bytes, v->n_bytes);
    *length = v->n_bytes;
    return ESP_OK;
}

static esp_err_t set(nvs_handle_t handle, const char *key, char type, const void *value, size_t n)
{
    const struct handle *h = handle_of(handle, true);
    struct fake_value *v = find(h, key);
    for (size_t i = 0; !v && i < sizeof fake_nvs.values / sizeof *fake_nvs.values; i++)
        if (!fake_nvs.values[i].type)
            v = &fake_nvs.values[i];
    if (!v || n > sizeof v->bytes)
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    copy_name(v->partition, h->partition);
    copy_name(v->space, h->space);
    copy_name(v->key, key);
    v->type = type;
    memcpy(v->bytes, value, n);
    v->n_bytes = (uint32_t)n;
    return ESP_OK;
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *out_value, size_t *length)
{
    return get(handle, key, 'b', out_value, length);
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    fake_nvs.n_blobs_set++;
    return set(handle, key, 'b', value, length);
}

esp_err_t nvs_get_str(nvs_handle_t handle, const char *key, char *out_value, size_t *length)
{
    return get(handle, key, 's', out_value, length);
}

esp_err_t nvs_set_str(nvs_handle_t handle, const char *key, const char *value)
{
    return set(handle, key, 's', value, strlen(value) + 1);
}

esp_err_t nvs_get_u32(nvs_handle_t handle, const char *key, uint32_t *out_value)
{
    size_t n = sizeof *out_value;
    return get(handle, key, 'n', out_value, &n);
}

esp_err_t nvs_set_u32(nvs_handle_t handle, const char *key, uint32_t value)
{
    return set(handle, key, 'n', &value, sizeof value);
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    struct fake_value *v = find(handle_of(handle, true), key);
    if (!v)
        return ESP_ERR_NVS_NOT_FOUND;
    memset(v, 0, sizeof *v);
    return ESP_OK;
}
