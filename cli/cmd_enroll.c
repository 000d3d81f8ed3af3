/* cli/cmd_enroll.c - `ferry enroll`: a virtual device is told its server and gets a certificate.
 * What the agent does by itself at its first start, done at the bench and now. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent_words.h"
#include "device_args.h"
#include "interrupt.h"
#include "read_file.h"

enum { OPT_OFFLINE = CLI_OPT_OWN, OPT_AGAIN, OPT_PROJECT, OPT_SSID, OPT_PASSWORD_FILE };

static const struct argp_option options[] = {
    {"offline", OPT_OFFLINE, 0, 0,
     "Only write what the device needs; it enrols at its first start with a network", 0},
    {"again", OPT_AGAIN, 0, 0,
     "Also a device that is enrolled: its certificate is given up before the new token is accepted",
     0},
    {"project", OPT_PROJECT, "NAME", 0,
     "Also write which application the device is for: project_name of its images. A device that "
     "has one knows",
     0},
    {"wifi-ssid", OPT_SSID, "NAME", 0, "Also write the name of the Wi-Fi network", 0},
    {"wifi-password-file", OPT_PASSWORD_FILE, "FILE", 0,
     "Also write the network's password, the first line of FILE", 0},
    {0},
};

/* The first line of a file, or of standard input ("-"), into line. */
static int first_line(const struct cli_call *call, const char *path, char *line, size_t n_line)
{
    uint8_t *bytes;
    size_t n;
    int os_errno;
    const char *from = strcmp(path, "-") == 0 ? "/dev/stdin" : path;
    const ferry_err err = ferry_read_file(from, 4096, &bytes, &n, &os_errno);
    if (err)
        return cli_fail_err(call->out, err, &(struct ferry_about){path, NULL, strerror(os_errno)});
    size_t end = 0;
    while (end < n && bytes[end] != '\n' && bytes[end] != '\r' && bytes[end])
        end++;
    if (end < n_line) {
        memcpy(line, bytes, end);
        line[end] = '\0';
    }
    explicit_bzero(bytes, n);
    free(bytes);
    return end < n_line ? CLI_EXIT_OK
                        : cli_fail_text(call->out, FERRY_ERR_RANGE,
                                        "the first line of %s has %zu characters; at most %zu fit",
                                        path, end, n_line - 1);
}

static int read_join(const struct cli_call *call, struct ferry_join *join)
{
    static char line[1024];
    const char *text = call->args[1];
    const char *why = NULL;
    if (text[0] == '@' || strcmp(text, "-") == 0) {
        const int exit_code =
            first_line(call, text[0] == '@' ? text + 1 : text, line, sizeof(line));
        if (exit_code)
            return exit_code;
        text = line;
    }
    const ferry_err err = ferry_join_parse(text, join, &why);
    if (!err)
        return CLI_EXIT_OK;
    return cli_fail_err(call->out, err, &(struct ferry_about){.detail = why});
}

/* What is written beside the join string; NULL: not. */
struct beside {
    const char *project, *ssid;
    const char *password_file;
    char password[65];
};

/* All of it is looked at before the first byte is written. */
static int read_beside(const struct cli_call *call, struct beside *b)
{
    *b = (struct beside){.project = cli_value(call, OPT_PROJECT),
                         .ssid = cli_value(call, OPT_SSID),
                         .password_file = cli_value(call, OPT_PASSWORD_FILE)};
    if (b->project && (!*b->project || strlen(b->project) > 31))
        return cli_fail_text(call->out, FERRY_ERR_RANGE,
                             "a project name has 1 to 31 bytes, not %zu", strlen(b->project));
    if (b->ssid && (!*b->ssid || strlen(b->ssid) > 32))
        return cli_fail_text(call->out, FERRY_ERR_RANGE, "a Wi-Fi name has 1 to 32 bytes, not %zu",
                             strlen(b->ssid));
    return b->password_file ? first_line(call, b->password_file, b->password, sizeof(b->password))
                            : CLI_EXIT_OK;
}

static ferry_err write_beside(struct ferry_store *s, const struct beside *b)
{
    ferry_err err = b->project ? ferry_store_set_text(s, "project", b->project) : FERRY_OK;
    if (!err && b->ssid)
        err = ferry_store_set_text(s, "wifi_ssid", b->ssid);
    if (!err && b->password_file)
        err = ferry_store_set_text(s, "wifi_pass", b->password);
    return err;
}

