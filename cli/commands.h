/* cli/commands.h - the list of ferry's commands, in the order that help shows them. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command.h"

/** X(NAME): the row is `const struct cli_command cli_cmd_NAME` in cli/cmd_NAME.c or beside its
 * relatives. One line a command. */
#define CLI_COMMANDS(X)                                                                            \
    X(device_new)                                                                                  \
    X(device_boot)                                                                                 \
    X(status)                                                                                      \
    X(doctor)                                                                                      \
    X(update)                                                                                      \
    X(confirm)                                                                                     \
    X(reject)                                                                                      \
    X(rollback_force)                                                                              \
    X(rollback_cancel)                                                                             \
    X(fs_ls)                                                                                       \
    X(fs_get)                                                                                      \
    X(fs_put)                                                                                      \
    X(fs_cat)                                                                                      \
    X(fs_mkdir)                                                                                    \
    X(fs_rm)                                                                                       \
    X(fs_mv)                                                                                       \
    X(fs_df)                                                                                       \
    X(fs_grow)                                                                                     \
    X(fs_mkfs)                                                                                     \
    X(image_info)                                                                                  \
    X(image_verify)                                                                                \
    X(image_extract)                                                                               \
    X(image_merge)                                                                                 \
    X(image_flash)                                                                                 \
    X(image_build)                                                                                 \
    X(image_sign)                                                                                  \
    X(nvs_list)                                                                                    \
    X(nvs_get)                                                                                     \
    X(nvs_set)                                                                                     \
    X(nvs_erase)                                                                                   \
    X(nvs_build)                                                                                   \
    X(nvs_check)                                                                                   \
    X(nvs_keys)                                                                                    \
    X(nvs_decrypt)                                                                                 \
    X(partitions_show)                                                                             \
    X(partitions_build)                                                                            \
    X(partitions_check)                                                                            \
    X(partitions_edit)                                                                             \
    X(partitions_layouts)                                                                          \
    X(partitions_read)                                                                             \
    X(partitions_write)                                                                            \
    X(partitions_erase)                                                                            \
    X(slots_switch)                                                                                \
    X(slots_read)                                                                                  \
    X(slots_write)                                                                                 \
    X(slots_erase)                                                                                 \
    X(otadata_read)                                                                                \
    X(otadata_erase)                                                                               \
    X(reflash_plan)                                                                                \
    X(reflash_run)                                                                                 \
    X(reflash_resume)                                                                              \
    X(reflash_undo)                                                                                \
    X(reflash_status)                                                                              \
    X(enroll)                                                                                      \
    X(agent)                                                                                       \
    X(serve)                                                                                       \
    X(help)

#define CLI_DECLARE_(name) extern const struct cli_command cli_cmd_##name;
CLI_COMMANDS(CLI_DECLARE_)
#undef CLI_DECLARE_

#endif
