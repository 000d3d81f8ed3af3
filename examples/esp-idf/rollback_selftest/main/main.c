/* The first thing a new release does: find out whether it is well, and say so to the bootloader.
 * Well: it stays. Not well: the release before boots again. No word at all, because it crashed or
 * hung: the bootloader takes it back at the next start. */
#include <stdbool.h>

#include <esp_log.h>
#include <esp_system.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "agent/source_http.h"
#include "device_esp.h"
#include "ferry/slots.h"
#include "http_esp.h"
#include "wifi_station.h"

static const char tag[] = "rollback_selftest";
static struct ferry_wifi wifi;
static struct ferry_esp esp;
static struct ferry_http_esp http;
static struct ferry_source_http source;

/* What an update must be able to do above all: reach the next one. */
static bool can_reach_server(void)
{
    static const struct ferry_http_options options = {0};
    ferry_http_esp_init(&http);
    ferry_source_http_init(&source, &http.http, CONFIG_EXAMPLE_CHECK_URL, &options, NULL);
    const ferry_err err = ferry_source_open(&source.source, 0);
    ferry_source_close(&source.source);
    // A page instead of a file is an answer too.
    return !err || err == FERRY_ERR_NET_TYPE;
}

static bool is_well(void)
{
    return nvs_flash_init() == ESP_OK &&
           !ferry_wifi_start(&wifi, CONFIG_EXAMPLE_WIFI_NAME, CONFIG_EXAMPLE_WIFI_PASSWORD,
                             60000) &&
           can_reach_server();
}

/* True while the bootloader waits for this app's word. */
static bool is_on_trial(void)
{
    struct ferry_slots slots;
    uint32_t state = 0;
    return !ferry_slots_load(&esp.device, &slots) &&
           !ferry_slots_state(&slots, esp.device.running, &state) && state == FERRY_STATE_PENDING;
}

static void go_back(void)
{
    int back = FERRY_SLOT_NONE;
    const ferry_err err = ferry_slots_reject(&esp.device, &back);
    if (err) {
        ESP_LOGE(tag, "not well, and there is nothing to go back to: error %d", err);
        return;
    }
    ESP_LOGE(tag, "not well: back to slot %d", back);
    esp_restart();
}

void app_main(void)
{
    ESP_LOGI(tag, "started by %s", ferry_esp_reset_reason());
    const ferry_err opened = ferry_esp_open(&esp, NULL);
    if (opened) {
        ESP_LOGE(tag, "cannot read the partition table: error %d", opened);
        return;
    }
    if (!is_on_trial()) {
        ESP_LOGI(tag, "confirmed before, or nothing to confirm");
        return;
    }
    if (!is_well()) {
        go_back();
        return;
    }
    const ferry_err err = ferry_slots_confirm(&esp.device);
    if (err)
        ESP_LOGE(tag, "cannot confirm: error %d", err);
    else
        ESP_LOGI(tag, "well: this release stays");
}
