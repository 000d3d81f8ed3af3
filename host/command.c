/* host/command.c - from argv to a call: argp does the parsing, the words are ours.
 * argp and getopt stay silent (ARGP_NO_ERRS): with --json a complaint must be an object too. */
#include "command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "program.h"

const struct argp_option cli_common_options[] = {
    {"json", CLI_OPT_JSON, 0, 0, "Print one JSON object and nothing else on stdout", -1},
    {"help", CLI_OPT_HELP, 0, 0, "Show this help", -1},
    {"version", CLI_OPT_VERSION, 0, 0, "Show the program's version", -1},
    {0},
};

static void take_option(struct cli_call *call, int key, const char *value)
{
    if (key == CLI_OPT_JSON)
        call->out->json = true;
    else if (key == CLI_OPT_HELP)
        call->wants_help = true;
    else if (key == CLI_OPT_VERSION)
        call->wants_version = true;
    else
        call->options[call->n_options++] = (struct cli_given){key, value};
}

static error_t take_key(int key, char *arg, struct argp_state *state)
{
    struct cli_call *call = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        for (const struct argp_child *c = state->root_argp->children; c && c->argp; c++)
            state->child_inputs[c - state->root_argp->children] = call;
        return 0;
    case ARGP_KEY_ARG:
        call->args[call->n_args++] = arg;
        return 0;
    case ARGP_KEY_ERROR:
        if (state->next > 0 && state->next <= state->argc)
            call->bad_word = state->argv[state->next - 1];
        return 0;
    case ARGP_KEY_ARGS:
    case ARGP_KEY_END:
    case ARGP_KEY_NO_ARGS:
    case ARGP_KEY_SUCCESS:
    case ARGP_KEY_FINI:
        return ARGP_ERR_UNKNOWN;
    default:
        take_option(call, key, arg);
        return 0;
    }
}

/** Options only; arguments and the rest are the root's. */
static error_t take_child_key(int key, char *arg, struct argp_state *state)
{
    if (key == ARGP_KEY_ARG || key >= ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    take_option(state->input, key, arg);
    return 0;
}

void cli_command_argp(const struct cli_command *command, struct argp *argp,
                      struct argp_child children[3])
{
    static const struct argp common = {.options = cli_common_options, .parser = take_child_key};
    static struct argp shared;
    int n = 0;
    memset(children, 0, 3 * sizeof(*children));
    if (command->shared) {
        shared = (struct argp){.options = command->shared, .parser = take_child_key};
        children[n++] = (struct argp_child){.argp = &shared};
    }
    children[n] = (struct argp_child){.argp = &common};
    *argp = (struct argp){
        .options = command->options,
        .parser = take_key,
        .args_doc = command->args,
        .children = children,
    };
}

static const struct argp_option *option_sets(const struct cli_command *command, int i)
{
    const struct argp_option *sets[] = {command->options, command->shared, cli_common_options};
    static const struct argp_option none[] = {{0}};
    return sets[i] ? sets[i] : none;
}

static bool is_end(const struct argp_option *o)
{
    return !o->name && !o->key && !o->doc && !o->group;
}

const char *cli_option_name(const struct cli_command *command, int key)
{
    for (int set = 0; set < 3; set++)
        for (const struct argp_option *o = option_sets(command, set); !is_end(o); o++)
            if (o->key == key && o->name)
                return o->name;
    return "?";
}

/** Says what is wrong with an option that getopt refused. */
static int complain_option(const struct cli_call *call)
{
    const char *word = call->bad_word ? call->bad_word : "?";
    char name[64];
    snprintf(name, sizeof(name), "%s", word + strspn(word, "-"));
    name[strcspn(name, "=")] = '\0';
    const struct argp_option *near = NULL;
    unsigned best = ~0u;
    int n_prefix = 0;
    for (int set = 0; set < 3; set++)
        for (const struct argp_option *o = option_sets(call->command, set); !is_end(o); o++) {
            if (!o->name || o->flags & OPTION_DOC)
                continue;
            if (!strcmp(o->name, name))
                return o->arg ? cli_usage(call, "--%s needs a value: --%s=%s", name, name, o->arg)
                              : cli_usage(call, "--%s takes no value", name);
            unsigned far;
            n_prefix += !strncmp(o->name, name, strlen(name));
            if (cli_words_near(name, o->name, &far) && far < best) {
                near = o;
                best = far;
            }
        }
    if (n_prefix > 1 && word[0] == '-' && word[1] == '-')
        return cli_usage(call, "--%s could be one of several options", name);
    if (near)
        return cli_usage(call, "unknown option %s; did you mean --%s?", word, near->name);
    return cli_usage(call, "unknown option %s", word);
}

/** A port given by its option is the device, which is the first argument elsewhere. There is room:
 * the option came as an argument itself. */
static void put_port_first(struct cli_call *call)
{
    const char *const port = cli_value(call, CLI_OPT_PORT);
    if (!port)
        return;
    memmove(call->args + 1, call->args, (size_t)call->n_args * sizeof(*call->args));
    call->args[0] = (char *)(uintptr_t)port;
    call->n_args++;
}

static int check_and_run(struct cli_call *call)
{
    const struct cli_command *c = call->command;
    put_port_first(call);
    if (call->n_args < c->min_args)
        return cli_usage(call, "%s is missing: %s %s %s",
                         call->n_args ? "an argument" : "its argument", cli_program.name, c->name,
                         c->args);
    if (call->n_args > c->max_args)
        return cli_usage(call, "too many arguments: '%s'", call->args[c->max_args]);
    return c->run(call);
}

static int parse_and_run(struct cli_call *call, int argc, char **argv)
{
    struct argp argp;
    struct argp_child children[3];
    cli_command_argp(call->command, &argp, children);
    const error_t e = argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP, NULL, call);
    if (call->wants_help) {
        cli_help_command(stdout, call->command);
        return CLI_EXIT_OK;
    }
    if (call->wants_version) {
        cli_help_version(stdout);
        return CLI_EXIT_OK;
    }
    if (e == ENOMEM)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    return e ? complain_option(call) : check_and_run(call);
}

