/* freertos/task.h - tasks, each a thread of its own; priorities and stack sizes are not looked at.
 * The program ends when app_main and all of them have returned. */
#ifndef FREERTOS_TASK_H
#define FREERTOS_TASK_H

#include "freertos/FreeRTOS.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ferry_compat_task *TaskHandle_t;
typedef void (*TaskFunction_t)(void *parameters);

#define tskNO_AFFINITY 0x7fffffff

/** Starts function(parameters). pdFAIL: no memory or no thread. */
BaseType_t xTaskCreate(TaskFunction_t function, const char *name, uint32_t stack_bytes,
                       void *parameters, UBaseType_t priority, TaskHandle_t *out_handle);
BaseType_t xTaskCreatePinnedToCore(TaskFunction_t function, const char *name, uint32_t stack_bytes,
                                   void *parameters, UBaseType_t priority, TaskHandle_t *out_handle,
                                   BaseType_t core);

/** NULL ends the task that calls. Another task cannot be ended from outside: the program stops with
 * a message. */
void vTaskDelete(TaskHandle_t task);
void vTaskDelay(TickType_t ticks);
TickType_t xTaskGetTickCount(void);

#ifdef __cplusplus
}
#endif
#endif
