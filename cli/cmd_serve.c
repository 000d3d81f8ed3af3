/* cli/cmd_serve.c - `ferry serve`: a folder over http, a file over the sample TCP protocol, for the
 * bench. Options, addresses and the end by a signal are here; the serving is in serve_*.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/source_tcp.h"
#include "command.h"
#include "serve_http.h"
#include "serve_tcp.h"

#define HTTP_PORT 8000u

enum {
    OPT_BIND = CLI_OPT_OWN,
    OPT_PORT,
    OPT_TCP,
    OPT_TCP_PORT,
    OPT_QUIET,
    OPT_THROTTLE,
    OPT_DROP_AFTER,
    OPT_DROPS,
};

static const struct argp_option options[] = {
    {"bind", OPT_BIND, "ADDRESS", 0, "Address to listen on (127.0.0.1; 0.0.0.0: all)", 0},
    {"port", OPT_PORT, "N", 0, "Port of http (8000; 0: any that is free)", 0},
    {"tcp", OPT_TCP, "FILE", 0, "Serve this file over esp-hal-ota's sample protocol as well", 0},
    {"tcp-port", OPT_TCP_PORT, "N", 0, "Port of that (6969; 0: any that is free)", 0},
    {"quiet", OPT_QUIET, 0, 0, "No log", 0},
    {0, 0, 0, 0, "A bad line, for tests:", 1},
    {"throttle", OPT_THROTTLE, "N", 0, "At most N bytes a second for each answer", 1},
    {"drop-after", OPT_DROP_AFTER, "N", 0, "Cut each answer after N bytes", 1},
    {"drops", OPT_DROPS, "N", 0, "Cut only the first N answers", 1},
    {0},
};

/** Everything of one run. Large; threads look into it until the end. */
struct server {
    struct serve serve;
    struct serve_http http;
    struct serve_tcp tcp;
    int http_fd;
    const char *bind;
    uint32_t port, tcp_port;
    char http_name[SERVE_ADDRESS_BYTES], tcp_name[SERVE_ADDRESS_BYTES];
};

static int read_options(const struct cli_call *call, struct server *s)
{
    uint32_t n_drops = UINT32_MAX;
    s->bind = cli_value(call, OPT_BIND) ? cli_value(call, OPT_BIND) : "127.0.0.1";
    s->port = HTTP_PORT;
    s->tcp_port = FERRY_TCP_PORT;
    s->tcp.path = cli_value(call, OPT_TCP);
    s->serve.is_quiet = cli_has(call, OPT_QUIET);
    s->serve.is_json = call->out->json;
    if (!cli_number(call, OPT_PORT, UINT16_MAX, &s->port) ||
        !cli_number(call, OPT_TCP_PORT, UINT16_MAX, &s->tcp_port) ||
        !cli_number(call, OPT_THROTTLE, INT32_MAX, &s->serve.rate) ||
        !cli_number(call, OPT_DROP_AFTER, UINT32_MAX, &s->serve.drop_bytes) ||
        !cli_number(call, OPT_DROPS, UINT32_MAX, &n_drops))
        return CLI_EXIT_USAGE;
    if (cli_has(call, OPT_TCP_PORT) && !s->tcp.path)
        return cli_usage(call, "--tcp-port needs --tcp FILE");
    if (cli_has(call, OPT_DROPS) && !s->serve.drop_bytes)
        return cli_usage(call, "--drops needs --drop-after N");
    atomic_store(&s->serve.n_drops, n_drops);
    return CLI_EXIT_OK;
}

static int open_root(const struct cli_call *call, struct serve *s)
{
    char *real = realpath(call->args[0], NULL);
    s->root_fd = real ? open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    const int reason = errno;
    if (real)
        snprintf(s->root, sizeof(s->root), "%s", real);
    free(real);
    if (s->root_fd >= 0)
        return CLI_EXIT_OK;
    return cli_fail_text(call->out, FERRY_ERR_FILE_OPEN, "cannot serve the folder %s: %s",
                         call->args[0], strerror(reason));
}

static int listen_to(const struct cli_call *call, struct server *s, uint32_t port, int *fd,
                     char name[SERVE_ADDRESS_BYTES])
{
    *fd = serve_listen(s->bind, (uint16_t)port, name);
    if (*fd >= 0)
        return CLI_EXIT_OK;
    if (errno == EADDRNOTAVAIL)
        return cli_fail_text(call->out, FERRY_ERR_NET_CONNECT,
                             "'%s' is no address of this machine in numbers", s->bind);
    return cli_fail_text(call->out, FERRY_ERR_NET_CONNECT, "cannot listen on %s, port %u: %s",
                         s->bind, (unsigned)port, strerror(errno));
}

