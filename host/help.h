/* host/help.h - help in every form, made from the table of commands: text for a terminal, a man
 * page, shell completion, and JSON for the check that docs and commands agree. */
#ifndef HOST_HELP_H
#define HOST_HELP_H

#include <stdio.h>

#include "command.h"

/** What `ferry --help` shows: every command with its summary. */
void cli_help_all(FILE *to);

/** What `ferry GROUP` shows. */
void cli_help_group(FILE *to, const char *group);

/** What `ferry COMMAND --help` shows: usage, options, examples, exit codes. */
void cli_help_command(FILE *to, const struct cli_command *command);

void cli_help_version(FILE *to);

/** The man page, section 1, in man(7) macros. */
void cli_help_man(FILE *to);

/** A bash completion script. */
void cli_help_bash(FILE *to);

/** The table as a JSON object, or of one command only; the caller frees it with cJSON_Delete. */
cJSON *cli_help_json(const struct cli_command *only);

/** Walks the options of a command, its own first, then shared, then common; NULL past the end.
 * Rows that are only headings are passed over. */
const struct argp_option *cli_option_at(const struct cli_command *command, int i);

/** The row of the command that shows all this, but for its examples, which are the program's. */
#define CLI_HELP_COMMAND                                                                           \
    .name = "help", .summary = "explain a command", .args = "[COMMAND...]", .min_args = 0,         \
    .max_args = 2, .options = cli_help_options, .run = cli_help_run
extern const struct argp_option cli_help_options[];
int cli_help_run(struct cli_call *call);

#endif
