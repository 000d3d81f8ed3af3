#pragma once
#include <stdint.h>

typedef int BaseType_t;
typedef uint32_t TickType_t;

#define pdFALSE           ((BaseType_t)0)
#define pdTRUE            ((BaseType_t)1)
#define pdMS_TO_TICKS(ms) ((TickType_t)(((uint64_t)(ms)*100u) / 1000u)) // 100 ticks a second
