/* host/help_forms.c - the table of commands as a man page, as bash completion and as JSON. */
#include <string.h>

#include "help.h"
#include "program.h"

#define ROFF_COLUMNS 70

/** Running text for roff: hyphens that are typed must stay hyphens, a line must not begin with a
 * control character, a blank line is a new paragraph. Breaks lines at blanks if `fill`. */
static void roff(FILE *to, const char *text, bool fill)
{
    int column = 0;
    for (; *text; text++) {
        if (column == 0 && (*text == '.' || *text == '\''))
            fputs("\\&", to);
        column++;
        if (*text == '\\') {
            fputs("\\e", to);
        } else if (*text == '-') {
            fputs("\\-", to);
        } else if (*text == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", to);
            text++;
            column = 0;
        } else if (*text == '\n' || (fill && *text == ' ' && column > ROFF_COLUMNS)) {
            fputc('\n', to);
            column = 0;
        } else {
            fputc(*text, to);
        }
    }
    fputc('\n', to);
}

static void man_option(FILE *to, const struct argp_option *o)
{
    fputs(".TP\n", to);
    if (o->key > ' ' && o->key < 0x7f)
        fprintf(to, "\\fB\\-%c\\fR, ", o->key);
    fputs("\\fB\\-\\-", to);
    for (const char *c = o->name; *c; c++)
        *c == '-' ? (void)fputs("\\-", to) : (void)fputc(*c, to);
    fputs("\\fR", to);
    if (o->arg)
        fprintf(to, "=\\fI%s\\fR", o->arg);
    fputc('\n', to);
    roff(to, o->doc ? o->doc : "", true);
}

static bool is_common(const struct argp_option *o)
{
    return o->key >= CLI_OPT_JSON;
}

static void man_command(FILE *to, const struct cli_command *c)
{
    fprintf(to, ".SS %s %s", cli_program.name, c->name);
    if (c->args)
        fprintf(to, " %s", c->args);
    fputs("\n", to);
    fprintf(to, "%c",
            c->summary[0] >= 'a' && c->summary[0] <= 'z' ? c->summary[0] - 32 : c->summary[0]);
    roff(to, c->summary + 1, true);
    if (c->about) {
        fputs(".PP\n", to);
        roff(to, c->about, true);
    }
    if (c->exits) {
        fputs(".PP\nExit status 1: ", to);
        roff(to, c->exits, true);
    }
    const struct argp_option *o;
    for (int i = 0; (o = cli_option_at(c, i)); i++)
        if (!is_common(o))
            man_option(to, o);
    for (const struct cli_example *e = c->examples; e && e->line; e++) {
        fputs(".PP\n", to);
        roff(to, e->what, true);
        fputs(".RS 4\n.nf\n", to);
        roff(to, e->line, false);
        fputs(".fi\n.RE\n", to);
    }
}

void cli_help_man(FILE *to)
{
    const char *const name = cli_program.name;
    fputs(".TH ", to);
    for (const char *c = name; *c; c++)
        fputc(*c - 32, to); // names of programs are small letters
    fprintf(to,
            " 1 \"%s\" \"%s %s\" \"User Commands\"\n"
            ".SH NAME\n%s \\- ",
            FERRY_DATE, name, FERRY_VERSION, name);
    roff(to, cli_program.tagline, true);
    fprintf(to,
            ".SH SYNOPSIS\n"
            ".B %s\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
            ".SH DESCRIPTION\n",
            name);
    roff(to, cli_program.about, true);
    if (cli_program.arguments)
        roff(to, cli_program.arguments, true);
    fputs(".SH OPTIONS\nEvery command takes these.\n", to);
    for (const struct argp_option *o = cli_common_options; o->name; o++)
        man_option(to, o);
    fputs(".SH COMMANDS\n", to);
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        man_command(to, c);
    fputs(".SH EXIT STATUS\n"
          ".TP\n0\ndone\n.TP\n1\nthe thing asked was refused or failed; the reason is on standard "
          "error\n.TP\n2\nwrong usage\n"
          ".SH ENVIRONMENT\n.TP\nNO_COLOR\nif set and not empty, no colours\n",
          to);
}

