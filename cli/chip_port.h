/* cli/chip_port.h - --port: a real chip as the device of a command, by way of esptool. */
#ifndef CLI_CHIP_PORT_H
#define CLI_CHIP_PORT_H

#include "command.h"
#include "vdevice.h"

/** Finds esptool, asks the chip on `port` what it is, and makes it the device: sets given->real,
 * and given->chip where the user has not said it. program: of --esptool, or NULL. One a process.
 * Returns CLI_EXIT_OK, or the exit code after complaining. */
int chip_port_open(const struct cli_call *call, const char *port, const char *program,
                   uint32_t baud, struct ferry_vdevice_given *given);

#endif
