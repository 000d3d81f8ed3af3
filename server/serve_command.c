/* server/serve_command.c - `ferryd serve`: the server itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "http_doors.h"
#include "log.h"
#include "service.h"
#include "tcp_door.h"

enum { OPT_CHECK = CLI_OPT_OWN };

/** Prints every setting; what is read is what would be used. */
static int check(struct cli_call *call, const struct config *c)
{
    config_text value;
    const char *key;
    cJSON *const settings = cJSON_AddObjectToObject(cli_json(call->out), "settings");
    for (size_t i = 0; (key = config_key(c, i, value)); i++) {
        // A password may stand in the words for libpq.
        if (!strcmp(key, "database") && !strncmp(value, "postgres:", 9))
            snprintf(value, sizeof(value), "postgres:...");
        cli_text(call->out, "%s = %s\n", key, value);
        cJSON_AddStringToObject(settings, key, value);
    }
    return cli_done(call->out);
}

static void announce_door(struct cli_call *call, cJSON *doors, const char *word, const char *url)
{
    cli_text(call->out, "%-8s %s\n", word, url);
    cJSON_AddStringToObject(doors, word, url);
    log_line(LOG_LEVEL_INFO, "listen", "door=%s at=%s", word, url);
}

/** Says where the doors are, at once: who started it waits for that. */
static void announce(struct cli_call *call, const struct server *s)
{
    const char *word, *url;
    cJSON *const doors = cJSON_AddObjectToObject(cli_json(call->out), "doors");
    for (unsigned i = 0; (url = http_door_url(s->listeners, i, &word)); i++)
        announce_door(call, doors, word, url);
    if (s->tcp)
        announce_door(call, doors, "tcp", tcp_door_url(s->tcp));
    if (call->out->json) {
        char *const text = cJSON_PrintUnformatted(cli_json(call->out));
        puts(text ? text : "{}");
        cJSON_free(text);
        call->out->json = false; // that was the object
    }
    fflush(stdout);
}

static int run(struct cli_call *call)
{
    static struct server server; // too large for a stack, and there is one
    char why[SERVICE_WHY_BYTES];
    const char *const dir = call->args[0];
    if (!config_load(&server.config, dir, why))
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    if (cli_has(call, OPT_CHECK))
        return check(call, &server.config);
    service_block();
    if (!service_open(&server, dir, why))
        return cli_fail_text(call->out, FERRY_ERR_SERVER_STATE, "%s", why);
    announce(call, &server);
    service_run(&server, dir);
    service_close(&server);
    return cli_done(call->out);
}

static const struct argp_option options[] = {
    {"check", OPT_CHECK, 0, 0, "Read the settings, print them all, and end", 0},
    {0},
};

static const struct cli_example examples[] = {
    {"ferryd serve /var/lib/ferryd", "until Ctrl-C, with a line on stderr for each request"},
    {"ferryd serve /var/lib/ferryd --check", "are the settings right?"},
    {0},
};

const struct cli_command cli_cmd_serve = {
    .name = "serve",
    .summary = "run the update server",
    .args = "DIR",
    .about = "DIR is a state folder that `ferryd init` made. Its doors are printed first; settings "
             "are in DIR/ferryd.conf.\n\n"
             "SIGHUP reads settings, certificates and authority again; SIGTERM and Ctrl-C end it "
             "when running answers are done.",
    .min_args = 1,
    .max_args = 1,
    .options = options,
    .examples = examples,
    .exits = "the folder cannot be served, or a port is taken",
    .run = run,
};
