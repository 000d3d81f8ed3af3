/* ports/esp32c3/esp32c3_line.h - the line that the console uses: UART 0 or the chip's own USB
 * serial port, of which a program links one. */
#ifndef ESP32C3_LINE_H
#define ESP32C3_LINE_H

#include <stdint.h>

/** Sends a byte, once there is room for it. A line that nobody reads loses it instead. */
void esp32c3_line_put(uint8_t byte);

/** Lets go what was put but waits for more. */
void esp32c3_line_flush(void);

/** Returns once everything is on its way. */
void esp32c3_line_drain(void);

/** A byte that has come, or -1. */
int esp32c3_line_get(void);

#endif
