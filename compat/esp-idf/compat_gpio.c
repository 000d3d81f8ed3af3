/* compat/esp-idf/compat_gpio.c - pins with nothing connected: an input is as high as what pulls it,
 * an output as it was set. */
#include "driver/gpio.h"

#include <stdbool.h>
#include <stddef.h>

#define N_PINS 64

static uint64_t low; // a bit for each pin; after a reset all are pulled up

static bool is_pin(gpio_num_t pin)
{
    return pin >= 0 && pin < N_PINS;
}

static void set(uint64_t pins, bool is_high)
{
    low = is_high ? low & ~pins : low | pins;
}

esp_err_t gpio_config(const gpio_config_t *config)
{
    if (!config || !config->pin_bit_mask)
        return ESP_ERR_INVALID_ARG;
    set(config->pin_bit_mask, config->pull_up_en == GPIO_PULLUP_ENABLE);
    return ESP_OK;
}

int gpio_get_level(gpio_num_t pin)
{
    return is_pin(pin) && !(low >> pin & 1);
}

esp_err_t gpio_set_level(gpio_num_t pin, uint32_t level)
{
    if (!is_pin(pin))
        return ESP_ERR_INVALID_ARG;
    set(1ull << pin, level != 0);
    return ESP_OK;
}

esp_err_t gpio_reset_pin(gpio_num_t pin)
{
    return gpio_set_level(pin, 1);
}
