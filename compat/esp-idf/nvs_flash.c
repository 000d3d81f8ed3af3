/* compat/esp-idf/nvs_flash.c - NVS partitions: mounted, forgotten, erased, and their keys. */
#include "nvs_flash.h"

#include "compat_private.h"
#include "nvs_keys.h"
#include "nvs_mounts.h"

#include <stdlib.h>
#include <string.h>

static struct nvs_mount *mounts;

struct nvs_mount *ferry_compat_nvs_find(const char *label)
{
    struct nvs_mount *m = mounts;
    while (m && strcmp(m->partition->label, label) != 0)
        m = m->next;
    return m;
}

bool ferry_compat_nvs_any(void)
{
    return mounts != NULL;
}

esp_err_t ferry_compat_nvs_err(ferry_err err)
{
    switch (err) {
    case FERRY_OK:
        return ESP_OK;
    case FERRY_ERR_NVS_NAMESPACE:
    case FERRY_ERR_NVS_KEY:
    case FERRY_ERR_NVS_TYPE: // Espressif's search is for key and type together
    case FERRY_ERR_NVS_DATA: // ... and drops what is damaged
    case FERRY_ERR_NOT_FOUND:
        return ESP_ERR_NVS_NOT_FOUND;
    case FERRY_ERR_NVS_READ_ONLY:
        return ESP_ERR_NVS_READ_ONLY;
    case FERRY_ERR_NVS_FULL:
    case FERRY_ERR_NVS_NAMESPACES:
        return ESP_ERR_NVS_NOT_ENOUGH_SPACE;
    case FERRY_ERR_NVS_KEY_LENGTH:
        return ESP_ERR_NVS_KEY_TOO_LONG;
    case FERRY_ERR_NVS_VALUE_LENGTH:
        return ESP_ERR_NVS_VALUE_TOO_LONG;
    case FERRY_ERR_NVS_BUFFER:
        return ESP_ERR_NVS_INVALID_LENGTH;
    case FERRY_ERR_NVS_NO_FREE:
    case FERRY_ERR_NVS_PAGES:
        return ESP_ERR_NVS_NO_FREE_PAGES;
    case FERRY_ERR_NVS_VERSION:
        return ESP_ERR_NVS_NEW_VERSION_FOUND;
    case FERRY_ERR_NVS_CRYPT:
        return ESP_ERR_NVS_XTS_DECR_FAILED;
    case FERRY_ERR_ARG:
        return ESP_ERR_INVALID_ARG;
    case FERRY_ERR_STATE:
        return ESP_ERR_NVS_INVALID_STATE;
    default:
        return ESP_ERR_FLASH_OP_FAIL;
    }
}

static void forget(struct nvs_mount *mount)
{
    struct nvs_mount **at = &mounts;
    while (*at != mount)
        at = &(*at)->next;
    *at = mount->next;
    ferry_compat_nvs_close_all(mount);
    ferry_xts_close(&mount->xts);
    free(mount->work);
    free(mount);
}

void ferry_compat_nvs_drop(void)
{
    while (mounts)
        forget(mounts);
}

static esp_err_t open_store(struct nvs_mount *m, const nvs_sec_cfg_t *keys)
{
    const esp_partition_t *p = m->partition;
    const struct ferry_nvs_config config = {
        .region = {ferry_compat()->chip.flash, p->address, p->size},
        .xts = keys ? &m->xts : NULL,
        .work = m->work,
        .work_bytes = FERRY_NVS_WORK_BYTES(p->size / FERRY_NVS_PAGE_BYTES),
        .read_only = p->readonly,
    };
    if (keys) {
        uint8_t key[FERRY_XTS_KEY_BYTES];
        memcpy(key, keys->eky, NVS_KEY_SIZE);
        memcpy(key + NVS_KEY_SIZE, keys->tky, NVS_KEY_SIZE);
        if (ferry_xts_open(&m->xts, key))
            return ESP_ERR_NVS_XTS_CFG_FAILED;
    }
    return ferry_compat_nvs_err(ferry_nvs_open(&m->store, &config));
}

static esp_err_t mount(const esp_partition_t *p, const nvs_sec_cfg_t *keys)
{
    struct nvs_mount *m = calloc(1, sizeof(*m));
    if (!m)
        return ESP_ERR_NO_MEM;
    m->partition = p;
    m->work = calloc(p->size / FERRY_NVS_PAGE_BYTES + 1, FERRY_NVS_WORK_BYTES(1));
    m->next = mounts;
    mounts = m;
    const esp_err_t err = m->work ? open_store(m, keys) : ESP_ERR_NO_MEM;
    if (err)
        forget(m);
    return err;
}

