/* tests/idf/test_wifi_station.c - the Wi-Fi station over fakes of Wi-Fi, events and timers: that it
 * connects, comes back after a loss with growing pauses, and says what is wrong. */
#include "wifi_station.h"

#include <string.h>

#include <esp_event.h>
#include <esp_netif.h>
#include <esp_wifi.h>

#include "t.h"

static const char wifi_events[] = "WIFI", ip_events[] = "IP";
esp_event_base_t const WIFI_EVENT = wifi_events;
esp_event_base_t const IP_EVENT = ip_events;

static struct fake {
    esp_event_handler_t on_wifi, on_address;
    void *ctx;
    void (*timer)(void *ctx);
    void *timer_ctx;
    uint64_t armed_us; // 0: the timer stands still
    EventBits_t bits;
    wifi_config_t config;
    unsigned n_connects;
    bool is_in_reach;    // the access point answers at once
    esp_err_t loop_err;  // what creating the event loop gives
    esp_err_t wifi_err;  // ... setting Wi-Fi up
    esp_err_t timer_err; // ... arming the timer
} fake;
static struct ferry_wifi wifi;

esp_err_t esp_netif_init(void)
{
    return ESP_OK;
}

esp_netif_t *esp_netif_create_default_wifi_sta(void)
{
    return (esp_netif_t *)(void *)&fake;
}

esp_err_t esp_event_loop_create_default(void)
{
    return fake.loop_err;
}

esp_err_t esp_event_handler_instance_register(esp_event_base_t base, int32_t id,
                                              esp_event_handler_t handler, void *arg,
                                              esp_event_handler_instance_t *instance)
{
    (void)instance;
    fake.ctx = arg;
    if (base == WIFI_EVENT && id == ESP_EVENT_ANY_ID)
        fake.on_wifi = handler;
    if (base == IP_EVENT && id == IP_EVENT_STA_GOT_IP)
        fake.on_address = handler;
    return ESP_OK;
}

esp_err_t esp_timer_create(const esp_timer_create_args_t *args, esp_timer_handle_t *out_handle)
{
    fake.timer = args->callback;
    fake.timer_ctx = args->arg;
    *out_handle = (esp_timer_handle_t)(void *)&fake;
    return ESP_OK;
}

esp_err_t esp_timer_start_once(esp_timer_handle_t timer, uint64_t timeout_us)
{
    (void)timer;
    if (fake.timer_err == ESP_OK)
        fake.armed_us = timeout_us;
    return fake.timer_err;
}

esp_err_t esp_timer_stop(esp_timer_handle_t timer)
{
    (void)timer;
    const bool was_armed = fake.armed_us != 0;
    fake.armed_us = 0;
    return was_armed ? ESP_OK : ESP_ERR_INVALID_STATE;
}

EventGroupHandle_t xEventGroupCreate(void)
{
    return (EventGroupHandle_t)(void *)&fake;
}

EventBits_t xEventGroupSetBits(EventGroupHandle_t group, EventBits_t bits)
{
    (void)group;
    return fake.bits |= bits;
}

EventBits_t xEventGroupClearBits(EventGroupHandle_t group, EventBits_t bits)
{
    (void)group;
    return fake.bits &= ~bits;
}

EventBits_t xEventGroupWaitBits(EventGroupHandle_t group, EventBits_t bits, BaseType_t clear,
                                BaseType_t all, TickType_t ticks)
{
    (void)group, (void)clear, (void)all, (void)ticks;
    return fake.bits & bits;
}

esp_err_t esp_wifi_init(const wifi_init_config_t *config)
{
    (void)config;
    return fake.wifi_err;
}

esp_err_t esp_wifi_set_mode(wifi_mode_t mode)
{
    T_EQ_INT(mode, WIFI_MODE_STA);
    return ESP_OK;
}

esp_err_t esp_wifi_set_config(wifi_interface_t interface, wifi_config_t *conf)
{
    T_EQ_INT(interface, WIFI_IF_STA);
    fake.config = *conf;
    return ESP_OK;
}

esp_err_t esp_wifi_start(void)
{
    fake.on_wifi(fake.ctx, WIFI_EVENT, WIFI_EVENT_STA_START, NULL);
    return ESP_OK;
}

esp_err_t esp_wifi_connect(void)
{
    fake.n_connects++;
    if (fake.is_in_reach)
        fake.on_address(fake.ctx, IP_EVENT, IP_EVENT_STA_GOT_IP, NULL);
    return ESP_OK;
}

static void lose(uint8_t reason)
{
    wifi_event_sta_disconnected_t lost = {.reason = reason};
    fake.on_wifi(fake.ctx, WIFI_EVENT, WIFI_EVENT_STA_DISCONNECTED, &lost);
}

static void timer_fires(void)
{
    fake.armed_us = 0;
    fake.timer(fake.timer_ctx);
}

