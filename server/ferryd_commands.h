/* server/ferryd_commands.h - the list of ferryd's commands, in the order that help shows them. */
#ifndef SERVER_FERRYD_COMMANDS_H
#define SERVER_FERRYD_COMMANDS_H

#include "command.h"

/** X(NAME): the row is `const struct cli_command cli_cmd_NAME`. One line a command. */
#define FERRYD_COMMANDS(X)                                                                         \
    X(serve)                                                                                       \
    X(help)

#define FERRYD_DECLARE_(name) extern const struct cli_command cli_cmd_##name;
FERRYD_COMMANDS(FERRYD_DECLARE_)
#undef FERRYD_DECLARE_

#endif
