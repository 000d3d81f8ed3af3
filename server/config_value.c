/* server/config_value.c - reads and shows one setting. */
#include "config_value.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "address.h"

bool config_refuse(char why[CONFIG_WHY_BYTES], const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, CONFIG_WHY_BYTES, fmt, ap);
    va_end(ap);
    return false;
}

static bool set_number(config_number *to, const struct config_row *row, const char *text,
                       char why[CONFIG_WHY_BYTES])
{
    uint64_t n = 0;
    const size_t n_text = strlen(text);
    bool is_number = n_text > 0 && n_text <= 10;
    for (size_t i = 0; i < n_text && is_number; i++) {
        is_number = text[i] >= '0' && text[i] <= '9';
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    if (!is_number || n < row->least || n > row->most)
        return config_refuse(why, "%s takes a number from %u to %u, not '%.60s'", row->key,
                             row->least, row->most, text);
    *to = (uint32_t)n;
    return true;
}

static bool set_switch(config_switch *to, const struct config_row *row, const char *text,
                       char why[CONFIG_WHY_BYTES])
{
    const bool is_on = !strcmp(text, "on");
    if (!is_on && strcmp(text, "off") != 0)
        return config_refuse(why, "%s takes on or off, not '%.60s'", row->key, text);
    *to = is_on;
    return true;
}

/** True if the text is a list of networks, of any length. */
static bool are_networks(const char *text)
{
    struct address_network network;
    while (*(text += strspn(text, " "))) {
        if (!address_network(&text, &network))
            return false;
    }
    return true;
}

static bool check_text(const struct config_row *row, const char *text, char why[CONFIG_WHY_BYTES])
{
    struct address_bind where;
    switch (row->type) {
    case CONFIG_DOOR:
        if (!strcmp(text, "off") || address_bind(text, &where))
            return true;
        return config_refuse(why, "%s takes off or HOST:PORT with a numeric host, not '%.100s'",
                             row->key, text);
    case CONFIG_SOCKET:
        if (!strcmp(text, "off") || (!strncmp(text, "unix:", 5) && text[5]) ||
            address_bind(text, &where))
            return true;
        return config_refuse(why,
                             "%s takes off, HOST:PORT with a numeric host, or unix:PATH, not "
                             "'%.100s'",
                             row->key, text);
    case CONFIG_URL:
        if (!*text || (!strncmp(text, "https://", 8) && text[8] && !strpbrk(text, " #?\"'")))
            return true;
        return config_refuse(why, "%s takes an address that begins with https://, not '%.100s'",
                             row->key, text);
    case CONFIG_NETWORKS:
        if (are_networks(text))
            return true;
        return config_refuse(why, "%s takes networks as 10.0.0.0/8 or ::1/128, not '%.100s'",
                             row->key, text);
    case CONFIG_TEXT:
    case CONFIG_SWITCH:
    case CONFIG_NUMBER:
        break;
    }
    return true;
}

bool config_set(struct config *c, const struct config_row *row, const char *value, size_t n,
                char why[CONFIG_WHY_BYTES])
{
    config_text text;
    void *const to = (char *)c + row->offset;
    if (n >= sizeof(text))
        return config_refuse(why, "the value of %s is longer than %zu bytes", row->key,
                             sizeof(text) - 1);
    memcpy(text, value, n);
    text[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return config_refuse(why, "the value of %s holds a control character", row->key);
    if (row->type == CONFIG_NUMBER)
        return set_number(to, row, text, why);
    if (row->type == CONFIG_SWITCH)
        return set_switch(to, row, text, why);
    if (!check_text(row, text, why))
        return false;
    memcpy(to, text, n + 1);
    return true;
}

void config_show(const struct config *c, const struct config_row *row, config_text out)
{
    const void *const from = (const char *)c + row->offset;
    if (row->type == CONFIG_NUMBER)
        snprintf(out, CONFIG_TEXT_BYTES, "%u", *(const config_number *)from);
    else if (row->type == CONFIG_SWITCH)
        snprintf(out, CONFIG_TEXT_BYTES, "%s", *(const config_switch *)from ? "on" : "off");
    else
        snprintf(out, CONFIG_TEXT_BYTES, "%s", (const char *)from);
}
