/* ports/esp-idf/update_esp_private.h - what the two ways to update share. */
#ifndef FERRY_UPDATE_ESP_PRIVATE_H
#define FERRY_UPDATE_ESP_PRIVATE_H

#include "update_esp.h"

/** Readies source, retries and cancelling for the address in config. */
void ferry__esp_begin(struct ferry_esp_update *u, const struct ferry_esp_update_config *config);

#endif
