/* host/command.h - what a command of `ferry` or `ferryd` is: a row of data and a function.
 * Parsing, --help, the man page, the shell completion and the docs check all read these rows, so
 * none of them can disagree. A new command is a cmd_*.c with one `const struct cli_command
 * cli_cmd_NAME`, its line in the program's list (cli/commands.h, server/ferryd.c) and its file in
 * the CMakeLists.txt beside it. */
#ifndef HOST_COMMAND_H
#define HOST_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>

#include "output.h"

/* Exit codes; scripts depend on them. */
#define CLI_EXIT_OK     0
#define CLI_EXIT_FAILED 1 // the thing asked was refused or failed, with the reason
#define CLI_EXIT_USAGE  2 // wrong usage

/* Option keys. Short options are their letter, a command's long options count from CLI_OPT_OWN,
 * what the framework gives to several commands from CLI_OPT_SHARED. */
#define CLI_OPT_OWN     0x100
#define CLI_OPT_SHARED  0x1000
#define CLI_OPT_PORT    0x1fff // its value takes the place of the first argument
#define CLI_OPT_JSON    0x2000
#define CLI_OPT_HELP    0x2001
#define CLI_OPT_VERSION 0x2002

/** A line to type and what it does. */
struct cli_example {
    const char *line;
    const char *what;
};

struct cli_call;

/** One command. All strings are static; the ones marked (may be NULL) may be left out. */
struct cli_command {
    const char *name;    // "status", "image verify": at most two words
    const char *summary; // one line without a full stop
    const char *args;    // positional arguments as help shows them: "DEVICE SOURCE" (may be NULL)
    const char *about;   // what it does and what the arguments are, paragraphs (may be NULL)
    int min_args, max_args;
    bool negative_args;                 // a word like -40 is an argument here, not an option
    const struct argp_option *options;  // every row with doc, ended by {0} (may be NULL)
    const struct argp_option *shared;   // a group shared with other commands (may be NULL)
    const struct cli_example *examples; // ended by {0}
    const char *exits;                  // what exit 1 means here, if not plain (may be NULL)
    /** Does it; returns an exit code, from cli_done, cli_fail or cli_usage. */
    int (*run)(struct cli_call *call);
};

/** A parsed command line. args and values point into argv. */
struct cli_call {
    const struct cli_command *command;
    struct cli_output *out;
    int n_args;
    char **args;
    int n_options;
    struct cli_given {
        int key;
        const char *value;
    } * options;
    bool wants_help, wants_version;
    const char *bad_word; // that getopt could not make sense of
};

/** True if the option was given. */
bool cli_has(const struct cli_call *call, int key);

/** The value of an option, the last one if given twice; NULL if not given. */
const char *cli_value(const struct cli_call *call, int key);

/** The i-th value of an option that may repeat; NULL past the last. */
const char *cli_value_at(const struct cli_call *call, int key, int i);

/** Reads an option as a number (decimal, 0x hex, suffix K or M) into *out; *out stays as it was
 * if the option was not given. False: not a number or over max; the complaint is printed, return
 * CLI_EXIT_USAGE. */
bool cli_number(const struct cli_call *call, int key, uint32_t max, uint32_t *out);

/** The same for on|off. */
bool cli_switch(const struct cli_call *call, int key, bool *out);

/** The same for one of `names` (ended by NULL); *out gets its index. */
bool cli_choice(const struct cli_call *call, int key, const char *const *names, int *out);

/** Complains about wrong usage on stderr (and in the JSON object) and points to --help.
 * Returns CLI_EXIT_USAGE. */
__attribute__((format(printf, 2, 3))) int cli_usage(const struct cli_call *call, const char *fmt,
                                                    ...);

/** Reads a number as cli_number does. False if it is none. */
bool cli_parse_number(const char *text, uint32_t *out);

/** The long name of an option key of this command; "?" if unknown. */
const char *cli_option_name(const struct cli_command *command, int key);

/** Parses argv (argv[0] is not looked at) and runs the command. Returns the exit code. */
int cli_run(const struct cli_command *command, int argc, char **argv);

/** Builds command's argp into *argp (children: three of them), for parsing and for help. */
void cli_command_argp(const struct cli_command *command, struct argp *argp,
                      struct argp_child children[3]);

/** The options that every command has. */
extern const struct argp_option cli_common_options[];

#endif
