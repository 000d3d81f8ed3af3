/* ports/esp-idf/store_esp.c - the agent's store in ESP-IDF's NVS. */
#include "store_esp.h"

#include <stdbool.h>

#include <esp_partition.h>
#include <nvs.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "nvs_esp_private.h"

static ferry_err open_space(struct ferry_store *store, nvs_open_mode_t mode, nvs_handle_t *nvs)
{
    const struct ferry_store_esp *s = (const struct ferry_store_esp *)(const void *)store;
    return ferry__nvs_err(nvs_open_from_partition(s->partition, FERRY_STORE_NAMESPACE, mode, nvs));
}

/* A value of another kind, or damaged, is one that is not there. */
static ferry_err err_of(esp_err_t e)
{
    if (e == ESP_ERR_NVS_INVALID_LENGTH)
        return FERRY_ERR_NVS_BUFFER;
    const ferry_err err = ferry__nvs_err(e);
    return err == FERRY_ERR_NVS_DATA ? FERRY_ERR_NOT_FOUND : err;
}

static ferry_err get(struct ferry_store *store, enum ferry_store_kind kind, const char *key,
                     void *out, uint32_t *n_bytes)
{
    nvs_handle_t nvs;
    size_t n = *n_bytes;
    esp_err_t e = ESP_OK;
    const ferry_err err = open_space(store, NVS_READONLY, &nvs);
    if (err)
        return err;
    switch (kind) {
    case FERRY_STORE_TEXT:
        e = nvs_get_str(nvs, key, out, &n);
        break;
    case FERRY_STORE_BLOB:
        e = nvs_get_blob(nvs, key, out, &n);
        break;
    case FERRY_STORE_NUMBER:
        e = nvs_get_u32(nvs, key, out);
        break;
    }
    nvs_close(nvs);
    if (e == ESP_OK)
        *n_bytes = (uint32_t)n;
    return err_of(e);
}

static ferry_err set(struct ferry_store *store, enum ferry_store_kind kind, const char *key,
                     const void *data, uint32_t n_bytes)
{
    nvs_handle_t nvs;
    esp_err_t e = ESP_OK;
    const ferry_err err = open_space(store, NVS_READWRITE, &nvs);
    if (err)
        return err;
    switch (kind) {
    case FERRY_STORE_TEXT:
        e = nvs_set_str(nvs, key, data);
        break;
    case FERRY_STORE_BLOB:
        e = nvs_set_blob(nvs, key, data, n_bytes);
        break;
    case FERRY_STORE_NUMBER:
        e = nvs_set_u32(nvs, key, *(const uint32_t *)data);
        break;
    }
    if (e == ESP_OK)
        e = nvs_commit(nvs);
    nvs_close(nvs);
    return ferry__nvs_err(e);
}

static ferry_err drop(struct ferry_store *store, const char *key)
{
    nvs_handle_t nvs;
    const ferry_err err = open_space(store, NVS_READWRITE, &nvs);
    if (err)
        return err;
    esp_err_t e = nvs_erase_key(nvs, key);
    if (e == ESP_OK)
        e = nvs_commit(nvs);
    nvs_close(nvs);
    return e == ESP_ERR_NVS_NOT_FOUND ? FERRY_OK : ferry__nvs_err(e);
}

/* ---- opening ---- */

#ifdef CONFIG_NVS_ENCRYPTION
/* Keys leave the stack in a way that no compiler takes for useless. */
static void forget(nvs_sec_cfg_t *keys)
{
    volatile uint8_t *const bytes = (volatile uint8_t *)keys;
    for (size_t i = 0; i < sizeof *keys; i++)
        bytes[i] = 0;
}

static esp_err_t init_own(void)
{
    nvs_sec_cfg_t keys;
    const esp_partition_t *p = esp_partition_find_first(ESP_PARTITION_TYPE_DATA,
                                                        ESP_PARTITION_SUBTYPE_DATA_NVS_KEYS, NULL);
    if (!p)
        return nvs_flash_init_partition(FERRY_STORE_PARTITION);
    esp_err_t e = nvs_flash_read_security_cfg(p, &keys);
    if (e == ESP_ERR_NVS_KEYS_NOT_INITIALIZED)
        e = nvs_flash_generate_keys(p, &keys);
    if (e == ESP_OK)
        e = nvs_flash_secure_init_partition(FERRY_STORE_PARTITION, &keys);
    forget(&keys);
    return e;
}
#else
static esp_err_t init_own(void)
{
    return nvs_flash_init_partition(FERRY_STORE_PARTITION);
}
#endif

/* What ESP-IDF itself says to erase. Any other failure may be over at the next start, and the
 * device's key with it if its partition were erased. */
static bool is_beyond_use(esp_err_t e)
{
    return e == ESP_ERR_NVS_NO_FREE_PAGES || e == ESP_ERR_NVS_NEW_VERSION_FOUND;
}

ferry_err ferry_store_esp_open(struct ferry_store_esp *s)
{
    static const struct ferry_store_ops ops = {get, set, drop};
    s->store.ops = &ops;
    s->partition = "nvs";
    esp_err_t e = init_own();
    if (e == ESP_ERR_NOT_FOUND || e == ESP_ERR_NVS_PART_NOT_FOUND)
        return FERRY_OK;
    if (is_beyond_use(e)) {
        e = nvs_flash_erase_partition(FERRY_STORE_PARTITION);
        if (e == ESP_OK)
            e = init_own();
    }
    s->partition = FERRY_STORE_PARTITION;
    return e == ESP_OK ? FERRY_OK : FERRY_ERR_STATE;
}