static bool is_negative_number(const char *word)
{
    return word[0] == '-' && ((word[1] >= '0' && word[1] <= '9') || word[1] == '.');
}

/** Copies argv to words, which holds two more, with the negative numbers behind a "--" at the end:
 * getopt would take them for options. Returns how many words there are now. */
static int numbers_last(int argc, char **argv, char **words)
{
    static char end[] = "--";
    int n = 0, first = 0;
    while (first < argc && strcmp(argv[first], end) != 0)
        first++;
    for (int i = 0; i < first; i++)
        if (!is_negative_number(argv[i]))
            words[n++] = argv[i];
    words[n++] = end;
    for (int i = 0; i < first; i++)
        if (is_negative_number(argv[i]))
            words[n++] = argv[i];
    for (int i = first + 1; i < argc; i++)
        words[n++] = argv[i];
    return n;
}

/** Help and version are not the command's answer: they stay plain text. */
static bool wants_object(const struct cli_call *call)
{
    return !call->wants_help && !call->wants_version;
}

int cli_run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_output out;
    cli_output_open(&out);
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        out.json |= !strcmp(argv[i], "--json"); // also if parsing stops before it
    struct cli_call call = {.command = command, .out = &out};
    call.args = calloc((size_t)argc + 1, sizeof(*call.args));
    call.options = calloc((size_t)argc + 1, sizeof(*call.options));
    char **words = calloc((size_t)argc + 2, sizeof(*words));
    int exit_code = CLI_EXIT_FAILED;
    if (words && command->negative_args) {
        argc = numbers_last(argc, argv, words);
        argv = words;
    }
    if (call.args && call.options && words)
        exit_code = parse_and_run(&call, argc, argv);
    else
        cli_fail_err(&out, FERRY_ERR_NO_MEMORY, NULL);
    if (wants_object(&call))
        cli_output_flush(&out);
    cli_output_close(&out);
    free(call.args);
    free(call.options);
    free(words);
    return exit_code;
}

bool cli_has(const struct cli_call *call, int key)
{
    for (int i = 0; i < call->n_options; i++)
        if (call->options[i].key == key)
            return true;
    return false;
}

const char *cli_value(const struct cli_call *call, int key)
{
    const char *value = NULL;
    for (int i = 0; i < call->n_options; i++)
        if (call->options[i].key == key)
            value = call->options[i].value;
    return value;
}

const char *cli_value_at(const struct cli_call *call, int key, int i)
{
    for (int k = 0; k < call->n_options; k++)
        if (call->options[k].key == key && i-- == 0)
            return call->options[k].value;
    return NULL;
}

bool cli_parse_number(const char *text, uint32_t *out)
{
    char *end;
    // strtoull would take a sign and blanks, and read 010 as eight.
    if (text[0] < '0' || text[0] > '9')
        return false;
    const bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    errno = 0;
    unsigned long long n = strtoull(text, &end, hex ? 16 : 10);
    if (errno || (hex && end == text + 1) || n > UINT32_MAX)
        return false;
    const bool kilo = *end == 'K' || *end == 'k', mega = *end == 'M' || *end == 'm';
    n <<= mega ? 20 : kilo ? 10 : 0;
    end += kilo || mega;
    if ((kilo || mega) && (*end == 'B' || *end == 'b'))
        end++;
    if (*end || n > UINT32_MAX)
        return false;
    *out = (uint32_t)n;
    return true;
}

bool cli_number(const struct cli_call *call, int key, uint32_t max, uint32_t *out)
{
    const char *text = cli_value(call, key);
    uint32_t n;
    if (!text)
        return true;
    if (!cli_parse_number(text, &n) || n > max) {
        cli_usage(call, "--%s takes a number up to %s, not '%s'",
                  cli_option_name(call->command, key), cli_thousands(max), text);
        return false;
    }
    *out = n;
    return true;
}

bool cli_switch(const struct cli_call *call, int key, bool *out)
{
    static const char *const names[] = {"off", "on", NULL};
    int which = *out;
    if (!cli_choice(call, key, names, &which))
        return false;
    *out = which == 1;
    return true;
}

bool cli_choice(const struct cli_call *call, int key, const char *const *names, int *out)
{
    const char *text = cli_value(call, key);
    char list[128] = "";
    if (!text)
        return true;
    for (int i = 0; names[i]; i++) {
        if (!strcmp(names[i], text)) {
            *out = i;
            return true;
        }
        const size_t n = strlen(list);
        snprintf(list + n, sizeof(list) - n, "%s%s", i ? " or " : "", names[i]);
    }
    cli_usage(call, "--%s takes %s, not '%s'", cli_option_name(call->command, key), list, text);
    return false;
}

int cli_usage(const struct cli_call *call, const char *fmt, ...)
{
    char buf[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    cli_output_usage(call->out, buf);
    fprintf(stderr, "Try '%s %s --help'.\n", cli_program.name, call->command->name);
    return CLI_EXIT_USAGE;
}
