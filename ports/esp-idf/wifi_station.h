/* ports/esp-idf/wifi_station.h - a Wi-Fi station that connects and stays connected.
 * For programs that have no network of their own; one that has leaves this file alone, and nothing
 * of it is linked. Credentials come from the caller: menuconfig, NVS, or wherever it keeps them. */
#ifndef FERRY_WIFI_STATION_H
#define FERRY_WIFI_STATION_H

#include <stdint.h>

#include "ferry/err.h"
#include <esp_timer.h>
#include <freertos/FreeRTOS.h>
#include <freertos/event_groups.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FERRY_WIFI_FIRST_PAUSE_MS 500u // before connecting again; doubles with each failure
#define FERRY_WIFI_LONGEST_MS     30000u

/** A station; static memory, lives as long as the program. */
struct ferry_wifi {
    EventGroupHandle_t events;
    esp_timer_handle_t timer;
    uint32_t pause_ms;
    int reason; // why the access point was last lost or not reached: WIFI_REASON_...; 0: never
};

/** Starts Wi-Fi as a station and waits for an address. Afterwards, and after a timeout as well, it
 * goes on connecting by itself, with pauses that grow to half a minute. nvs_flash_init comes first.
 * password "": an open network. Sets up netif and the default event loop, or uses those there are.
 * FERRY_ERR_ARG         a name of 1 to 32 characters, a password of at most 63, or 64 hex digits
 * FERRY_ERR_NET_CONNECT no address within timeout_ms; w->reason
 * FERRY_ERR_STATE       Wi-Fi or the network could not be set up; FERRY_ERR_NO_MEMORY */
FERRY_MUST_CHECK ferry_err ferry_wifi_start(struct ferry_wifi *w, const char *name,
                                            const char *password, uint32_t timeout_ms);

/** Waits until there is an address. FERRY_ERR_NET_CONNECT none within timeout_ms. */
FERRY_MUST_CHECK ferry_err ferry_wifi_wait(struct ferry_wifi *w, uint32_t timeout_ms);

#ifdef __cplusplus
}
#endif
#endif
