#pragma once
#include <stdint.h>

#include "esp_idf_version.h"

#if ESP_IDF_VERSION < ESP_IDF_VERSION_VAL(5, 5, 0)
#error "ESP-IDF has this header from 5.5 on"
#endif

uint64_t esp_rtc_get_time_us(void);