static void fresh(bool is_in_reach)
{
    memset(&fake, 0, sizeof fake);
    fake.is_in_reach = is_in_reach;
}

static void station_connects_and_has_an_address(void)
{
    fresh(true);
    fake.loop_err = ESP_ERR_INVALID_STATE; // the program has made the event loop already
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1000), FERRY_OK);
    T_EQ_INT(fake.n_connects, 1);
    T_EQ_STR((char *)fake.config.sta.ssid, "home");
    T_EQ_STR((char *)fake.config.sta.password, "long enough");
    T_EQ_INT(fake.config.sta.threshold.authmode, WIFI_AUTH_WPA2_PSK);
    T_EQ_INT(wifi.reason, 0);
}

static void open_network_is_taken_only_without_a_password(void)
{
    fresh(true);
    T_EQ_INT(ferry_wifi_start(&wifi, "cafe", "", 1000), FERRY_OK);
    T_EQ_INT(fake.config.sta.threshold.authmode, WIFI_AUTH_OPEN);
}

static void lost_network_is_tried_again_with_growing_pauses(void)
{
    static const uint32_t pauses_ms[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    fresh(true);
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1000), FERRY_OK);
    fake.is_in_reach = false;
    for (size_t i = 0; i < sizeof pauses_ms / sizeof *pauses_ms; i++) {
        lose(201);
        T_EQ_INT(wifi.reason, 201);
        T_EQ_INT(ferry_wifi_wait(&wifi, 1), FERRY_ERR_NET_CONNECT);
        T_EQ_INT(fake.armed_us, (uint64_t)pauses_ms[i] * 1000);
        T_EQ_INT(fake.n_connects, 1 + i);
        timer_fires();
        T_EQ_INT(fake.n_connects, 2 + i);
    }
    fake.is_in_reach = true;
    lose(8);
    timer_fires();
    T_EQ_INT(ferry_wifi_wait(&wifi, 1), FERRY_OK);
    lose(8); // an address made the pauses short again
    T_EQ_INT(fake.armed_us, FERRY_WIFI_FIRST_PAUSE_MS * 1000);
}

static void timeout_is_said_and_the_station_goes_on(void)
{
    fresh(false);
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1000), FERRY_ERR_NET_CONNECT);
    lose(15);
    T_EQ_INT(wifi.reason, 15);
    fake.is_in_reach = true;
    timer_fires();
    T_EQ_INT(ferry_wifi_wait(&wifi, 1), FERRY_OK);
}

static void timer_that_cannot_be_set_costs_no_connection(void)
{
    fresh(true);
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1000), FERRY_OK);
    fake.timer_err = ESP_ERR_INVALID_STATE;
    lose(8);
    T_EQ_INT(fake.n_connects, 2);
    T_EQ_INT(ferry_wifi_wait(&wifi, 1), FERRY_OK);
}

static void names_and_passwords_that_do_not_fit_are_refused(void)
{
    static const char name32[] = "0123456789abcdef0123456789abcdef";
    char long_text[66];
    memset(long_text, 'a', sizeof long_text);
    long_text[65] = '\0';
    fresh(true);
    T_EQ_INT(ferry_wifi_start(&wifi, "", "x", 1), FERRY_ERR_ARG);
    T_EQ_INT(ferry_wifi_start(&wifi, long_text + 32, "x", 1), FERRY_ERR_ARG); // 33 characters
    T_EQ_INT(ferry_wifi_start(&wifi, "home", long_text, 1), FERRY_ERR_ARG);
    T_EQ_INT(fake.n_connects, 0);
    T_EQ_INT(ferry_wifi_start(&wifi, name32, long_text + 1, 1), FERRY_OK); // 32 and 64
    T_EQ_MEM(fake.config.sta.ssid, name32, 32);
    T_EQ_MEM(fake.config.sta.password, long_text, 64);
}

static void failure_to_set_up_is_said(void)
{
    fresh(true);
    fake.wifi_err = ESP_ERR_NO_MEM;
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1), FERRY_ERR_NO_MEMORY);
    fake.wifi_err = ESP_ERR_INVALID_ARG;
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1), FERRY_ERR_STATE);
    fake.loop_err = ESP_ERR_NO_MEM;
    T_EQ_INT(ferry_wifi_start(&wifi, "home", "long enough", 1), FERRY_ERR_STATE);
}

int main(void)
{
    T_RUN(station_connects_and_has_an_address);
    T_RUN(open_network_is_taken_only_without_a_password);
    T_RUN(lost_network_is_tried_again_with_growing_pauses);
    T_RUN(timeout_is_said_and_the_station_goes_on);
    T_RUN(timer_that_cannot_be_set_costs_no_connection);
    T_RUN(names_and_passwords_that_do_not_fit_are_refused);
    T_RUN(failure_to_set_up_is_said);
    return t_end();
}
