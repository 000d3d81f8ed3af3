/* ports/esp-idf/keeper_nvs.c - the keeper that keeps a checkpoint in NVS. */
#include "keeper_nvs.h"

#include <nvs.h>

#include "nvs_esp_private.h"

static struct ferry_keeper_nvs *as_nvs(struct ferry_keeper *k)
{
    return (struct ferry_keeper_nvs *)(void *)k;
}

static ferry_err err_of(struct ferry_keeper_nvs *k, esp_err_t e)
{
    k->esp_err = e;
    return ferry__nvs_err(e);
}

static ferry_err load(struct ferry_keeper *keeper, uint8_t note[FERRY_NOTE_BYTES])
{
    struct ferry_keeper_nvs *k = as_nvs(keeper);
    nvs_handle_t nvs;
    size_t n = FERRY_NOTE_BYTES;
    esp_err_t e = nvs_open(FERRY_KEEPER_NVS_NAMESPACE, NVS_READONLY, &nvs);
    if (e != ESP_OK)
        return err_of(k, e);
    e = nvs_get_blob(nvs, FERRY_KEEPER_NVS_KEY, note, &n);
    nvs_close(nvs);
    // A note of another version of ferry is none.
    if (e == ESP_ERR_NVS_INVALID_LENGTH || (e == ESP_OK && n != FERRY_NOTE_BYTES))
        e = ESP_ERR_NVS_NOT_FOUND;
    return err_of(k, e);
}

static ferry_err save(struct ferry_keeper *keeper, const uint8_t note[FERRY_NOTE_BYTES])
{
    struct ferry_keeper_nvs *k = as_nvs(keeper);
    nvs_handle_t nvs;
    esp_err_t e = nvs_open(FERRY_KEEPER_NVS_NAMESPACE, NVS_READWRITE, &nvs);
    if (e != ESP_OK)
        return err_of(k, e);
    e = nvs_set_blob(nvs, FERRY_KEEPER_NVS_KEY, note, FERRY_NOTE_BYTES);
    if (e == ESP_OK)
        e = nvs_commit(nvs);
    nvs_close(nvs);
    return err_of(k, e);
}

static ferry_err drop(struct ferry_keeper *keeper)
{
    struct ferry_keeper_nvs *k = as_nvs(keeper);
    nvs_handle_t nvs;
    esp_err_t e = nvs_open(FERRY_KEEPER_NVS_NAMESPACE, NVS_READWRITE, &nvs);
    if (e != ESP_OK)
        return err_of(k, e);
    e = nvs_erase_key(nvs, FERRY_KEEPER_NVS_KEY);
    if (e == ESP_OK)
        e = nvs_commit(nvs);
    nvs_close(nvs);
    const ferry_err err = err_of(k, e);
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

void ferry_keeper_nvs_init(struct ferry_keeper_nvs *k)
{
    static const struct ferry_keeper_ops ops = {load, save, drop, &ferry_keeping};
    *k = (struct ferry_keeper_nvs){.keeper = {&ops}, .esp_err = ESP_OK};
}
