/* driver/gpio.h - the pin that a program's self-test looks at. Nothing is connected: an input reads
 * what pulls it, an output what was set. */
#ifndef DRIVER_GPIO_H
#define DRIVER_GPIO_H

#include <stdint.h>

#include "esp_err.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef int gpio_num_t;

typedef enum { GPIO_MODE_DISABLE = 0, GPIO_MODE_INPUT = 1, GPIO_MODE_OUTPUT = 2 } gpio_mode_t;
typedef enum { GPIO_PULLUP_DISABLE = 0, GPIO_PULLUP_ENABLE = 1 } gpio_pullup_t;
typedef enum { GPIO_PULLDOWN_DISABLE = 0, GPIO_PULLDOWN_ENABLE = 1 } gpio_pulldown_t;
typedef enum { GPIO_INTR_DISABLE = 0 } gpio_int_type_t;

typedef struct {
    uint64_t pin_bit_mask;
    gpio_mode_t mode;
    gpio_pullup_t pull_up_en;
    gpio_pulldown_t pull_down_en;
    gpio_int_type_t intr_type;
} gpio_config_t;

/** ESP_ERR_INVALID_ARG no pin, or none of 0 to 63. */
esp_err_t gpio_config(const gpio_config_t *config);

/** 0 or 1; 0 for a pin that there is not. */
int gpio_get_level(gpio_num_t pin);

esp_err_t gpio_set_level(gpio_num_t pin, uint32_t level);

/** An input with its pull-up on, as after a reset. */
esp_err_t gpio_reset_pin(gpio_num_t pin);

#ifdef __cplusplus
}
#endif
#endif
