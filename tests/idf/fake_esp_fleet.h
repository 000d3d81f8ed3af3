/* tests/idf/fake_esp_fleet.h - esp_http_client with one server behind it, that of
 * tests/support/fake_fleet.h: what a client sends becomes a request there, and its answers come
 * back as ESP-IDF has them. Instead of fake_esp_http.h, whose answers are a list. */
#ifndef FAKE_ESP_FLEET_H
#define FAKE_ESP_FLEET_H

#include "fake_fleet.h"

/** The server, and what was sent to it. */
extern struct fake_esp_fleet {
    struct fake_fleet fleet;
    unsigned n_open;      // clients that nobody has cleaned up
    char enrolment[2048]; // the body of the last request to enrol
} fake_esp_fleet;

/** A new server that knows nobody. */
void fake_esp_fleet_reset(void);

#endif