/** Sockets and library, before anything is said to be there. */
static int prepare(const struct cli_call *call, struct server *s)
{
    char why[256];
    const char *wrong = "";
    uint32_t length, crc;
    if (httpd_library_load(&s->http.lib, why, sizeof(why)))
        return cli_fail_text(call->out, FERRY_ERR_NET_LIBRARY,
                             "libmicrohttpd, which speaks http, cannot be loaded: %s", why);
    if (s->tcp.path && !serve_tcp_measure(s->tcp.path, &length, &crc, &wrong))
        return cli_fail_text(call->out, FERRY_ERR_FILE_OPEN, "cannot serve %s: %s", s->tcp.path,
                             wrong);
    int exit_code = open_root(call, &s->serve);
    if (!exit_code)
        exit_code = listen_to(call, s, s->port, &s->http_fd, s->http_name);
    if (!exit_code && s->tcp.path)
        exit_code = listen_to(call, s, s->tcp_port, &s->tcp.listen_fd, s->tcp_name);
    return exit_code;
}

/** The addresses, at once: scripts wait for them. With --json the object is printed now, because
 * the end comes only with a signal. */
static void announce(const struct cli_call *call, const struct server *s)
{
    char url[SERVE_ADDRESS_BYTES + 16];
    struct cli_output *out = call->out;
    snprintf(url, sizeof(url), "http://%s/", s->http_name);
    cJSON_AddStringToObject(cli_json(out), "http", url);
    cli_text(out, "%s\n", url);
    if (s->tcp.path) {
        snprintf(url, sizeof(url), "tcp://%s", s->tcp_name);
        cJSON_AddStringToObject(cli_json(out), "tcp", url);
        cli_text(out, "%s\n", url);
    }
    (void)cli_done(out);
    cli_output_flush(out);
    out->json = false;
    fflush(stdout);
    if (!serve_is_loopback(s->bind))
        cli_warn(out,
                 "everybody who reaches %s can read what is in %s; this server is for the "
                 "bench and knows neither TLS nor passwords",
                 s->bind, s->serve.root);
}

/** Serves until a signal. They are blocked before any thread begins, so that only this one has
 * them. */
static int serve_all(struct cli_call *call, struct server *s)
{
    sigset_t ends;
    int signal_number;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    if (!serve_http_start(&s->http, s->http_fd))
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    s->http_fd = -1; // the server's now
    if (s->tcp.path && !serve_tcp_start(&s->tcp))
        return cli_fail_err(call->out, FERRY_ERR_NO_MEMORY, NULL);
    announce(call, s);
    sigwait(&ends, &signal_number);
    return CLI_EXIT_OK;
}

static void close_all(struct server *s)
{
    atomic_store(&s->serve.is_stopping, true);
    serve_tcp_stop(&s->tcp);
    serve_http_stop(&s->http);
    if (s->http_fd >= 0)
        close(s->http_fd);
    if (s->serve.root_fd >= 0)
        close(s->serve.root_fd);
}

static int run(struct cli_call *call)
{
    static struct server s;
    s.http_fd = s.serve.root_fd = s.tcp.listen_fd = -1;
    s.http.serve = s.tcp.serve = &s.serve;
    int exit_code = read_options(call, &s);
    if (!exit_code)
        exit_code = prepare(call, &s);
    if (!exit_code)
        exit_code = serve_all(call, &s);
    close_all(&s);
    return exit_code;
}

static const struct cli_example examples[] = {
    {"ferry serve build", "files of the folder, on this machine only, until Ctrl-C"},
    {"ferry update dev http://127.0.0.1:8000/app.json",
     "from the manifest that is made of app.bin when it is asked for"},
    {"ferry serve build --bind 0.0.0.0 --tcp build/app.bin",
     "for boards on the same network, those of esp-hal-ota's example too"},
    {"ferry serve build --drop-after 100K --throttle 20K", "how does a device take a bad line?"},
    {0},
};

const struct cli_command cli_cmd_serve = {
    .name = "serve",
    .summary = "serve firmware from a folder, for the bench",
    .args = "DIR",
    .about = "DIR is served over http: files whole or in parts (Range), lists of folders as a page "
             "or, with ?json, as JSON. An application image NAME.bin has a manifest at NAME.json, "
             "made when it is asked for. Hidden files and links out of the folder are not there "
             "for clients."
             "\n\nThe addresses are printed first. Each request is a line on stderr; with --json "
             "each is an object. Ctrl-C ends it."
             "\n\nThis is no server for a fleet: no TLS, no passwords, 64 clients.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .exits = "the folder cannot be served, or the port is taken",
    .run = run,
};
