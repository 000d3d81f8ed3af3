/* host/dispatch.c - finds the command that the first words name and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "help.h"
#include "program.h"

/** Complains about a word that names nothing; JSON too, if that was asked for anywhere. */
static int no_command(const char *group, const char *word, int argc, char **argv)
{
    struct cli_output out;
    cli_output_open(&out);
    for (int i = 1; i < argc; i++)
        out.json |= !strcmp(argv[i], "--json");
    char sentence[256];
    const char *like = cli_command_like(word, group);
    const char *sep = group ? " " : "";
    if (!group)
        group = "";
    if (like)
        snprintf(sentence, sizeof(sentence), "there is no command '%s%s%s'; did you mean '%s%s%s'?",
                 group, sep, word, group, sep, like);
    else
        snprintf(sentence, sizeof(sentence), "there is no command '%s%s%s'", group, sep, word);
    cli_output_usage(&out, sentence);
    fprintf(stderr, "Try '%s help%s%s'.\n", cli_program.name, sep, group);
    cli_output_flush(&out);
    cli_output_close(&out);
    return CLI_EXIT_USAGE;
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "-?");
}

/** A group's first word: the command is the first two. */
static int run_group(const char *group, int argc, char **argv)
{
    char name[80];
    if (argc < 3 || is_help(argv[2])) {
        cli_help_group(stdout, group);
        return argc < 3 ? CLI_EXIT_USAGE : CLI_EXIT_OK;
    }
    snprintf(name, sizeof(name), "%s %s", group, argv[2]);
    const struct cli_command *command = cli_command_find(name);
    if (!command)
        return no_command(group, argv[2], argc, argv);
    return cli_run(command, argc - 2, argv + 2);
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2 || is_help(argv[1])) {
        cli_help_all(stdout);
        return argc < 2 ? CLI_EXIT_USAGE : CLI_EXIT_OK;
    }
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        cli_help_version(stdout);
        return CLI_EXIT_OK;
    }
    const struct cli_command *command = cli_command_find(argv[1]);
    if (command)
        return cli_run(command, argc - 1, argv + 1);
    if (cli_group_find(argv[1]))
        return run_group(argv[1], argc, argv);
    return no_command(NULL, argv[1], argc, argv);
}

int cli_main(int argc, char **argv)
{
    // Too large a file is an error like a full disk, not the end of the program.
    signal(SIGXFSZ, SIG_IGN);
    const int exit_code = dispatch(argc, argv);
    // What was said only counts if it arrived.
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "%s: cannot write the answer to stdout\n", cli_program.name);
        return CLI_EXIT_FAILED;
    }
    return exit_code;
}
