/* cli/http_args.h - the options that say how to ask a server; the same for every command that
 * fetches something. */
#ifndef CLI_HTTP_ARGS_H
#define CLI_HTTP_ARGS_H

#include "agent/retry.h"
#include "agent/source_http.h"
#include "command.h"

#define CLI_HTTP_HEADERS 32u // most --header options

/* Their keys; a command's own stay below. */
enum {
    CLI_OPT_CA = CLI_OPT_OWN + 0x80,
    CLI_OPT_USER,
    CLI_OPT_HEADER,
    CLI_OPT_CERT,
    CLI_OPT_KEY,
    CLI_OPT_CONNECT_TIMEOUT,
    CLI_OPT_STALL_TIMEOUT,
    CLI_OPT_RETRIES,
};

/** Rows for struct cli_command.options; `group` is their place in the help. */
#define CLI_HTTP_OPTIONS(group)                                                                    \
    {0, 0, 0, 0, "How to ask a server:", group},                                                   \
        {"ca", CLI_OPT_CA, "FILE", 0, "Trust these certificates (PEM) instead of the system's",    \
         group},                                                                                   \
        {"user", CLI_OPT_USER, "NAME:PASSWORD", 0, "Basic authentication", group},                 \
        {"header", CLI_OPT_HEADER, "'NAME: VALUE'", 0, "One more header; may be repeated", group}, \
        {"cert", CLI_OPT_CERT, "FILE", 0, "Client certificate (PEM)", group},                      \
        {"key", CLI_OPT_KEY, "FILE", 0, "Its key (PEM), if not in the same file", group},          \
        {"connect-timeout",                                                                        \
         CLI_OPT_CONNECT_TIMEOUT,                                                                  \
         "S",                                                                                      \
         0,                                                                                        \
         "Seconds to wait for a connection (10)",                                                  \
         group},                                                                                   \
        {"stall-timeout",                                                                          \
         CLI_OPT_STALL_TIMEOUT,                                                                    \
         "S",                                                                                      \
         0,                                                                                        \
         "Seconds to wait for the next byte (30)",                                                 \
         group},                                                                                   \
    {                                                                                              \
        "retries", CLI_OPT_RETRIES, "N", 0,                                                        \
            "Tries after a failure, while no new byte comes (5; 0: none)", group                   \
    }

/** What the options say; pointers go into argv or into this struct. */
struct cli_http_args {
    struct ferry_http_options http; // secrets_for is the command's to set
    struct ferry_retry retry;       // its callbacks are the command's
    char *user;                     // "name", its password behind the NUL
    const char *headers[CLI_HTTP_HEADERS];
};

/** Reads the options into *a, which is all zero. Returns CLI_EXIT_OK or the exit code after
 * complaining. */
int cli_http_read_args(const struct cli_call *call, struct cli_http_args *a);

void cli_http_free_args(struct cli_http_args *a);

#endif
