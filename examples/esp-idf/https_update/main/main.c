/* Updates itself over https and restarts: one call does it. */
#include <esp_log.h>
#include <esp_system.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "update_esp.h"
#include "wifi_station.h"

static const char tag[] = "https_update";
static struct ferry_wifi wifi;
static struct ferry_esp_update update; // all the memory an update takes

void app_main(void)
{
    ferry_err err = FERRY_ERR_STATE;
    if (nvs_flash_init() == ESP_OK)
        err =
            ferry_wifi_start(&wifi, CONFIG_EXAMPLE_WIFI_NAME, CONFIG_EXAMPLE_WIFI_PASSWORD, 30000);
    if (!err)
        err = ferry_esp_update(&update,
                               &(struct ferry_esp_update_config){.url = CONFIG_EXAMPLE_UPDATE_URL});
    if (!err)
        esp_restart();
    ESP_LOGE(tag, "no update: error %d, value %lu, limit %lu", err,
             (unsigned long)update.job.fault.value, (unsigned long)update.job.fault.limit);
}
