/* protocol_examples_common.h - what Espressif's examples call to get on the network: a PC is. */
#ifndef PROTOCOL_EXAMPLES_COMMON_H
#define PROTOCOL_EXAMPLES_COMMON_H

#include "esp_err.h"
#include "esp_netif.h"

static inline esp_err_t example_connect(void)
{
    return ESP_OK;
}

static inline esp_err_t example_disconnect(void)
{
    return ESP_OK;
}

#endif