/* The NVS partition with this label. */
static esp_err_t find_partition(const char *label, const esp_partition_t **out)
{
    if (strlen(label) > NVS_PART_NAME_MAX_SIZE)
        return ESP_ERR_INVALID_ARG;
    *out = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_DATA_NVS, label);
    return *out ? ESP_OK : ESP_ERR_NOT_FOUND;
}

esp_err_t nvs_flash_init_partition(const char *partition_label)
{
    return nvs_flash_secure_init_partition(partition_label, NULL);
}

esp_err_t nvs_flash_secure_init_partition(const char *partition_label, nvs_sec_cfg_t *cfg)
{
    const esp_partition_t *p;
    const esp_err_t err = find_partition(partition_label, &p);
    if (err)
        return err;
    return ferry_compat_nvs_find(p->label) ? ESP_OK : mount(p, cfg);
}

esp_err_t nvs_flash_init_partition_ptr(const esp_partition_t *partition)
{
    if (!partition)
        return ESP_ERR_INVALID_ARG;
    struct nvs_mount *m = ferry_compat_nvs_find(partition->label);
    if (m)
        forget(m);
    return mount(partition, NULL);
}

esp_err_t nvs_flash_init(void)
{
    return nvs_flash_init_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_secure_init(nvs_sec_cfg_t *cfg)
{
    return nvs_flash_secure_init_partition(NVS_DEFAULT_PART_NAME, cfg);
}

esp_err_t nvs_flash_deinit_partition(const char *partition_label)
{
    struct nvs_mount *m = ferry_compat_nvs_find(partition_label);
    if (!m)
        return ESP_ERR_NVS_NOT_INITIALIZED;
    forget(m);
    return ESP_OK;
}

esp_err_t nvs_flash_deinit(void)
{
    return nvs_flash_deinit_partition(NVS_DEFAULT_PART_NAME);
}

esp_err_t nvs_flash_erase_partition_ptr(const esp_partition_t *partition)
{
    if (!partition)
        return ESP_ERR_INVALID_ARG;
    struct nvs_mount *m = ferry_compat_nvs_find(partition->label);
    if (m)
        forget(m);
    return esp_partition_erase_range(partition, 0, partition->size);
}

esp_err_t nvs_flash_erase_partition(const char *partition_label)
{
    const esp_partition_t *p;
    const esp_err_t err = find_partition(partition_label, &p);
    return err ? err : nvs_flash_erase_partition_ptr(p);
}

esp_err_t nvs_flash_erase(void)
{
    return nvs_flash_erase_partition(NVS_DEFAULT_PART_NAME);
}

static bool is_blank(const uint8_t *bytes, size_t n)
{
    size_t i = 0;
    while (i < n && bytes[i] == 0xff)
        i++;
    return i == n;
}

esp_err_t nvs_flash_read_security_cfg(const esp_partition_t *partition, nvs_sec_cfg_t *cfg)
{
    uint8_t head[FERRY_NVS_KEY_HEAD_BYTES];
    uint8_t key[FERRY_XTS_KEY_BYTES];
    const char *why;
    if (!partition || !cfg)
        return ESP_ERR_INVALID_ARG;
    const esp_err_t err = esp_partition_read(partition, 0, head, sizeof(head));
    if (err)
        return err;
    if (is_blank(head, sizeof(head)))
        return ESP_ERR_NVS_KEYS_NOT_INITIALIZED;
    if (ferry_nvs_keys_decode(head, sizeof(head), key, &why))
        return ESP_ERR_NVS_CORRUPT_KEY_PART;
    memcpy(cfg->eky, key, NVS_KEY_SIZE);
    memcpy(cfg->tky, key + NVS_KEY_SIZE, NVS_KEY_SIZE);
    return ESP_OK;
}

esp_err_t nvs_flash_generate_keys(const esp_partition_t *partition, nvs_sec_cfg_t *cfg)
{
    static uint8_t file[FERRY_NVS_KEY_FILE_BYTES];
    uint8_t key[FERRY_XTS_KEY_BYTES];
    if (!partition || !cfg)
        return ESP_ERR_INVALID_ARG;
    if (ferry_nvs_keys_random(key, sizeof(key)))
        return ESP_FAIL;
    ferry_nvs_keys_encode(key, file);
    esp_err_t err = esp_partition_erase_range(partition, 0, partition->size);
    if (!err)
        err = esp_partition_write(partition, 0, file, sizeof(file));
    return err ? err : nvs_flash_read_security_cfg(partition, cfg);
}
