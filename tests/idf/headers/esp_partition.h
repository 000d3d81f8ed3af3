#pragma once
#include "esp_err.h"

typedef struct {
    uint32_t address;
} esp_partition_t; // the fields that ferry looks at
