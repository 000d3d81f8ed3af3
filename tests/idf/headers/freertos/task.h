#pragma once
#include "freertos/FreeRTOS.h"

void vTaskDelay(TickType_t ticks);

#define pdPASS pdTRUE

typedef struct tskTaskControlBlock *TaskHandle_t;
typedef void (*TaskFunction_t)(void *ctx);

BaseType_t xTaskCreate(TaskFunction_t run, const char *name, uint32_t stack_bytes, void *ctx,
                       unsigned priority, TaskHandle_t *out_task);