static void bash_options(FILE *to, const struct cli_command *c)
{
    const struct argp_option *o;
    for (int i = 0; (o = cli_option_at(c, i)); i++)
        fprintf(to, "%s--%s%s", i ? " " : "", o->name, o->arg ? "=" : "");
}

/** The first words, or the second words of a group. */
static void bash_words(FILE *to, const char *group)
{
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++) {
        const char *space = strchr(c->name, ' ');
        if (group && cli_command_in(c, group))
            fprintf(to, "%s ", space + 1);
        else if (!group && !space)
            fprintf(to, "%s ", c->name);
    }
    const struct cli_group *g;
    for (size_t i = 0; !group && (g = cli_group_at(i)); i++)
        fprintf(to, "%s ", g->name);
}

void cli_help_bash(FILE *to)
{
    const char *const program = cli_program.name;
    fprintf(to,
            "# bash completion for %s; made by `%s help --format=bash`\n"
            "_%s()\n{\n"
            "    local cur=${COMP_WORDS[COMP_CWORD]} words= name=${COMP_WORDS[1]}\n"
            "    compopt +o nospace\n"
            "    if ((COMP_CWORD == 1)); then\n        words=\"",
            program, program, program);
    bash_words(to, NULL);
    fputs("--help --version\"\n    else\n        case $name in\n", to);
    const struct cli_group *g;
    for (size_t i = 0; (g = cli_group_at(i)); i++) {
        fprintf(to, "        %s)\n            ((COMP_CWORD == 2)) && words=\"", g->name);
        bash_words(to, g->name);
        fputs("\"\n            name+=\" ${COMP_WORDS[2]}\" ;;\n", to);
    }
    fputs("        esac\n    fi\n    if [[ $cur == -* ]]; then\n        case $name in\n", to);
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++) {
        fprintf(to, "        '%s') words=\"", c->name);
        bash_options(to, c);
        fputs("\" ;;\n", to);
    }
    fprintf(to,
            "        esac\n    fi\n"
            "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
            "    [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace\n"
            "    return 0\n"
            "}\n"
            "complete -o default -F _%s %s\n",
            program, program);
}

static cJSON *json_options(const struct cli_command *c)
{
    cJSON *list = cJSON_CreateArray();
    const struct argp_option *o;
    for (int i = 0; (o = cli_option_at(c, i)); i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", o->name);
        if (o->arg)
            cJSON_AddStringToObject(item, "arg", o->arg);
        cJSON_AddStringToObject(item, "doc", o->doc ? o->doc : "");
        cJSON_AddItemToArray(list, item);
    }
    return list;
}

cJSON *cli_help_json(const struct cli_command *only)
{
    cJSON *root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "version", FERRY_VERSION);
    cJSON *list = cJSON_AddArrayToObject(root, "commands");
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++) {
        if (only && c != only)
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddStringToObject(item, "name", c->name);
        cJSON_AddStringToObject(item, "summary", c->summary);
        cJSON_AddStringToObject(item, "args", c->args ? c->args : "");
        cJSON_AddStringToObject(item, "about", c->about ? c->about : "");
        cJSON_AddItemToObject(item, "options", json_options(c));
        cJSON *examples = cJSON_AddArrayToObject(item, "examples");
        for (const struct cli_example *e = c->examples; e && e->line; e++) {
            cJSON *pair = cJSON_CreateObject();
            cJSON_AddStringToObject(pair, "line", e->line);
            cJSON_AddStringToObject(pair, "what", e->what);
            cJSON_AddItemToArray(examples, pair);
        }
        cJSON_AddItemToArray(list, item);
    }
    return root;
}
