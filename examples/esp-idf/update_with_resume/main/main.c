/* Updates from a manifest, gently, with progress; what a reset or a lost connection interrupts goes
 * on where it stopped. The update runs in a task of its own; any other task may stop it. */
#include <stdbool.h>
#include <string.h>

#include <esp_log.h>
#include <esp_system.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "keeper_nvs.h"
#include "update_esp.h"
#include "wifi_station.h"

#define TASK_STACK_BYTES 8192 // TLS takes most of it
#define AGAIN_MS         60000

static const char tag[] = "update_with_resume";
static struct ferry_wifi wifi;
static struct ferry_esp_update update;
static struct ferry_manifest manifest;
static struct ferry_keeper_nvs keeper; // what a reset must not forget
static volatile bool stop;             // set it from a button or another task

static bool is_stopped(void *ctx)
{
    (void)ctx;
    return stop;
}

static void on_stage(void *ctx, enum ferry_stage stage, const struct ferry_update *u)
{
    (void)ctx;
    if (stage == FERRY_STAGE_RECEIVING && u->got_bytes)
        ESP_LOGI(tag, "going on at byte %lu", (unsigned long)u->got_bytes);
    if (stage == FERRY_STAGE_VERIFYING)
        ESP_LOGI(tag, "reading back");
}

static void on_progress(void *ctx, uint32_t done_bytes, uint32_t total_bytes)
{
    uint32_t *told_pct = ctx;
    const uint32_t pct = total_bytes ? (uint32_t)((uint64_t)done_bytes * 100 / total_bytes) : 0;
    if (pct < *told_pct + 10)
        return;
    *told_pct = pct;
    ESP_LOGI(tag, "%lu %%", (unsigned long)pct);
}

static void on_remark(void *ctx, const struct ferry_remark *remark)
{
    (void)ctx;
    if (remark->kind == FERRY_REMARK_RETRY)
        ESP_LOGW(tag, "error %d, asking again in %lu ms", remark->fault.err,
                 (unsigned long)remark->pause_ms);
}

static void update_task(void *ctx)
{
    (void)ctx;
    ferry_keeper_nvs_init(&keeper);
    for (;;) {
        uint32_t told_pct = 0;
        const struct ferry_cancel cancel = {is_stopped, NULL};
        const struct ferry_esp_update_config config = {
            .url = CONFIG_EXAMPLE_MANIFEST_URL,
            .flags = FERRY_UPDATE_GENTLE,
            .cancel = &cancel,
            .keeper = &keeper.keeper,
            .events = {on_stage, on_progress, on_remark, &told_pct},
        };
        const ferry_err err = ferry_esp_update_manifest(&update, &manifest, &config);
        if (!err)
            esp_restart();
        ESP_LOGE(tag, "error %d (%s)%s", err, update.job.detail ? update.job.detail : "no detail",
                 update.job.can_go_on ? "; it goes on next time" : "");
        vTaskDelay(pdMS_TO_TICKS(AGAIN_MS));
    }
}

void app_main(void)
{
    if (nvs_flash_init() != ESP_OK) {
        ESP_LOGE(tag, "NVS cannot be opened");
        return;
    }
    // Without an address yet the station goes on trying, and so does the task.
    if (ferry_wifi_start(&wifi, CONFIG_EXAMPLE_WIFI_NAME, CONFIG_EXAMPLE_WIFI_PASSWORD, 30000))
        ESP_LOGW(tag, "no network yet, reason %d", wifi.reason);
    if (xTaskCreate(update_task, "update", TASK_STACK_BYTES, NULL, 5, NULL) != pdPASS)
        ESP_LOGE(tag, "no memory for the task");
}
