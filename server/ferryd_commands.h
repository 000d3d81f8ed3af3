/* server/ferryd_commands.h - the list of ferryd's commands, in the order that help shows them. */
#ifndef SERVER_FERRYD_COMMANDS_H
#define SERVER_FERRYD_COMMANDS_H

#include "command.h"

/** X(NAME): the row is `const struct cli_command cli_cmd_NAME`. One line a command. */
#define FERRYD_COMMANDS(X)                                                                         \
    X(init)                                                                                        \
    X(serve)                                                                                       \
    X(token_new)                                                                                   \
    X(token_list)                                                                                  \
    X(token_revoke)                                                                                \
    X(device_list)                                                                                 \
    X(device_show)                                                                                 \
    X(device_release)                                                                              \
    X(device_revoke)                                                                               \
    X(device_restore)                                                                              \
    X(device_remove)                                                                               \
    X(user_add)                                                                                    \
    X(user_list)                                                                                   \
    X(user_remove)                                                                                 \
    X(ca_show)                                                                                     \
    X(ca_new_issuing)                                                                              \
    X(ca_new_root)                                                                                 \
    X(ca_new_server)                                                                               \
    X(ca_forget)                                                                                   \
    X(audit_show)                                                                                  \
    X(audit_verify)                                                                                \
    X(backup)                                                                                      \
    X(restore)                                                                                     \
    X(channel_add)                                                                                 \
    X(channel_follow)                                                                              \
    X(channel_key)                                                                                 \
    X(channel_list)                                                                                \
    X(release_add)                                                                                 \
    X(release_list)                                                                                \
    X(release_public)                                                                              \
    X(release_show)                                                                                \
    X(release_withdraw)                                                                            \
    X(help)

#define FERRYD_DECLARE_(name) extern const struct cli_command cli_cmd_##name;
FERRYD_COMMANDS(FERRYD_DECLARE_)
#undef FERRYD_DECLARE_

#endif