static int enrol(const struct cli_call *call, struct ferry_vagent *g)
{
    struct ferry_client *c = &g->agent.client;
    c->cancel = &cli_interrupt;
    const ferry_err err = ferry_client_enrol(c);
    if (err)
        return cli_agent_fail(call, &c->fault, g->agent.credentials.join.url, c->detail);
    cJSON_AddStringToObject(cli_json(call->out), "id", g->agent.credentials.join.id);
    cli_text(call->out, "Enrolled as %s. The token is erased.\n", g->agent.credentials.join.id);
    return CLI_EXIT_OK;
}

static int provision(const struct cli_call *call, struct ferry_vagent *g,
                     const struct ferry_join *join, const struct beside *beside)
{
    char label[FERRY_LABEL_BYTES + 1];
    struct ferry_store *s = &g->store.store;
    struct ferry_credentials *k = &g->agent.credentials;
    ferry_err err = ferry_vagent_begin(g, &(struct ferry_vagent_start){0});
    if (!err)
        err = ferry_credentials_load(k, s);
    if (!err && k->cert[0] && !cli_has(call, OPT_AGAIN))
        return cli_fail_text(call->out, FERRY_ERR_STATE,
                             "the device is enrolled at %s; --again gives its certificate up for "
                             "this token",
                             k->join.url);
    if (!err)
        err = ferry_credentials_join(k, s, join);
    if (!err)
        err = write_beside(s, beside);
    if (err)
        return cli_fail(call->out, &(struct ferry_fault){.err = err}, NULL);
    snprintf(label, sizeof(label), "%s", g->partition.label);
    cJSON_AddStringToObject(cli_json(call->out), "server", join->url);
    cJSON_AddStringToObject(cli_json(call->out), "partition", label);
    cJSON_AddBoolToObject(cli_json(call->out), "encrypted", g->is_encrypted);
    cli_text(call->out,
             "Server, pin and token are in %s (%s), namespace " FERRY_STORE_NAMESPACE ".\n", label,
             g->is_encrypted ? "encrypted" : "not encrypted");
    return cli_has(call, OPT_OFFLINE) ? CLI_EXIT_OK : enrol(call, g);
}

static int run(struct cli_call *call)
{
    static struct ferry_vdevice v;
    static struct ferry_vagent g;
    struct ferry_join join;
    struct beside beside;
    struct ferry_retry retry = {0};
    if (cli_has(call, CLI_OPT_PORT))
        return cli_usage(call, "a real chip enrols by itself: give its updater the join string");
    int exit_code = read_join(call, &join);
    if (!exit_code)
        exit_code = read_beside(call, &beside);
    if (!exit_code)
        exit_code = cli_open_device(call, &v, true, true);
    if (exit_code)
        return exit_code;
    cli_interrupt_watch();
    cli_interrupt_retry(&retry);
    const ferry_err err = ferry_vagent_open(&g, &v.dev, v.is_dir ? v.path : NULL, &retry);
    if (err) {
        const struct ferry_about none = {.detail = "the device has no partition ferry_nvs or nvs"};
        exit_code = cli_fail(call->out, &g.fault, err == FERRY_ERR_NOT_FOUND ? &none : NULL);
    } else {
        exit_code = provision(call, &g, &join, &beside);
        ferry_vagent_close(&g);
    }
    explicit_bzero(&join, sizeof(join));
    explicit_bzero(&beside, sizeof(beside));
    ferry_vdevice_close(&v);
    return exit_code ? exit_code : cli_done(call->out);
}

static const struct cli_example examples[] = {
    {"ferry enroll dev 'ferry1:https://updates.example.com:8443#PIN#TOKEN'",
     "with the join string that `ferryd token new` printed"},
    {"ferry enroll dev @join.txt --offline", "write it only; the device enrols when it starts"},
    {0},
};

const struct cli_command cli_cmd_enroll = {
    .name = "enroll",
    .summary = "tell a device its update server, and get its certificate",
    .args = "DEVICE JOIN",
    .about = CLI_DEVICE_ABOUT
    "\n\nJOIN is what `ferryd token new` prints; @FILE reads it from a file, - from standard "
    "input, so that the token is not seen in a list of processes. The server is trusted because "
    "its root certificate has the hash that JOIN pins. The device makes its key itself; key and "
    "certificate stay in its NVS: in the partition ferry_nvs, else nvs, encrypted where the table "
    "has a partition nvs_keys. The token is erased once there is a certificate.",
    .min_args = 2,
    .max_args = 2,
    .options = options,
    .shared = cli_device_options,
    .examples = examples,
    .exits = "refused or not reached: the token is kept for the next try",
    .run = run,
};
