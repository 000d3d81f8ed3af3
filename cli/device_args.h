/* cli/device_args.h - the argument DEVICE and the options that describe a bare flash file; the
 * same for every command that takes a device. */
#ifndef CLI_DEVICE_ARGS_H
#define CLI_DEVICE_ARGS_H

#include "command.h"
#include "vdevice.h"

/** For struct cli_command.shared. */
extern const struct argp_option cli_device_options[];

/** Which real chip, for tables of options of their own; what was given goes to cli_open_port. */
#define CLI_OPT_BAUD    0x1ffd
#define CLI_OPT_ESPTOOL 0x1ffe
#define CLI_PORT_OPTIONS(group)                                                                    \
    {0, 0, 0, 0, "A real chip, by way of esptool:", group},                                        \
        {"port",                                                                                   \
         CLI_OPT_PORT,                                                                             \
         "PORT",                                                                                   \
         0,                                                                                        \
         "The device is the chip on this serial port; DEVICE is left out then",                    \
         group},                                                                                   \
        {"baud", CLI_OPT_BAUD, "N", 0, "Speed of the port (460800)", group},                       \
    {                                                                                              \
        "esptool", CLI_OPT_ESPTOOL, "PROGRAM", 0,                                                  \
            "The esptool to use, version 4 or later (the one on PATH, else python3 -m esptool)",   \
            group                                                                                  \
    }

/** What DEVICE is, for struct cli_command.about. */
#define CLI_DEVICE_ABOUT                                                                           \
    "DEVICE is the directory of a virtual device, or a file with the contents of a flash chip: a " \
    "whole dump, or a merged image, which ends anywhere and may begin with the bootloader."

/** Opens call->args[0] as the options say. Returns CLI_EXIT_OK, or the exit code to return: the
 * complaint is made then and nothing is open. need_table: a device without a usable partition
 * table is refused too. */
int cli_open_device(const struct cli_call *call, struct ferry_vdevice *v, bool writable,
                    bool need_table);

/** With --port: makes the chip on it the device, in `given`; without: nothing. Returns CLI_EXIT_OK,
 * or the exit code after complaining. */
int cli_open_port(const struct cli_call *call, struct ferry_vdevice_given *given);

/** CLI_EXIT_OK, or complained if v could not be read, or not to the end: what was found out about
 * it then means nothing. */
int cli_check_read(const struct cli_call *call, const struct ferry_vdevice *v);

/** Reports v->fault in v's words; returns CLI_EXIT_FAILED. */
int cli_fail_device(const struct cli_call *call, const struct ferry_vdevice *v);

/** Reports dev.fault of a call on v->dev that returned err; slot is the one it was about, or
 * FERRY_SLOT_NONE. Returns CLI_EXIT_FAILED. */
int cli_fail_slot(const struct cli_call *call, const struct ferry_vdevice *v, ferry_err err,
                  int slot);

/** Reads --trusted-key and --trusted-key-digest into given. Returns CLI_EXIT_OK, or the exit code
 * to return, complained. */
int cli_read_trust(const struct cli_call *call, struct ferry_vdevice_given *given);

/** Reads --rollback, --anti-rollback, --secure-version, --otadata, --table-offset into given.
 * False: complained, return CLI_EXIT_USAGE. */
bool cli_read_policy(const struct cli_call *call, struct ferry_vdevice_given *given);

#endif
