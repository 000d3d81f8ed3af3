/* cli/boot_device.h - one power-on of a virtual device with its log; for `device boot`, and for
 * the --boot of other commands. */
#ifndef CLI_BOOT_DEVICE_H
#define CLI_BOOT_DEVICE_H

#include "command.h"
#include "vdevice.h"

/** Boots, prints the log and adds selected, tried, booted, booted_offset, otadata, secure_version
 * and log to the JSON object. Stores what a directory keeps. Returns the exit code, made by
 * cli_done or cli_fail. */
int cli_boot_device(const struct cli_call *call, struct ferry_vdevice *v,
                    enum ferry_boot_hold hold);

#endif
