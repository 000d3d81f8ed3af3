/* ports/esp-idf/agent_esp.h - the updater of an unaware application on the chip, in one call.
 * Puts agent/agent.h on ESP-IDF: NVS, PSA, esp_http_client, the RTC's clock, reset reasons. The
 * project brings the network, and memory for what outlives a reset. docs/updater.md. */
#ifndef FERRY_AGENT_ESP_H
#define FERRY_AGENT_ESP_H

#include "agent/agent.h"
#include "device_esp.h"
#include "http_esp.h"
#include "keeper_nvs.h"
#include "store_esp.h"
#include "trust_esp.h"

#ifdef __cplusplus
extern "C" {
#endif

/** What the project decides. {0} plus notes is a config; pointers are kept. */
struct ferry_esp_agent_config {
    struct ferry_rtc_notes *notes; // RTC_NOINIT_ATTR
    const char *join;              // for a device that nobody gave one; NULL: it waits for one
    bool is_said_well;             // the application left word, in a way of its own
    struct ferry_agent_settings settings;
    /** Joins the network, bounded in time; the store has Wi-Fi's name and password, if they were
     * provisioned (wifi_ssid, wifi_pass). NULL: it is there. */
    ferry_err (*connect)(void *ctx, struct ferry_store *store);
    bool (*may_update_now)(void *ctx, const struct ferry_release *offer); // NULL: always
    void (*news)(void *ctx, enum ferry_agent_news news, const struct ferry_agent *a);
    void *ctx;
    struct ferry_esp_trust *trust; // static memory; needed with signed updates only
};

/** An updater; static memory, 40 KB. */
struct ferry_esp_agent {
    struct ferry_agent agent;
    struct ferry_esp_agent_config config;
    struct ferry_esp esp;
    struct ferry_store_esp store;
    struct ferry_identity identity;
    struct ferry_http_esp http;
    struct ferry_keeper_nvs keeper;
};

/** Runs the updater until it restarts the chip: then the application boots, or the bootloader's
 * rollback is proved. Rests in this task where there is nothing to start. nvs_flash_init comes
 * first. NVS that is out of order, and a join string that cannot be read, are told as
 * FERRY_NEWS_FAILED, and an application that ran before is started all the same. Returns only where
 * the device cannot be opened: errors of ferry_esp_open. */
ferry_err ferry_esp_agent_run(struct ferry_esp_agent *a,
                              const struct ferry_esp_agent_config *config);

#ifdef __cplusplus
}
#endif
#endif
