/* host/esptool_words.c - what esptool says of a chip. */
#include "esptool_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 256u

/** Copies the next line without terminal codes and control characters. False at the end. */
static bool next_line(const char **at, char line[LINE_BYTES])
{
    const char *t = *at;
    size_t n = 0;
    if (!*t)
        return false;
    for (; *t && *t != '\n' && *t != '\r'; t++) {
        if (t[0] == '\033' && t[1] == '[') {
            for (t += 2; *t && !isalpha((unsigned char)*t) && *t != '\n'; t++)
                ;
            if (!*t || *t == '\n')
                break;
        } else if ((unsigned char)*t >= ' ' && *t != 0x7f && n + 1 < LINE_BYTES) {
            line[n++] = *t;
        }
    }
    while (n && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    *at = *t ? t + 1 : t;
    return true;
}

/** What follows the words in the line, blanks passed over; NULL: the line has not got them. */
static const char *after(const char *line, const char *words)
{
    const char *const at = strstr(line, words);
    return at ? at + strlen(words) + strspn(at + strlen(words), " ") : NULL;
}

/** "ESP32-C3 (QFN32)" and "ESP32-D0WD-V3": the chip whose name is the longest beginning. */
static const struct ferry_chip *chip_named(const char *text)
{
    char name[32];
    size_t n = 0;
    const struct ferry_chip *best = NULL;
    for (; *text && *text != ' ' && *text != '(' && n + 1 < sizeof(name); text++)
        if (*text != '-')
            name[n++] = (char)tolower((unsigned char)*text);
    name[n] = '\0';
    for (size_t i = 0; ferry_chip_at(i); i++) {
        const struct ferry_chip *const chip = ferry_chip_at(i);
        const size_t length = strlen(chip->name);
        if (!strncmp(name, chip->name, length) && (!best || length > strlen(best->name)))
            best = chip;
    }
    return best;
}

static void take_revision(const char *text, struct ferry_chip_facts *f)
{
    char *end;
    const unsigned long major = strtoul(text, &end, 10);
    const unsigned long minor = *end == '.' ? strtoul(end + 1, &end, 10) : 0;
    if (*end != ')' || major > 99 || minor > 99)
        return;
    f->revision = (uint16_t)(major * 100 + minor);
    f->has_revision = true;
}

static void take_size(const char *text, struct ferry_chip_facts *f)
{
    char *end;
    const unsigned long n = strtoul(text, &end, 10);
    if (!strncmp(end, "MB", 2) && n >= 1 && n <= 2048)
        f->flash_bytes = (uint32_t)n << 20;
    else if (!strncmp(end, "KB", 2) && n >= 256 && n <= 1024 * 1024 && n % 4 == 0)
        f->flash_bytes = (uint32_t)n << 10;
}

static void take_mac(const char *text, struct ferry_chip_facts *f)
{
    const size_t n = strspn(text, "0123456789abcdefABCDEF:");
    if (n == 17 || n == 23) {
        memcpy(f->mac, text, n);
        f->mac[n] = '\0';
    }
}

void ferry_esptool_facts(const char *output, struct ferry_chip_facts *f)
{
    // Version 5, version 4, and what 4 says before it knows more.
    static const char *const chips[] = {"Chip type:", "Chip is ", "Detecting chip type..."};
    char line[LINE_BYTES];
    memset(f, 0, sizeof(*f));
    while (next_line(&output, line)) {
        const char *text;
        for (size_t i = 0; i < sizeof(chips) / sizeof(*chips); i++)
            if ((text = after(line, chips[i])) && chip_named(text))
                f->chip = chip_named(text);
        if ((text = after(line, "(revision v")))
            take_revision(text, f);
        if ((text = after(line, "Detected flash size:")))
            take_size(text, f);
        if ((text = after(line, "MAC:")) && !f->mac[0])
            take_mac(text, f);
    }
}

unsigned ferry_esptool_major(const char *output)
{
    char line[LINE_BYTES];
    while (next_line(&output, line)) {
        const char *text = after(line, "esptool v");
        if (!text)
            text = after(line, "esptool.py v");
        if (text && isdigit((unsigned char)*text) && strtoul(text, NULL, 10) < 100)
            return (unsigned)strtoul(text, NULL, 10);
    }
    return 0;
}

const char *ferry_esptool_reason(const char *output, char *buf, size_t n_bytes)
{
    char line[LINE_BYTES], last[LINE_BYTES] = "it said nothing";
    bool is_reason = false;
    while (next_line(&output, line)) {
        const bool says = strstr(line, "fatal error") || strstr(line, "Error: ");
        if (!*line || (is_reason && !says))
            continue;
        is_reason = says;
        strcpy(last, line);
    }
    buf[0] = '\0';
    strncat(buf, last, n_bytes - 1);
    return buf;
}
