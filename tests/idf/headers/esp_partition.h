#pragma once
#include "esp_err.h"

typedef struct {
    uint32_t address;
} esp_partition_t; // the fields that ferry looks at

typedef enum { ESP_PARTITION_TYPE_DATA = 1 } esp_partition_type_t;
typedef enum { ESP_PARTITION_SUBTYPE_DATA_NVS_KEYS = 4 } esp_partition_subtype_t;

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type,
                                                esp_partition_subtype_t subtype, const char *label);
