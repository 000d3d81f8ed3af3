/* tests/idf/fake_esp_example.h - what the examples use besides: the station of wifi_station.h, the
 * log, tasks; and their app_main, by the name of the example. */
#ifndef FAKE_ESP_EXAMPLE_H
#define FAKE_ESP_EXAMPLE_H

#include <stdbool.h>

#include "ferry/err.h"

extern struct fake_example {
    ferry_err wifi_err;
    char ssid[33], password[65]; // of the last start
    unsigned n_starts, n_waits;
    char log[4096]; // a line each
    bool no_tasks;  // there is no memory for one
} fake_example;

void fake_example_reset(void);

/** True if words stand in the log. */
bool fake_example_said(const char *words);

void app_main_https_update(void);
void app_main_update_with_resume(void);
void app_main_rollback_selftest(void);
void app_main_reflash_migrate(void);
void app_main_updater(void);

#endif
