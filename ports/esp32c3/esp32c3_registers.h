/* ports/esp32c3/esp32c3_registers.h - reading and writing a register. */
#ifndef ESP32C3_REGISTERS_H
#define ESP32C3_REGISTERS_H

#include <stdint.h>

static inline uint32_t register_get(uint32_t addr)
{
    return *(volatile const uint32_t *)(uintptr_t)addr;
}

static inline void register_put(uint32_t addr, uint32_t value)
{
    *(volatile uint32_t *)(uintptr_t)addr = value;
}

#endif
