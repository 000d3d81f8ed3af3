/* esp_event.h - Espressif's default event loop as far as OTA programs use it. There is no task
 * behind it: handlers are called at once, by whoever posts. */
#ifndef ESP_EVENT_H
#define ESP_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "esp_err.h"
#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef const char *esp_event_base_t;
typedef void (*esp_event_handler_t)(void *arg, esp_event_base_t base, int32_t id, void *data);
typedef struct ferry_compat_handler *esp_event_handler_instance_t;

#define ESP_EVENT_ANY_BASE           NULL
#define ESP_EVENT_ANY_ID             (-1)
#define ESP_EVENT_DECLARE_BASE(base) extern esp_event_base_t const base
#define ESP_EVENT_DEFINE_BASE(base)  esp_event_base_t const base = #base

/** ESP_ERR_INVALID_STATE there is one; of delete: there is none. */
esp_err_t esp_event_loop_create_default(void);
esp_err_t esp_event_loop_delete_default(void);

/** ESP_ERR_INVALID_STATE there is no loop; ESP_ERR_INVALID_ARG, ESP_ERR_NO_MEM. Registered again,
 * a handler of this base and id only gets the new arg. */
esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler,
                                     void *arg);
esp_err_t esp_event_handler_unregister(esp_event_base_t base, int32_t id,
                                       esp_event_handler_t handler);
esp_err_t esp_event_handler_instance_register(esp_event_base_t base, int32_t id,
                                              esp_event_handler_t handler, void *arg,
                                              esp_event_handler_instance_t *instance);
esp_err_t esp_event_handler_instance_unregister(esp_event_base_t base, int32_t id,
                                                esp_event_handler_instance_t instance);

/** Calls the handlers of the base and id, those of any id and of any base. data: for the call.
 * ESP_ERR_INVALID_STATE there is no loop. */
esp_err_t esp_event_post(esp_event_base_t base, int32_t id, const void *data, size_t data_bytes,
                         TickType_t ticks_to_wait);

#ifdef __cplusplus
}
#endif
#endif
