/* compat/esp-idf/esp_event.c - the default event loop: a list of handlers, called by who posts. */
#include "esp_event.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ferry_compat_handler {
    struct ferry_compat_handler *next;
    esp_event_base_t base;
    int32_t id;
    esp_event_handler_t function;
    void *arg;
};

static bool loop_is_there;
static struct ferry_compat_handler *handlers;

esp_err_t esp_event_loop_create_default(void)
{
    if (loop_is_there)
        return ESP_ERR_INVALID_STATE;
    loop_is_there = true;
    return ESP_OK;
}

esp_err_t esp_event_loop_delete_default(void)
{
    if (!loop_is_there)
        return ESP_ERR_INVALID_STATE;
    loop_is_there = false;
    while (handlers) {
        struct ferry_compat_handler *gone = handlers;
        handlers = gone->next;
        free(gone);
    }
    return ESP_OK;
}

static struct ferry_compat_handler **find(esp_event_base_t base, int32_t id,
                                          esp_event_handler_t function)
{
    struct ferry_compat_handler **at = &handlers;
    while (*at && !((*at)->base == base && (*at)->id == id && (*at)->function == function))
        at = &(*at)->next;
    return at;
}

/* In the order of registration. */
static esp_err_t add(esp_event_base_t base, int32_t id, esp_event_handler_t function, void *arg,
                     esp_event_handler_instance_t *out)
{
    struct ferry_compat_handler **at = &handlers;
    struct ferry_compat_handler *h = calloc(1, sizeof(*h));
    if (!h)
        return ESP_ERR_NO_MEM;
    *h = (struct ferry_compat_handler){NULL, base, id, function, arg};
    while (*at)
        at = &(*at)->next;
    *at = h;
    if (out)
        *out = h;
    return ESP_OK;
}

static esp_err_t check(esp_event_base_t base, int32_t id, esp_event_handler_t handler)
{
    if (!handler || (!base && id != ESP_EVENT_ANY_ID))
        return ESP_ERR_INVALID_ARG;
    return loop_is_there ? ESP_OK : ESP_ERR_INVALID_STATE;
}

esp_err_t esp_event_handler_register(esp_event_base_t base, int32_t id, esp_event_handler_t handler,
                                     void *arg)
{
    const esp_err_t err = check(base, id, handler);
    if (err)
        return err;
    struct ferry_compat_handler *known = *find(base, id, handler);
    if (!known)
        return add(base, id, handler, arg, NULL);
    known->arg = arg;
    return ESP_OK;
}

esp_err_t esp_event_handler_instance_register(esp_event_base_t base, int32_t id,
                                              esp_event_handler_t handler, void *arg,
                                              esp_event_handler_instance_t *instance)
{
    const esp_err_t err = check(base, id, handler);
    return err ? err : add(base, id, handler, arg, instance);
}

static void take_out(struct ferry_compat_handler **at)
{
    struct ferry_compat_handler *gone = *at;
    *at = gone->next;
    free(gone);
}

esp_err_t esp_event_handler_unregister(esp_event_base_t base, int32_t id,
                                       esp_event_handler_t handler)
{
    const esp_err_t err = check(base, id, handler);
    if (err)
        return err;
    struct ferry_compat_handler **at = find(base, id, handler);
    if (*at)
        take_out(at);
    return ESP_OK;
}

esp_err_t esp_event_handler_instance_unregister(esp_event_base_t base, int32_t id,
                                                esp_event_handler_instance_t instance)
{
    struct ferry_compat_handler **at = &handlers;
    (void)base;
    (void)id;
    while (*at && *at != instance)
        at = &(*at)->next;
    if (!instance || !*at)
        return ESP_ERR_INVALID_ARG;
    take_out(at);
    return ESP_OK;
}

static bool wants(const struct ferry_compat_handler *h, esp_event_base_t base, int32_t id)
{
    return (!h->base || h->base == base) && (h->id == ESP_EVENT_ANY_ID || h->id == id);
}

static void call_all(esp_event_base_t base, int32_t id, void *data)
{
    struct ferry_compat_handler *next;
    for (struct ferry_compat_handler *h = handlers; h; h = next) {
        next = h->next; // a handler may take itself out
        if (wants(h, base, id))
            h->function(h->arg, base, id, data);
    }
}

esp_err_t esp_event_post(esp_event_base_t base, int32_t id, const void *data, size_t data_bytes,
                         TickType_t ticks_to_wait)
{
    (void)ticks_to_wait;
    if (!loop_is_there)
        return ESP_ERR_INVALID_STATE;
    if (!base || (data_bytes && !data))
        return ESP_ERR_INVALID_ARG;
    void *copy = data_bytes ? malloc(data_bytes) : NULL; // handlers get bytes of their own
    if (data_bytes && !copy)
        return ESP_ERR_NO_MEM;
    if (copy)
        memcpy(copy, data, data_bytes);
    call_all(base, id, copy);
    free(copy);
    return ESP_OK;
}
