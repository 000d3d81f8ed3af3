/* cli/cmd_device_boot.c - `ferry device boot`: power-on, with the bootloader's reasons. */
#include <stdio.h>
#include <string.h>

#include "boot_device.h"
#include "device_args.h"
#include "device_words.h"
#include "reflash_waiting.h"
#include "shell_words.h"

enum { OPT_HOLD = CLI_OPT_OWN };

static const struct argp_option options[] = {
    {"hold", OPT_HOLD, "factory-reset|test-app", 0,
     "Hold a pin: factory-reset erases nvs and otadata, test-app starts the test partition", 0},
    {0},
};

static int run(struct cli_call *call)
{
    static const char *const holds[] = {"none", "factory-reset", "test-app", NULL};
    struct ferry_vdevice v;
    int hold = FERRY_HOLD_NONE;
    if (!cli_choice(call, OPT_HOLD, holds, &hold))
        return CLI_EXIT_USAGE;
    if (cli_has(call, CLI_OPT_PORT))
        return cli_usage(call, "a real chip decides by itself what it boots");
    const int exit_code = cli_open_device(call, &v, true, false);
    if (exit_code)
        return exit_code;
    const int result = cli_boot_device(call, &v, (enum ferry_boot_hold)hold);
    if (ferry_reflash_waits(&v))
        cli_warn(call->out,
                 "a reflash plan waits in the journal; what starts here goes on with it: "
                 "ferry reflash resume %s",
                 cli_shell_device());
    ferry_vdevice_close(&v);
    return result;
}

static const struct cli_example examples[] = {
    {"ferry device boot dev", "switch the virtual device on, or off and on again"},
    {"ferry device boot dev --hold factory-reset", "the same with the factory-reset pin held"},
    {"ferry device boot dump.bin --chip esp32c3", "let a flash dump go through a power-on"},
    {0},
};

const struct cli_command cli_cmd_device_boot = {
    .name = "device boot",
    .summary = "switch a device on: the boot decision, and the bootloader's reasons",
    .args = "DEVICE",
    .about = CLI_DEVICE_ABOUT "\n"
                              "Makes the writes that the bootloader makes. A directory keeps which "
                              "slot runs, the number of boots and the secure version.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "nothing bootable, or refused",
    .run = run,
};
