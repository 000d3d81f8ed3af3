/* ports/esp-idf/update_esp.c - over-the-air updates of an ESP-IDF project, in one call.
 * Puts the parts together; the work is agent/update_run.h's. */
#include "update_esp.h"

#include <string.h>

#include <esp_random.h>
#include <freertos/FreeRTOS.h>
#include <freertos/task.h>

#include "settings_esp.h"
#include "update_esp_private.h"

#define SECTOR_BYTES 4096u

/* The loop asks between any two steps whether to stop; that is where other tasks, and so the task
 * watchdog's idle task, get their turn. */
static bool is_cancelled(void *ctx)
{
    const struct ferry_esp_update *u = ctx;
    if (u->is_gentle)
        vTaskDelay(1);
    return ferry_cancel_asked(u->asks);
}

static void sleep_ms(void *ctx, uint32_t ms)
{
    const struct ferry_esp_update *u = ctx;
    for (uint32_t left = ms; left && !ferry_cancel_asked(u->asks);) {
        const uint32_t step = left < FERRY_CANCEL_POLL_MS ? left : FERRY_CANCEL_POLL_MS;
        vTaskDelay(pdMS_TO_TICKS(step));
        left -= step;
    }
}

static uint32_t any_number(void *ctx)
{
    (void)ctx;
    return esp_random();
}

void ferry__esp_begin(struct ferry_esp_update *u, const struct ferry_esp_update_config *config)
{
    u->asks = config->cancel;
    u->is_gentle = config->flags & FERRY_UPDATE_GENTLE;
    u->cancel = (struct ferry_cancel){is_cancelled, u};
    u->options = config->http;
    if (!u->options.secrets_for)
        u->options.secrets_for = config->url;
    u->options.allow_plain_http |= FERRY_ESP_PLAIN_HTTP;
    memset(&u->job, 0, sizeof u->job);
    u->job.retry = (struct ferry_retry){
        .n_most = FERRY_ESP_RETRIES, .sleep_ms = sleep_ms, .random = any_number, .ctx = u};
    ferry_http_esp_init(&u->http);
    ferry_source_http_init(&u->source, &u->http.http, config->url, &u->options, &u->cancel);
}

ferry_err ferry_esp_update(struct ferry_esp_update *u, const struct ferry_esp_update_config *config)
{
    ferry__esp_begin(u, config);
    const ferry_err err = ferry_esp_open(&u->esp, config->trust);
    if (err)
        return ferry_fail(&u->job.fault, err, u->esp.device.fault.value, u->esp.device.fault.limit,
                          u->esp.device.fault.off_bytes);
    u->config = (struct ferry_update_config){
        .slot = FERRY_SLOT_NEXT,
        .flags = config->flags,
        .length_bytes = config->length_bytes,
        .sha256 = config->sha256,
        .min_version = config->min_version,
        .desc_head = u->desc_head,
        .work = u->memory,
        .work_bytes = SECTOR_BYTES,
    };
    struct ferry_update_job *job = &u->job;
    job->device = &u->esp.device;
    job->source = &u->source.source;
    job->config = &u->config;
    job->buffer = u->memory + SECTOR_BYTES;
    job->buffer_bytes = SECTOR_BYTES;
    job->cancel = &u->cancel;
    job->keeper = config->keeper;
    job->is_anew = config->is_anew;
    job->events = config->events;
    return ferry_update_run(&u->update, job);
}
