/* cli/ferry.c - the program: its name, its commands and their groups. */
#include "commands.h"
#include "help.h"
#include "program.h"

#define ROW(name) &cli_cmd_##name,
static const struct cli_command *const commands[] = {CLI_COMMANDS(ROW) NULL};
#undef ROW

static const struct cli_group groups[] = {
    {"device", "make a virtual device and switch it on"},
    {"fs", "files of a device: list, copy, remove; make and grow the file system"},
    {"image", "look into application images, check, build and sign them"},
    {"nvs", "read, write, build and check NVS partitions"},
    {"otadata", "look at the two entries that choose the slot, or erase them"},
    {"partitions", "look into partition tables and into partitions, build, check and edit them"},
    {"reflash", "rewrite any part of the flash, and survive a power cut while doing it"},
    {"rollback", "go back to the previous app, or take that back"},
    {"slots", "choose, read, write and erase app slots"},
    {0},
};

const struct cli_program cli_program = {
    .name = "ferry",
    .tagline = "over-the-air updates for ESP32-class devices",
    .about = "ferry carries new firmware to ESP32-class devices, and brings the old one back when\n"
             "the new one fails.\n",
    .arguments = "DEVICE is the directory of a virtual\n"
                 "device, or a file with the contents of a flash chip.",
    .commands = commands,
    .groups = groups,
};

static const struct cli_example help_examples[] = {
    {"ferry help update", "everything about one command"},
    {"ferry help --format=man | man -l -", "the man page, unless it is installed"},
    {"source <(ferry help --format=bash)", "complete commands and options in this shell"},
    {0},
};

const struct cli_command cli_cmd_help = {CLI_HELP_COMMAND, .examples = help_examples};

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
