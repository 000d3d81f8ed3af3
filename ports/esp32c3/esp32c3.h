/* ports/esp32c3/esp32c3.h - the ESP32-C3 as a program without ESP-IDF sees it, started by
 * Espressif's second-stage bootloader: what every machine has, and a watchdog. machine_end resets
 * the chip. Facts: ESP32-C3 Technical Reference Manual, ESP-IDF's soc headers, esp32c3.rom.ld. */
#ifndef ESP32C3_H
#define ESP32C3_H

#include "machine.h"

/** Starts the watchdog, or feeds it and changes its limit: after limit_ms without another call the
 * chip resets, and a bootloader with rollback gives up an app that was not confirmed. At most 24
 * days. machine_init starts it with ESP32C3_WATCHDOG_MS; console_get and erasing flash feed it. */
void esp32c3_watchdog_start(uint32_t limit_ms);

/** Tells it that all is well. */
void esp32c3_watchdog_feed(void);

/** Ends it. */
void esp32c3_watchdog_stop(void);

#define ESP32C3_WATCHDOG_MS 30000u

#endif
