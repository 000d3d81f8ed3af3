/* server/config_value.h - one setting: what its text must look like. */
#ifndef SERVER_CONFIG_VALUE_H
#define SERVER_CONFIG_VALUE_H

#include "config.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_DOOR,     // off or HOST:PORT
    CONFIG_SOCKET,   // off, HOST:PORT or unix:PATH
    CONFIG_URL,      // https://..., or nothing
    CONFIG_NETWORKS, // ADDRESS/BITS ...
    CONFIG_SWITCH,   // on, off
    CONFIG_NUMBER
};

/** A row of the table of settings. */
struct config_row {
    const char *key;
    enum config_type type;
    size_t offset; // in struct config
    uint32_t least, most;
    const char *value; // that it has by default
    const char *about;
};

/** Sets one setting. False: why says the value and what it may be. */
bool config_set(struct config *c, const struct config_row *row, const char *value, size_t n,
                char why[CONFIG_WHY_BYTES]);

/** Its text. */
void config_show(const struct config *c, const struct config_row *row, config_text out);

/** Fills why and returns false. */
__attribute__((format(printf, 2, 3))) bool config_refuse(char why[CONFIG_WHY_BYTES],
                                                         const char *fmt, ...);

#endif
