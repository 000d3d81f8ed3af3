/* tests/idf/fake_esp_example.c - see the header. A task runs at once and in its creator's place:
 * the examples' tasks never end, so what comes after it would not run anyway. */
#include "fake_esp_example.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <esp_log.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "wifi_station.h"

struct fake_example fake_example;

void fake_example_reset(void)
{
    memset(&fake_example, 0, sizeof fake_example);
}

bool fake_example_said(const char *words)
{
    return strstr(fake_example.log, words) != NULL;
}

ferry_err ferry_wifi_start(struct ferry_wifi *w, const char *name, const char *password,
                           uint32_t timeout_ms)
{
    (void)w;
    (void)timeout_ms;
    fake_example.n_starts++;
    snprintf(fake_example.ssid, sizeof fake_example.ssid, "%s", name);
    snprintf(fake_example.password, sizeof fake_example.password, "%s", password);
    return fake_example.wifi_err;
}

ferry_err ferry_wifi_wait(struct ferry_wifi *w, uint32_t timeout_ms)
{
    (void)w;
    (void)timeout_ms;
    fake_example.n_waits++;
    return fake_example.wifi_err;
}

void esp_log_write(esp_log_level_t level, const char *tag, const char *format, ...)
{
    const size_t n = strlen(fake_example.log);
    char *const end = fake_example.log + n;
    va_list args;
    (void)level;
    (void)tag;
    va_start(args, format);
    const int written = vsnprintf(end, sizeof fake_example.log - n - 1, format, args);
    va_end(args);
    if (written > 0 && (size_t)written < sizeof fake_example.log - n - 1)
        memcpy(end + written, "\n", 2);
}

BaseType_t xTaskCreate(TaskFunction_t run, const char *name, uint32_t stack_bytes, void *ctx,
                       unsigned priority, TaskHandle_t *out_task)
{
    (void)name;
    (void)stack_bytes;
    (void)priority;
    (void)out_task;
    if (fake_example.no_tasks)
        return pdFALSE;
    run(ctx);
    return pdPASS;
}
