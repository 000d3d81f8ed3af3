/* tests/idf/fake_esp_chip.h - the rest of ESP-IDF that an update touches: what chip this is, what
 * runs, time that passes at once, and a restart. */
#ifndef FAKE_ESP_CHIP_H
#define FAKE_ESP_CHIP_H

#include <stdbool.h>
#include <stdint.h>

extern struct fake_chip {
    uint32_t running_address;
    bool is_encrypted;
    bool has_no_running;
    uint32_t secure_version;
    int reset_reason;
    uint32_t ticks; // that tasks slept
    uint32_t n_delays;
    uint64_t rtc_us;          // runs while tasks sleep
    void (*on_delay)(void);   // after each sleep; NULL: nothing more
    void (*on_restart)(void); // does not return; NULL: the test fails
    uint8_t blob[512];        // what NVS holds
    uint32_t n_blob, n_saved;
} fake_chip;

#endif
