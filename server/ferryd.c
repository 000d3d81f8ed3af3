/* server/ferryd.c - the program: its name, its commands and their groups. */
#include "ferryd_commands.h"
#include "help.h"
#include "program.h"

#define ROW(name) &cli_cmd_##name,
static const struct cli_command *const commands[] = {FERRYD_COMMANDS(ROW) NULL};
#undef ROW

static const struct cli_group groups[] = {
    {"audit", "what was done, by whom, in a chain of hashes"},
    {"ca", "the authority: its certificates, and changing them"},
    {"channel", "which release devices get"},
    {"device", "devices, and who may still be one"},
    {"release", "firmware in the catalogue"},
    {"token", "who may join the fleet"},
    {"user", "who may administer"},
    {0},
};

const struct cli_program cli_program = {
    .name = "ferryd",
    .tagline = "update server for ESP32-class devices",
    .about =
        "ferryd is the server that devices ask what to run: it enrols them, keeps releases and\n"
        "channels, and serves firmware over mutual TLS.\n",
    .arguments = "DIR is the server's state folder.",
    .commands = commands,
    .groups = groups,
};

static const struct cli_example help_examples[] = {
    {"ferryd help serve", "everything about one command"},
    {"source <(ferryd help --format=bash)", "complete commands and options in this shell"},
    {0},
};

const struct cli_command cli_cmd_help = {CLI_HELP_COMMAND, .examples = help_examples};

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
