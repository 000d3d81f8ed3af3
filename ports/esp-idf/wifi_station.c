/* ports/esp-idf/wifi_station.c - a Wi-Fi station that connects and stays connected.
 * Events drive it: lost, a timer is set; when it fires, connect; an address, the pauses begin anew.
 * Handlers run in the event loop's task, the timer's callback in the timer's; neither waits. */
#include "wifi_station.h"

#include <stdbool.h>
#include <string.h>

#include <esp_event.h>
#include <esp_netif.h>
#include <esp_wifi.h>

#define HAS_ADDRESS (1u << 0)

static void connect(void *ctx)
{
    (void)ctx;
    (void)esp_wifi_connect(); // a failure arrives as an event
}

static void try_later(struct ferry_wifi *w)
{
    (void)esp_timer_stop(w->timer); // not running is no failure
    if (esp_timer_start_once(w->timer, (uint64_t)w->pause_ms * 1000) != ESP_OK)
        connect(w);
    const bool may_double = w->pause_ms <= FERRY_WIFI_LONGEST_MS / 2;
    w->pause_ms = may_double ? w->pause_ms * 2 : FERRY_WIFI_LONGEST_MS;
}

static void on_wifi(void *ctx, esp_event_base_t base, int32_t id, void *data)
{
    struct ferry_wifi *w = ctx;
    (void)base;
    if (id == WIFI_EVENT_STA_START)
        connect(w);
    if (id == WIFI_EVENT_STA_DISCONNECTED) {
        const wifi_event_sta_disconnected_t *lost = data;
        w->reason = lost->reason;
        xEventGroupClearBits(w->events, HAS_ADDRESS);
        try_later(w);
    }
}

static void on_address(void *ctx, esp_event_base_t base, int32_t id, void *data)
{
    struct ferry_wifi *w = ctx;
    (void)base;
    (void)id;
    (void)data;
    w->pause_ms = FERRY_WIFI_FIRST_PAUSE_MS;
    xEventGroupSetBits(w->events, HAS_ADDRESS);
}

static bool is_good(esp_err_t e)
{
    return e == ESP_OK || e == ESP_ERR_INVALID_STATE; // INVALID_STATE: the program did it already
}

static ferry_err set_up_events(struct ferry_wifi *w)
{
    const esp_timer_create_args_t timer = {.callback = connect, .arg = w, .name = "ferry_wifi"};
    w->events = xEventGroupCreate();
    if (!w->events || esp_timer_create(&timer, &w->timer) != ESP_OK)
        return FERRY_ERR_NO_MEMORY;
    if (esp_netif_init() != ESP_OK || !is_good(esp_event_loop_create_default()) ||
        !esp_netif_create_default_wifi_sta())
        return FERRY_ERR_STATE;
    return FERRY_OK;
}

static ferry_err set_up_wifi(struct ferry_wifi *w)
{
    const wifi_init_config_t init = WIFI_INIT_CONFIG_DEFAULT();
    esp_err_t e = esp_wifi_init(&init);
    if (e == ESP_OK)
        e = esp_event_handler_instance_register(WIFI_EVENT, ESP_EVENT_ANY_ID, on_wifi, w, NULL);
    if (e == ESP_OK)
        e = esp_event_handler_instance_register(IP_EVENT, IP_EVENT_STA_GOT_IP, on_address, w, NULL);
    if (e == ESP_OK)
        e = esp_wifi_set_mode(WIFI_MODE_STA);
    if (e == ESP_ERR_NO_MEM)
        return FERRY_ERR_NO_MEMORY;
    return e == ESP_OK ? FERRY_OK : FERRY_ERR_STATE;
}

ferry_err ferry_wifi_wait(struct ferry_wifi *w, uint32_t timeout_ms)
{
    const EventBits_t bits =
        xEventGroupWaitBits(w->events, HAS_ADDRESS, pdFALSE, pdTRUE, pdMS_TO_TICKS(timeout_ms));
    return bits & HAS_ADDRESS ? FERRY_OK : FERRY_ERR_NET_CONNECT;
}

ferry_err ferry_wifi_start(struct ferry_wifi *w, const char *name, const char *password,
                           uint32_t timeout_ms)
{
    wifi_config_t config;
    const size_t n_name = strlen(name);
    const size_t n_password = strlen(password);
    memset(w, 0, sizeof *w);
    memset(&config, 0, sizeof config);
    if (!n_name || n_name > sizeof config.sta.ssid || n_password > sizeof config.sta.password)
        return FERRY_ERR_ARG;
    memcpy(config.sta.ssid, name, n_name);
    memcpy(config.sta.password, password, n_password);
    // Without a password an open network is meant; with one, nothing weaker than WPA2 is taken.
    config.sta.threshold.authmode = n_password ? WIFI_AUTH_WPA2_PSK : WIFI_AUTH_OPEN;
    w->pause_ms = FERRY_WIFI_FIRST_PAUSE_MS;
    ferry_err err = set_up_events(w);
    if (!err)
        err = set_up_wifi(w);
    if (!err && (esp_wifi_set_config(WIFI_IF_STA, &config) != ESP_OK || esp_wifi_start() != ESP_OK))
        err = FERRY_ERR_STATE;
    return err ? err : ferry_wifi_wait(w, timeout_ms);
}
