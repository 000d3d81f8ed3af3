/* cli/shell_words.c - quoting, and the device of this process. */
#include "shell_words.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static struct {
    char all[CLI_SHELL_WORDS_BYTES]; // "": nothing was opened, or it is too long
    char file[CLI_SHELL_WORDS_BYTES];
} device;

/** What no shell makes anything of, at any place of a word. */
static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_-./:=@%+,", c)) || (unsigned char)c >= 0x80;
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

const char *cli_shell_word(char *buf, size_t n, const char *word, const char *instead)
{
    bool plain = *word != '\0';
    size_t at = 0;
    for (const char *c = word; *c; c++) {
        plain = plain && is_plain(*c);
        if (is_control(*c))
            return instead;
    }
    if (plain)
        return (size_t)snprintf(buf, n, "%s", word) < n ? buf : instead;
    for (const char *c = word; at + 7 < n; c++) { // quote, "'\''", quote and NUL
        if (at == 0)
            buf[at++] = '\'';
        if (!*c) {
            buf[at++] = '\'';
            buf[at] = '\0';
            return buf;
        }
        if (*c == '\'')
            at += (size_t)snprintf(buf + at, n - at, "'\\''");
        else
            buf[at++] = *c;
    }
    return instead;
}

const char *cli_shell_device(void)
{
    return *device.all ? device.all : "DEVICE";
}

const char *cli_shell_file(void)
{
    return *device.file ? device.file : "DUMP";
}

void cli_shell_device_begin(const char *option, const char *path)
{
    char word[CLI_SHELL_WORDS_BYTES];
    device.all[0] = device.file[0] = '\0';
    const char *quoted = cli_shell_word(word, sizeof(word) - 16, path, "");
    if (!*quoted)
        return;
    if (!*option)
        snprintf(device.file, sizeof(device.file), "%s", quoted);
    snprintf(device.all, sizeof(device.all), "%s%s", option, quoted);
}

void cli_shell_device_option(const char *name, const char *value)
{
    char word[CLI_SHELL_WORDS_BYTES];
    const size_t at = strlen(device.all), room = sizeof(device.all) - at;
    const char *quoted = cli_shell_word(word, sizeof(word), value, "");
    if (!at)
        return;
    if (!*quoted || (size_t)snprintf(device.all + at, room, " --%s=%s", name, quoted) >= room)
        device.all[0] = '\0';
}
