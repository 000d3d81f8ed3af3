/* host/program.c - looking names up in the program's table of commands. */
#include "program.h"

#include <string.h>

const struct cli_command *cli_command_at(size_t i)
{
    size_t n = 0;
    while (cli_program.commands[n])
        n++;
    return i < n ? cli_program.commands[i] : NULL;
}

/** True if a command of the group is built in; a group without one is not shown. */
static bool has_commands(const char *group)
{
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        if (cli_command_in(c, group))
            return true;
    return false;
}

const struct cli_group *cli_group_at(size_t i)
{
    size_t n_seen = 0;
    for (const struct cli_group *g = cli_program.groups; g->name; g++)
        if (has_commands(g->name) && n_seen++ == i)
            return g;
    return NULL;
}

const struct cli_command *cli_command_find(const char *name)
{
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++)
        if (!strcmp(c->name, name))
            return c;
    return NULL;
}

const struct cli_group *cli_group_find(const char *name)
{
    const struct cli_group *g;
    for (size_t i = 0; (g = cli_group_at(i)); i++)
        if (!strcmp(g->name, name))
            return g;
    return NULL;
}

bool cli_command_in(const struct cli_command *command, const char *group)
{
    const size_t n = strlen(group);
    return !strncmp(command->name, group, n) && command->name[n] == ' ';
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    const unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

#define LONGEST_WORD 32

/** Edit distance in which swapping two neighbours counts once, as typing goes wrong. */
static unsigned distance_of(const char *a, const char *b)
{
    const size_t n_a = strlen(a), n_b = strlen(b);
    unsigned d[LONGEST_WORD + 1][LONGEST_WORD + 1];
    if (n_a > LONGEST_WORD || n_b > LONGEST_WORD)
        return LONGEST_WORD;
    for (size_t i = 0; i <= n_a; i++)
        for (size_t j = 0; j <= n_b; j++) {
            if (!i || !j) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            const unsigned cost = a[i - 1] != b[j - 1];
            d[i][j] = least(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1, d[i][j]);
        }
    return d[n_a][n_b];
}

bool cli_words_near(const char *word, const char *name, unsigned *distance)
{
    *distance = distance_of(word, name);
    // Half of a short word's letters wrong is another word.
    return *distance <= 2 && *distance * 2 <= strlen(name);
}

static void keep_nearer(const char *word, const char *name, const char **best, unsigned *best_far)
{
    unsigned far;
    if (cli_words_near(word, name, &far) && far < *best_far) {
        *best = name;
        *best_far = far;
    }
}

const char *cli_command_like(const char *word, const char *group)
{
    const char *best = NULL;
    unsigned best_far = LONGEST_WORD;
    const struct cli_command *c;
    for (size_t i = 0; (c = cli_command_at(i)); i++) {
        const char *space = strchr(c->name, ' ');
        if (group && cli_command_in(c, group))
            keep_nearer(word, space + 1, &best, &best_far);
        else if (!group && !space)
            keep_nearer(word, c->name, &best, &best_far);
    }
    const struct cli_group *g;
    for (size_t i = 0; !group && (g = cli_group_at(i)); i++)
        keep_nearer(word, g->name, &best, &best_far);
    return best;
}
