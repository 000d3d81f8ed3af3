/* An updater in ota_0 for an app in ota_1 that knows nothing of updates. Each start runs the
 * updater: it looks for a release, installs it into ota_1 if it is new, and starts the app for one
 * run. The app never confirms itself, so the bootloader comes back here at the next reset. */
#include <string.h>

#include <esp_log.h>
#include <esp_system.h>
#include <nvs.h>
#include <nvs_flash.h>
#include <sdkconfig.h>

#include "ferry/slots.h"
#include "keeper_nvs.h"
#include "update_esp.h"
#include "wifi_station.h"

#define APP_SLOT  1 // ota_1
#define NAMESPACE "updater"
#define KEY       "installed"

static const char tag[] = "updater";
static struct ferry_wifi wifi;
static struct ferry_esp_update update;
static struct ferry_keeper_nvs keeper; // a download goes on after a reset
static struct ferry_manifest manifest;

/* What the app in ota_1 is: the SHA-256 of the file that was installed. */
static bool is_installed(const uint8_t sha256[FERRY_SHA256_BYTES])
{
    uint8_t kept[FERRY_SHA256_BYTES];
    size_t n = sizeof kept;
    nvs_handle_t nvs;
    if (nvs_open(NAMESPACE, NVS_READONLY, &nvs) != ESP_OK)
        return false;
    const esp_err_t e = nvs_get_blob(nvs, KEY, kept, &n);
    nvs_close(nvs);
    return e == ESP_OK && n == sizeof kept && !memcmp(kept, sha256, n);
}

static void note_installed(const uint8_t sha256[FERRY_SHA256_BYTES])
{
    nvs_handle_t nvs;
    esp_err_t e = nvs_open(NAMESPACE, NVS_READWRITE, &nvs);
    if (e == ESP_OK) {
        e = nvs_set_blob(nvs, KEY, sha256, FERRY_SHA256_BYTES);
        if (e == ESP_OK)
            e = nvs_commit(nvs);
        nvs_close(nvs);
    }
    if (e != ESP_OK) // it is fetched once more then, and no harm done
        ESP_LOGW(tag, "cannot note the release: %s", esp_err_to_name(e));
}

/* Reads the manifest alone, to see whether there is anything to do. */
static ferry_err look(void)
{
    static const struct ferry_http_options options = {0};
    ferry_http_esp_init(&update.http);
    ferry_source_http_init(&update.source, &update.http.http, CONFIG_EXAMPLE_MANIFEST_URL, &options,
                           NULL);
    return ferry_manifest_load(&manifest, CONFIG_EXAMPLE_MANIFEST_URL, &update.source.source,
                               (char *)update.memory);
}

static ferry_err look_and_install(void)
{
    const ferry_err err = look();
    if (err || is_installed(manifest.sha256))
        return err;
    // The app is another project than this updater, and its versions are its own.
    const struct ferry_esp_update_config config = {
        .url = manifest.firmware,
        .flags = FERRY_UPDATE_PROJECT | FERRY_UPDATE_DOWNGRADE,
        .sha256 = manifest.sha256,
        .length_bytes = manifest.length_bytes,
        .http = {.secrets_for = CONFIG_EXAMPLE_MANIFEST_URL},
        .keeper = &keeper.keeper,
    };
    ferry_keeper_nvs_init(&keeper);
    const ferry_err failed = ferry_esp_update(&update, &config);
    if (!failed)
        note_installed(manifest.sha256);
    return failed;
}

/* Makes the app boot next, for one run: a slot that was taken back before may be tried again. */
static void start_app(void)
{
    static struct ferry_esp esp;
    ferry_err err = ferry_esp_open(&esp, NULL);
    if (!err && esp.device.running != APP_SLOT)
        err = ferry_slots_set_boot(&esp.device, APP_SLOT, FERRY_SET_BOOT_INVALID_TOO);
    if (!err)
        esp_restart();
    ESP_LOGE(tag, "there is no app to start: error %d", err);
}

void app_main(void)
{
    ferry_err err = FERRY_ERR_STATE;
    ESP_LOGI(tag, "started by %s", ferry_esp_reset_reason());
    if (nvs_flash_init() == ESP_OK)
        err =
            ferry_wifi_start(&wifi, CONFIG_EXAMPLE_WIFI_NAME, CONFIG_EXAMPLE_WIFI_PASSWORD, 30000);
    if (!err)
        err = look_and_install();
    if (err) // without network or server the app still runs
        ESP_LOGE(tag, "no update: error %d", err);
    start_app();
}
