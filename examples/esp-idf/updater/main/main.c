/* An updater in ota_0 for an app in ota_1 that knows nothing of updates. Each start runs the
 * updater; it makes a key and enrols with ferryd at the first one, looks for a release when it is
 * time, and starts the app for one run. The app never confirms itself, so the bootloader comes back
 * here at the next reset. What it keeps and decides: docs/updater.md. */
#include <string.h>

#include <esp_attr.h>
#include <esp_log.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "agent_esp.h"
#include "wifi_station.h"

#define NETWORK_MS 30000

#ifdef CONFIG_EXAMPLE_REPLACES_ITSELF
#define REPLACES_ITSELF true
#else
#define REPLACES_ITSELF false
#endif

static const char tag[] = "updater";
static struct ferry_wifi wifi;
static struct ferry_esp_agent updater;
#if CONFIG_SOC_RTC_FAST_MEM_SUPPORTED
static RTC_NOINIT_ATTR struct ferry_rtc_notes notes; // outlives every reset but a loss of power
#else // ESP32-C2 and C61: each start is like one after a loss of power
static struct ferry_rtc_notes notes;
#endif

/* Name and password from NVS, where `ferry nvs set` has put them, else from menuconfig. */
static ferry_err join_network(void *ctx, struct ferry_store *store)
{
    static bool is_started;
    char name[33];
    char password[65];
    (void)ctx;
    if (is_started)
        return ferry_wifi_wait(&wifi, NETWORK_MS);
    is_started = true;
    if (ferry_store_text(store, "wifi_ssid", name, sizeof name))
        return ferry_wifi_start(&wifi, CONFIG_EXAMPLE_WIFI_NAME, CONFIG_EXAMPLE_WIFI_PASSWORD,
                                NETWORK_MS);
    if (ferry_store_text(store, "wifi_pass", password, sizeof password))
        password[0] = '\0'; // an open network
    return ferry_wifi_start(&wifi, name, password, NETWORK_MS);
}

static void on_news(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a)
{
    (void)ctx;
    switch (news) {
    case FERRY_NEWS_START:
        ESP_LOGI(tag, "started by %s", ferry_reset_name(a->config.start.reset));
        break;
    case FERRY_NEWS_ENROLLED:
        ESP_LOGI(tag, "enrolled as %s", a->credentials.join.id);
        break;
    case FERRY_NEWS_INSTALLED:
        ESP_LOGI(tag, "%s is in its slot", a->installed.version);
        break;
    case FERRY_NEWS_BAD:
        ESP_LOGW(tag, "%s", a->reason);
        break;
    case FERRY_NEWS_BACK:
        ESP_LOGW(tag, "back to %s", a->installed.version);
        break;
    case FERRY_NEWS_WEAR:
        ESP_LOGW(tag, "half of otadata's life is over: %u erases", (unsigned)a->wear);
        break;
    case FERRY_NEWS_FAILED:
    case FERRY_NEWS_REFUSED:
        ESP_LOGW(tag, "%s: %s", ferry_strerror(a->fault.err), a->detail);
        break;
    case FERRY_NEWS_NO_ROLLBACK:
        ESP_LOGE(tag, "the bootloader does not roll back: no app is started");
        break;
    default:
        break;
    }
}

void app_main(void)
{
    const struct ferry_esp_agent_config config = {
        .notes = &notes,
        .join = CONFIG_EXAMPLE_JOIN,
        .settings = {.project = CONFIG_EXAMPLE_PROJECT, .replaces_itself = REPLACES_ITSELF},
        .connect = join_network,
        .news = on_news,
    };
    // The app's own NVS, which may be full, or encrypted with keys that are not known here.
    if (nvs_flash_init() != ESP_OK)
        ESP_LOGW(tag, "the partition nvs cannot be opened: no Wi-Fi, the app starts all the same");
    const ferry_err err = ferry_esp_agent_run(&updater, &config);
    ESP_LOGE(tag, "this device cannot be opened: %s", ferry_strerror(err));
}
