/* esp_system.h - restart, and what a program asks of the chip around it. */
#ifndef ESP_SYSTEM_H
#define ESP_SYSTEM_H

#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    ESP_RST_UNKNOWN,
    ESP_RST_POWERON,
    ESP_RST_EXT,
    ESP_RST_SW,
    ESP_RST_PANIC,
    ESP_RST_INT_WDT,
    ESP_RST_TASK_WDT,
    ESP_RST_WDT,
    ESP_RST_DEEPSLEEP,
    ESP_RST_BROWNOUT,
    ESP_RST_SDIO,
} esp_reset_reason_t;

/** The boot decision is made anew, and the program starts again in the slot it chose. After 16
 * restarts, or where nothing boots, it ends with exit code 1 and says why. */
void esp_restart(void) __attribute__((noreturn));

/** ESP_RST_POWERON, or ESP_RST_SW after esp_restart. */
esp_reset_reason_t esp_reset_reason(void);

typedef void (*shutdown_handler_t)(void);

/** Called by esp_restart, the last one first. ESP_ERR_NO_MEM there are five already;
 * ESP_ERR_INVALID_STATE this one is registered. */
esp_err_t esp_register_shutdown_handler(shutdown_handler_t handle);

/** A PC has as much as it likes; a round number. */
uint32_t esp_get_free_heap_size(void);
uint32_t esp_get_minimum_free_heap_size(void);

#ifdef __cplusplus
}
#endif
#endif
