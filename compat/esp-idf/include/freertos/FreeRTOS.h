/* freertos/FreeRTOS.h - the few types and constants of FreeRTOS that small programs use. */
#ifndef FREERTOS_H
#define FREERTOS_H

#include <assert.h> // programs rest on what the real one brings along
#include <stdint.h>
#include <stdio.h>

typedef int BaseType_t;
typedef unsigned UBaseType_t;
typedef uint32_t TickType_t;
typedef uint8_t StackType_t;

#define configTICK_RATE_HZ 1000u
#define portTICK_PERIOD_MS (1000u / configTICK_RATE_HZ)
#define pdMS_TO_TICKS(ms)  ((TickType_t)((uint64_t)(ms)*configTICK_RATE_HZ / 1000u))
#define portMAX_DELAY      0xffffffffu
#define pdFALSE            0
#define pdTRUE             1
#define pdFAIL             pdFALSE
#define pdPASS             pdTRUE
#define tskIDLE_PRIORITY   0u

#endif
