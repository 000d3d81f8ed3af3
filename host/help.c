/* host/help.c - help on a terminal. */
#include "help.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define COLUMN 20

static void line(FILE *to, const char *name, const char *summary)
{
    fprintf(to, "  %-*s %s\n", COLUMN, name, summary);
}

void cli_help_version(FILE *to)
{
    fprintf(to, "%s %s\n", cli_program.name, FERRY_VERSION);
}

void cli_help_all(FILE *to)
{
    fprintf(to,
            "%s\n"
            "Usage: %s COMMAND [OPTION...] [ARGUMENT...]\n\n"
            "Commands:\n",
            cli_program.about, cli_program.name);
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        line(to, c->name, c->summary);
    const char *const shared = cli_program.arguments;
    fprintf(to,
            "\n'%s help COMMAND' explains one, with examples.%s%s\n"
            "Exit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage.\n",
            cli_program.name, shared ? " " : "", shared ? shared : "");
}

void cli_help_group(FILE *to, const char *group)
{
    fprintf(to, "%s %s: %s\n\n", cli_program.name, group, cli_group_find(group)->summary);
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        if (cli_command_in(c, group))
            line(to, c->name, c->summary);
    fprintf(to, "\n'%s help %s COMMAND' explains one, with examples.\n", cli_program.name, group);
}

/** The text behind the options; argp keeps its line breaks. The caller frees it. */
static char *tail_of(const struct cli_command *c)
{
    char *text = NULL;
    size_t n;
    FILE *f = open_memstream(&text, &n);
    if (!f)
        return NULL;
    // argp puts what comes before \v above the options and the rest below.
    fprintf(f, "\n%c%s.\n", toupper((unsigned char)c->summary[0]), c->summary + 1);
    if (c->about)
        fprintf(f, "\n%s\n", c->about);
    fputs("\v", f);
    for (const struct cli_example *e = c->examples; e && e->line; e++)
        fprintf(f, "%s  # %s\n  %s\n", e == c->examples ? "Examples:\n" : "", e->what, e->line);
    if (c->exits)
        fprintf(f, "\nExit codes: 0 done; 1 %s; 2 wrong usage.\n", c->exits);
    else
        fputs("\nExit codes: 0 done; 1 refused or failed, with the reason; 2 wrong usage.\n", f);
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

void cli_help_command(FILE *to, const struct cli_command *command)
{
    struct argp argp;
    struct argp_child children[3];
    char name[80];
    char *tail = tail_of(command);
    cli_command_argp(command, &argp, children);
    argp.doc = tail;
    snprintf(name, sizeof(name), "%s %s", cli_program.name, command->name);
    argp_help(&argp, to, ARGP_HELP_LONG | ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC, name);
    free(tail);
}

const struct argp_option *cli_option_at(const struct cli_command *command, int i)
{
    const struct argp_option *sets[] = {command->options, command->shared, cli_common_options};
    for (int set = 0; set < 3; set++)
        for (const struct argp_option *o = sets[set];
             o && (o->name || o->key || o->doc || o->group); o++)
            if (o->name && i-- == 0)
                return o;
    return NULL;
}

/* The help command. */

enum { OPT_FORMAT = CLI_OPT_OWN };

const struct argp_option cli_help_options[] = {
    {"format", OPT_FORMAT, "FORM", 0,
     "All commands at once, as json (the table itself), man (a man page) or bash (a completion "
     "script)",
     0},
    {0},
};

/** The object is the table: of all commands, or of the one asked for. */
static int help_json(struct cli_call *call, const struct cli_command *only)
{
    cJSON_Delete(call->out->root);
    call->out->root = cli_help_json(only);
    call->out->json = true;
    return cli_done(call->out);
}

static int help_words(struct cli_call *call)
{
    char name[80];
    snprintf(name, sizeof(name), "%s%s%s", call->args[0], call->n_args > 1 ? " " : "",
             call->n_args > 1 ? call->args[1] : "");
    const struct cli_command *c = cli_command_find(name);
    if (c && call->out->json)
        return help_json(call, c);
    if (c) {
        cli_help_command(stdout, c);
        return cli_done(call->out);
    }
    if (cli_group_find(name) && !call->out->json) {
        cli_help_group(stdout, name);
        return cli_done(call->out);
    }
    const char *group = call->n_args > 1 && cli_group_find(call->args[0]) ? call->args[0] : NULL;
    const char *like = cli_command_like(call->args[group ? 1 : 0], group);
    if (like)
        return cli_usage(call, "there is no command '%s'; did you mean '%s%s%s'?", name,
                         group ? group : "", group ? " " : "", like);
    return cli_usage(call, "there is no command '%s'", name);
}

int cli_help_run(struct cli_call *call)
{
    static const char *const forms[] = {"text", "json", "man", "bash", NULL};
    int form = call->out->json ? 1 : 0;
    if (!cli_choice(call, OPT_FORMAT, forms, &form))
        return CLI_EXIT_USAGE;
    if (call->n_args && cli_has(call, OPT_FORMAT))
        return cli_usage(call, "--format is for all commands at once");
    if (call->n_args)
        return help_words(call);
    switch (form) {
    case 1:
        return help_json(call, NULL);
    case 2:
        cli_help_man(stdout);
        return cli_done(call->out);
    case 3:
        cli_help_bash(stdout);
        return cli_done(call->out);
    default:
        cli_help_all(stdout);
        return cli_done(call->out);
    }
}
