/* cli/http_args.c - how to ask a server, from the command line. */
#include "http_args.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MOST_S 86400u
#define RETRIES_MOST   1000u

/** Splits NAME:PASSWORD in a copy of it. */
static int read_user(const struct cli_call *call, struct cli_http_args *a)
{
    const char *user = cli_value(call, CLI_OPT_USER);
    if (!user)
        return CLI_EXIT_OK;
    a->user = strdup(user);
    if (!a->user)
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    char *colon = strchr(a->user, ':');
    if (!colon)
        return cli_usage(call, "--user takes NAME:PASSWORD");
    *colon = '\0';
    a->http.user = a->user;
    a->http.password = colon + 1;
    return CLI_EXIT_OK;
}

static int read_headers(const struct cli_call *call, struct cli_http_args *a)
{
    const char *header;
    for (int i = 0; (header = cli_value_at(call, CLI_OPT_HEADER, i)); i++) {
        if (a->http.n_headers == CLI_HTTP_HEADERS)
            return cli_usage(call, "more than %u --header", CLI_HTTP_HEADERS);
        if (!strchr(header, ':'))
            return cli_usage(call, "--header takes 'NAME: VALUE', not '%s'", header);
        a->headers[a->http.n_headers++] = header;
    }
    a->http.headers = a->headers;
    return CLI_EXIT_OK;
}

static int read_limits(const struct cli_call *call, struct cli_http_args *a)
{
    uint32_t connect_s = FERRY_HTTP_CONNECT_TIMEOUT_MS / 1000;
    uint32_t stall_s = FERRY_HTTP_STALL_TIMEOUT_MS / 1000;
    a->retry.n_most = FERRY_RETRY_TRIES;
    if (!cli_number(call, CLI_OPT_RETRIES, RETRIES_MOST, &a->retry.n_most) ||
        !cli_number(call, CLI_OPT_CONNECT_TIMEOUT, TIMEOUT_MOST_S, &connect_s) ||
        !cli_number(call, CLI_OPT_STALL_TIMEOUT, TIMEOUT_MOST_S, &stall_s))
        return CLI_EXIT_USAGE;
    if (!connect_s || !stall_s)
        return cli_usage(call, "a time limit is at least 1 second");
    a->http.connect_timeout_ms = connect_s * 1000;
    a->http.stall_timeout_ms = stall_s * 1000;
    return CLI_EXIT_OK;
}

int cli_http_read_args(const struct cli_call *call, struct cli_http_args *a)
{
    // The user has named the server and is told that nothing vouches for it.
    a->http.allow_plain_http = true;
    a->http.ca_file = cli_value(call, CLI_OPT_CA);
    a->http.cert_file = cli_value(call, CLI_OPT_CERT);
    a->http.key_file = cli_value(call, CLI_OPT_KEY);
    if (a->http.key_file && !a->http.cert_file)
        return cli_usage(call, "--key needs --cert");
    int exit_code = read_limits(call, a);
    if (!exit_code)
        exit_code = read_headers(call, a);
    return exit_code ? exit_code : read_user(call, a);
}

void cli_http_free_args(struct cli_http_args *a)
{
    free(a->user);
    a->user = NULL;
}
