/* An application as its author would write it for ESP-IDF: it updates itself over https, in one
 * call or step by step with resumption, from a task of its own. What a project would have in its
 * sdkconfig and in embedded files comes from the environment. Nothing in it knows of ferry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "esp_crt_bundle.h"
#include "esp_event.h"
#include "esp_https_ota.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"

#define NVS_NAMESPACE "ota_resume"
#define NVS_WRITTEN   "written"

static const char *TAG = "https_ota_app";

static bool is_on(const char *name)
{
    return getenv(name) != NULL;
}

static int number(const char *name)
{
    return is_on(name) ? atoi(getenv(name)) : 0;
}

/* A certificate or key; a firmware would embed it. */
static char *pem(const char *name)
{
    FILE *file = is_on(name) ? fopen(getenv(name), "rb") : NULL;
    if (!file)
        return NULL;
    char *text = calloc(1, 16384);
    if (text && fread(text, 1, 16383, file) == 0)
        ESP_LOGE(TAG, "%s is empty", name);
    fclose(file);
    return text;
}

static esp_err_t on_http(esp_http_client_event_t *evt)
{
    if (evt->event_id == HTTP_EVENT_ON_HEADER)
        ESP_LOGD(TAG, "%s: %s", evt->header_key, evt->header_value);
    if (evt->event_id == HTTP_EVENT_REDIRECT)
        ESP_LOGI(TAG, "redirected");
    return ESP_OK;
}

static void on_event(void *arg, esp_event_base_t base, int32_t id, void *data)
{
    static int n_writes;
    (void)arg;
    if (base != ESP_HTTPS_OTA_EVENT)
        return;
    switch (id) {
    case ESP_HTTPS_OTA_START:
        ESP_LOGI(TAG, "event START");
        break;
    case ESP_HTTPS_OTA_CONNECTED:
        ESP_LOGI(TAG, "event CONNECTED");
        break;
    case ESP_HTTPS_OTA_GET_IMG_DESC:
        ESP_LOGI(TAG, "event GET_IMG_DESC");
        break;
    case ESP_HTTPS_OTA_VERIFY_CHIP_ID:
        ESP_LOGI(TAG, "event VERIFY_CHIP_ID %d", *(esp_chip_id_t *)data);
        break;
    case ESP_HTTPS_OTA_VERIFY_CHIP_REVISION:
        ESP_LOGI(TAG, "event VERIFY_CHIP_REVISION %u", *(uint16_t *)data);
        break;
    case ESP_HTTPS_OTA_WRITE_FLASH:
        if (n_writes++ == 0)
            ESP_LOGI(TAG, "event WRITE_FLASH %d", *(int *)data);
        break;
    case ESP_HTTPS_OTA_UPDATE_BOOT_PARTITION:
        ESP_LOGI(TAG, "event UPDATE_BOOT_PARTITION %d", *(esp_partition_subtype_t *)data);
        break;
    case ESP_HTTPS_OTA_FINISH:
        ESP_LOGI(TAG, "event FINISH");
        break;
    case ESP_HTTPS_OTA_ABORT:
        ESP_LOGI(TAG, "event ABORT");
        break;
    default:
        break;
    }
}

static uint32_t written_before(nvs_handle_t nvs)
{
    uint32_t n = 0;
    return nvs_get_u32(nvs, NVS_WRITTEN, &n) == ESP_OK ? n : 0;
}

static void remember(nvs_handle_t nvs, uint32_t n)
{
    ESP_ERROR_CHECK(nvs_set_u32(nvs, NVS_WRITTEN, n));
    ESP_ERROR_CHECK(nvs_commit(nvs));
}

static esp_err_t validate(const esp_app_desc_t *found)
{
    const esp_app_desc_t *own = esp_app_get_description();
    ESP_LOGI(TAG, "server has %s %s", found->project_name, found->version);
    if (memcmp(found->version, own->version, sizeof(found->version)) == 0) {
        ESP_LOGW(TAG, "same version, no update");
        return ESP_FAIL;
    }
    return ESP_OK;
}

static esp_err_t perform_all(esp_https_ota_handle_t handle, nvs_handle_t nvs)
{
    esp_err_t err;
    while ((err = esp_https_ota_perform(handle)) == ESP_ERR_HTTPS_OTA_IN_PROGRESS) {
        const int got = esp_https_ota_get_image_len_read(handle);
        if (is_on("OTA_RESUMPTION"))
            remember(nvs, (uint32_t)got);
        if (is_on("CUT_AT") && got >= number("CUT_AT"))
            _exit(3); // the power goes
        if (is_on("FINISH_AT") && got >= number("FINISH_AT"))
            return ESP_OK;
        if (is_on("GIVE_UP_AT") && got >= number("GIVE_UP_AT"))
            return ESP_ERR_NOT_FINISHED;
    }
    return err;
}

