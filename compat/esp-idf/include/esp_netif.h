/* esp_netif.h - the network interface: a PC has one. */
#ifndef ESP_NETIF_H
#define ESP_NETIF_H

#include "esp_err.h"

/** Nothing to do here. */
static inline esp_err_t esp_netif_init(void)
{
    return ESP_OK;
}

#endif
