/* host/program.h - a program of commands: `ferry` and `ferryd` are one table of rows each.
 * A program defines cli_program and calls cli_main; parsing, help in every form and complaints are
 * made from the table here. A command is a row: command.h. */
#ifndef HOST_PROGRAM_H
#define HOST_PROGRAM_H

#include <stddef.h>

#include "command.h"

/** A word that several commands begin with. */
struct cli_group {
    const char *name;
    const char *summary;
};

/** All strings are static; lines of text are at most 90 columns and end in a newline. */
struct cli_program {
    const char *name;
    const char *tagline;                       // "over-the-air updates for ..."
    const char *about;                         // what it does
    const char *arguments;                     // a word that commands share (may be NULL)
    const struct cli_command *const *commands; // in the order of help, ended by NULL
    const struct cli_group *groups;            // ended by {0}
};

/** The program's own; each program defines it once. */
extern const struct cli_program cli_program;

/** Finds the command that the first words name and runs it. Returns the exit code. */
int cli_main(int argc, char **argv);

/** The i-th command or group; NULL past the end. */
const struct cli_command *cli_command_at(size_t i);
const struct cli_group *cli_group_at(size_t i);

/** The command with exactly this name, or NULL. */
const struct cli_command *cli_command_find(const char *name);

/** The group with this name, or NULL. */
const struct cli_group *cli_group_find(const char *name);

/** True if the command's name is "GROUP something". */
bool cli_command_in(const struct cli_command *command, const char *group);

/** The name most like `word`: of commands and groups, or with group not NULL of the second words
 * in it. NULL if nothing is near. */
const char *cli_command_like(const char *word, const char *group);

/** True if `word` could be a mistyping of `name`; *distance gets how far they are apart. */
bool cli_words_near(const char *word, const char *name, unsigned *distance);

#endif