static esp_err_t step_by_step(const esp_https_ota_config_t *config, nvs_handle_t nvs)
{
    esp_https_ota_handle_t handle = NULL;
    esp_app_desc_t found;
    esp_err_t err = esp_https_ota_begin(config, &handle);
    if (err != ESP_OK)
        return err;
    ESP_LOGI(TAG, "status %d, %d bytes", esp_https_ota_get_status_code(handle),
             esp_https_ota_get_image_size(handle));
    if (!is_on("SKIP_DESC")) {
        err = esp_https_ota_get_img_desc(handle, &found);
        if (err == ESP_OK && is_on("DESC_TWICE"))
            err = esp_https_ota_get_img_desc(handle, &found);
        if (err == ESP_OK)
            err = validate(&found);
    }
    if (err == ESP_OK)
        err = perform_all(handle, nvs);
    if (err != ESP_OK ||
        (!is_on("FINISH_AT") && !esp_https_ota_is_complete_data_received(handle))) {
        ESP_LOGE(TAG, "incomplete: %s after %d bytes", esp_err_to_name(err),
                 esp_https_ota_get_image_len_read(handle));
        esp_https_ota_abort(handle);
        return err;
    }
    err = esp_https_ota_finish(handle);
    remember(nvs, 0);
    return err;
}

static void ota_task(void *arg)
{
    nvs_handle_t nvs;
    (void)arg;
    ESP_ERROR_CHECK(nvs_open(NVS_NAMESPACE, NVS_READWRITE, &nvs));
    char *ca = pem("SERVER_CERT");
    char *cert = pem("CLIENT_CERT");
    char *key = pem("CLIENT_KEY");
    const esp_http_client_config_t http = {
        .url = getenv("FIRMWARE_URL"),
        .cert_pem = ca,
        .client_cert_pem = cert,
        .client_key_pem = key,
        .crt_bundle_attach = is_on("USE_BUNDLE") ? esp_crt_bundle_attach : NULL,
        .skip_cert_common_name_check = is_on("SKIP_COMMON_NAME"),
        .username = getenv("HTTP_USER"),
        .password = getenv("HTTP_PASSWORD"),
        .max_redirection_count = number("REDIRECTS"),
        .event_handler = on_http,
        .timeout_ms = 3000,
        .keep_alive_enable = true,
    };
    esp_https_ota_config_t config = {
        .http_config = &http,
        .partial_http_download = is_on("PART_BYTES"),
        .max_http_request_size = number("PART_BYTES"),
        .bulk_flash_erase = is_on("BULK_ERASE"),
        .ota_resumption = is_on("OTA_RESUMPTION"),
    };
    if (config.ota_resumption)
        config.ota_image_bytes_written = written_before(nvs);
    if (is_on("FINAL"))
        config.partition.final = esp_partition_find_first(
            ESP_PARTITION_TYPE_ANY, ESP_PARTITION_SUBTYPE_ANY, getenv("FINAL"));
    config.partition.finalize_with_copy = is_on("FINAL_COPY");
    if (is_on("TWICE"))
        ESP_LOGI(TAG, "first: %s", esp_err_to_name(step_by_step(&config, nvs)));
    const esp_err_t err = is_on("ONE_CALL") ? esp_https_ota(&config) : step_by_step(&config, nvs);
    nvs_close(nvs);
    free(ca);
    free(cert);
    free(key);
    if (err == ESP_OK && !is_on("NO_RESTART")) {
        ESP_LOGI(TAG, "updated, restarting");
        esp_restart();
    }
    ESP_LOGI(TAG, "ota: %s", esp_err_to_name(err));
    vTaskDelete(NULL);
}

void app_main(void)
{
    const esp_partition_t *running = esp_ota_get_running_partition();
    esp_ota_img_states_t state;
    ESP_LOGI(TAG, "running from %s, version %s", running->label,
             esp_app_get_description()->version);
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(
        esp_event_handler_register(ESP_HTTPS_OTA_EVENT, ESP_EVENT_ANY_ID, on_event, NULL));
    ESP_ERROR_CHECK(example_connect());
    if (esp_ota_get_state_partition(running, &state) == ESP_OK &&
        state == ESP_OTA_IMG_PENDING_VERIFY) {
        ESP_ERROR_CHECK(esp_ota_mark_app_valid_cancel_rollback());
        ESP_LOGI(TAG, "the update works");
        return;
    }
    xTaskCreate(ota_task, "ota_task", 1024 * 8, NULL, 5, NULL);
}
