/* An application as its author would write it for esp-self-reflasher: it fetches one image after
 * another and copies each to its region, or copies one that it carries. What a project would have
 * in its sdkconfig comes from the environment. Nothing in it knows of ferry. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "esp_event.h"
#include "esp_log.h"
#include "esp_netif.h"
#include "esp_ota_ops.h"
#include "esp_system.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs_flash.h"
#include "protocol_examples_common.h"
#include "self_reflasher.h"

#define BUFFER_SIZE 0x400
#define MOST        8

static const char *TAG = "reflasher_app";

struct job {
    char name[32];
    addr_region_t region;
};

static esp_err_t on_http(esp_http_client_event_t *evt)
{
    switch (evt->event_id) {
    case HTTP_EVENT_ERROR:
        ESP_LOGD(TAG, "HTTP_EVENT_ERROR");
        break;
    case HTTP_EVENT_ON_CONNECTED:
        ESP_LOGD(TAG, "HTTP_EVENT_ON_CONNECTED");
        break;
    case HTTP_EVENT_ON_DATA:
        ESP_LOGD(TAG, "HTTP_EVENT_ON_DATA, len=%d", evt->data_len);
        break;
    default:
        break;
    }
    return ESP_OK;
}

/* "boot.bin:0x0:0x8000 v2.bin:0x50000:0x40000" */
static int read_jobs(const char *text, struct job *jobs)
{
    int n = 0;
    int used = 0;
    unsigned address;
    unsigned size;
    while (n < MOST &&
           sscanf(text, " %31[^: ]:%x:%x%n", jobs[n].name, &address, &size, &used) == 3) {
        jobs[n++].region = (addr_region_t){address, size};
        text += used;
    }
    return n;
}

static const esp_partition_t *target(void)
{
    const char *label = getenv("TARGET_PARTITION");
    return label
               ? esp_partition_find_first(ESP_PARTITION_TYPE_DATA, ESP_PARTITION_SUBTYPE_ANY, label)
               : NULL;
}

static esp_err_t fetch_and_copy(esp_self_reflasher_handle_t handle)
{
    esp_err_t err = esp_self_reflasher_download_bin(handle);
    if (err != ESP_OK) {
        ESP_LOGE(TAG, "download failed: %s", esp_err_to_name(err));
        return err;
    }
    err = esp_self_reflasher_copy_to_region(handle);
    if (err != ESP_OK)
        ESP_LOGE(TAG, "copy failed: %s", esp_err_to_name(err));
    return err;
}

static esp_err_t reflash(const struct job *jobs, int n_jobs)
{
    esp_self_reflasher_handle_t handle = NULL;
    esp_err_t err = ESP_OK;
    for (int i = 0; i < n_jobs; i++) {
        char url[256];
        snprintf(url, sizeof(url), "%s/%s", getenv("SERVER"), jobs[i].name);
        esp_http_client_config_t http_config = {
            .url = url,
            .event_handler = on_http,
            .buffer_size = BUFFER_SIZE,
            .buffer_size_tx = BUFFER_SIZE,
            .keep_alive_enable = true,
            .timeout_ms = 3000,
        };
        esp_self_reflasher_config_t config = {
            .http_config = &http_config,
            .dest_region = jobs[i].region,
            .target_partition = target(),
        };
        err = i ? esp_self_reflasher_upd_next_config(&config, handle)
                : esp_self_reflasher_init(&config, &handle);
        if (err != ESP_OK) {
            ESP_LOGE(TAG, "configuration %d failed: %s", i, esp_err_to_name(err));
            if (!getenv("GO_ON"))
                return err;
        }
        err = fetch_and_copy(handle);
        if (err != ESP_OK && !getenv("GO_ON"))
            return err;
    }
    return err;
}

/* The image lies inside the app that runs; its address in flash is what the mapping gives. */
static esp_err_t copy_embedded(const struct job *job, unsigned offset, unsigned size)
{
    const esp_self_reflasher_config_t config = {
        .src_region = {esp_ota_get_running_partition()->address + offset, size},
        .src_bin_size = size,
        .dest_region = job->region,
    };
    return esp_self_reflasher_directly_copy_to_region(&config);
}

static void reflash_task(void *arg)
{
    struct job jobs[MOST];
    const int n_jobs = read_jobs(getenv("JOBS"), jobs);
    const char *embedded = getenv("EMBEDDED");
    unsigned offset = 0;
    unsigned size = 0;
    esp_err_t err;
    (void)arg;
    if (embedded && sscanf(embedded, "%x:%x", &offset, &size) == 2)
        err = copy_embedded(&jobs[0], offset, size);
    else
        err = reflash(jobs, n_jobs);
    ESP_LOGI(TAG, "reflash: %s", esp_err_to_name(err));
    if (err == ESP_OK && getenv("RESTART")) {
        unsetenv("RESTART");
        vTaskDelay(10 / portTICK_PERIOD_MS);
        esp_restart();
    }
    vTaskDelete(NULL);
}

void app_main(void)
{
    ESP_LOGI(TAG, "running from %s, version %s", esp_ota_get_running_partition()->label,
             esp_app_get_description()->version);
    esp_err_t err = nvs_flash_init();
    if (err == ESP_ERR_NVS_NO_FREE_PAGES || err == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        ESP_ERROR_CHECK(nvs_flash_erase());
        err = nvs_flash_init();
    }
    ESP_ERROR_CHECK(err);
    ESP_ERROR_CHECK(esp_netif_init());
    ESP_ERROR_CHECK(esp_event_loop_create_default());
    ESP_ERROR_CHECK(example_connect());
    if (getenv("JOBS"))
        xTaskCreate(&reflash_task, "reflash_task", 8192, NULL, 5, NULL);
}
