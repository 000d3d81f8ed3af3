/* server/cmd_device.c - `ferryd device`: what an operator decides about one device. A decision and
 * its line in the audit log are one transaction; a running server sees it at the next request. */
#include <stdio.h>
#include <string.h>

#include "audit.h"
#include "command_state.h"
#include "store_certificate.h"
#include "store_device.h"

enum { OPT_GROUP = CLI_OPT_OWN };

static const char *state_of(const struct device *d)
{
    return d->revoked          ? "revoked"
           : d->released       ? "released"
           : !d->key_sha256[0] ? "new"
                               : "enrolled";
}

static cJSON *describe(const struct device *d)
{
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "device", d->id);
    cJSON_AddStringToObject(row, "group", d->fleet);
    cJSON_AddStringToObject(row, "state", state_of(d));
    cJSON_AddStringToObject(row, "key_sha256", d->key_sha256);
    cJSON_AddNumberToObject(row, "created", (double)d->created);
    return row;
}

struct listing {
    struct command_state *s;
    cJSON *rows;
};

static void list_device(void *ctx, const struct device *d)
{
    const struct listing *l = ctx;
    char when[COMMAND_TIME_BYTES];
    cJSON_AddItemToArray(l->rows, describe(d));
    cli_text(l->s->call->out, "%-24s %-16s %-9s %s\n", d->id, d->fleet, state_of(d),
             command_time(d->created, when));
}

static int list(struct command_state *s)
{
    const char *group = cli_value(s->call, OPT_GROUP);
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "devices")};
    cli_text(s->call->out, "%-24s %-16s %-9s %s\n", "DEVICE", "GROUP", "STATE", "SINCE");
    const enum db_result result = device_list(s->db, group ? group : "", list_device, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static void show_certificate(void *ctx, const char *sha256, const struct certificate *c)
{
    const struct listing *l = ctx;
    char from[COMMAND_TIME_BYTES], until[COMMAND_TIME_BYTES];
    const char *state = c->is_revoked ? "revoked" : l->s->now > c->not_after ? "expired" : "good";
    cJSON *row = cJSON_CreateObject();
    cJSON_AddStringToObject(row, "sha256", sha256);
    cJSON_AddStringToObject(row, "issuer_sha256", c->issuer_sha256);
    cJSON_AddStringToObject(row, "key_sha256", c->key_sha256);
    cJSON_AddStringToObject(row, "state", state);
    cJSON_AddNumberToObject(row, "issued", (double)c->issued);
    cJSON_AddNumberToObject(row, "expires", (double)c->not_after);
    cJSON_AddItemToArray(l->rows, row);
    cli_text(l->s->call->out, "  certificate %.16s...  %-7s issued %s, good until %s\n", sha256,
             state, command_time(c->issued, from), command_time(c->not_after, until));
}

/* Says that there is no such device. */
static int fail_unknown(struct command_state *s)
{
    return cli_fail_text(s->call->out, FERRY_ERR_NOT_FOUND, "no device has the id %s",
                         s->call->args[1]);
}

static int show(struct command_state *s)
{
    struct device d;
    char when[COMMAND_TIME_BYTES];
    enum db_result result = device_find(s->db, s->call->args[1], &d);
    if (result != DB_ROW)
        return result == DB_OK ? fail_unknown(s) : command_state_db_failed(s, result);
    cJSON *row = describe(&d);
    cJSON_AddItemToObject(cli_json(s->call->out), "device", row);
    struct listing l = {s, cJSON_AddArrayToObject(row, "certificates")};
    cli_text(s->call->out, "%s  group %s  %s since %s\n", d.id, d.fleet, state_of(&d),
             command_time(d.revoked    ? d.revoked
                          : d.released ? d.released
                                       : d.created,
                          when));
    result = certificate_list(s->db, d.id, show_certificate, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

/* A decision: what it does to the row of a device that is there. */
struct decision {
    const char *action; // for the audit log
    enum db_result (*change)(struct db *db, const struct device *d, int64_t now);
    const char *done; // sentence, with %s for the id
};

static enum db_result release(struct db *db, const struct device *d, int64_t now)
{
    return device_set_state(db, d->id, now, d->revoked);
}

static enum db_result revoke(struct db *db, const struct device *d, int64_t now)
{
    const enum db_result result = certificate_revoke_all(db, d->id, now);
    return result == DB_OK ? device_set_state(db, d->id, 0, now) : result;
}

static enum db_result restore(struct db *db, const struct device *d, int64_t now)
{
    // Its certificates stay revoked: it comes back by enrolling, with whatever key it has.
    return device_set_state(db, d->id, now, 0);
}

static enum db_result take_out(struct db *db, const struct device *d, int64_t now)
{
    (void)now;
    return device_remove(db, d->id);
}

struct deciding {
    const struct decision *decision;
    const char *id;
    int64_t now;
    bool is_known;
};

static enum db_result decide_work(struct db *db, void *ctx)
{
    struct deciding *w = ctx;
    struct device d;
    enum db_result result = device_find(db, w->id, &d);
    w->is_known = result == DB_ROW;
    if (result != DB_ROW)
        return result;
    result = w->decision->change(db, &d, w->now);
    return result == DB_OK ? audit_add(db, "command line", w->decision->action, d.id, NULL)
                           : result;
}

static int decide(struct cli_call *call, const struct decision *decision)
{
    struct command_state s;
    int exit_code = command_state_open(&s, call, true);
    if (exit_code == CLI_EXIT_OK) {
        struct deciding w = {.decision = decision, .id = call->args[1], .now = s.now};
        const enum db_result result = db_transaction(s.db, decide_work, &w);
        if (result != DB_OK) {
            exit_code = command_state_db_failed(&s, result);
        } else if (!w.is_known) {
            exit_code = fail_unknown(&s);
        } else {
            cJSON_AddStringToObject(cli_json(call->out), "device", w.id);
            cli_text(call->out, "%s: %s.\n", w.id, decision->done);
            exit_code = cli_done(call->out);
        }
    }
    return command_state_close(&s, exit_code);
}

static int run_list(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? list(&s) : exit_code);
}

static int run_show(struct cli_call *call)
{
    struct command_state s;
    const int exit_code = command_state_open(&s, call, true);
    return command_state_close(&s, exit_code == CLI_EXIT_OK ? show(&s) : exit_code);
}

static int run_release(struct cli_call *call)
{
    static const struct decision d = {"release device", release,
                                      "another key may enrol once, with a token for this id"};
    return decide(call, &d);
}

static int run_revoke(struct cli_call *call)
{
    static const struct decision d = {
        "revoke device", revoke, "nothing it sends is accepted any more, from the next request on"};
    return decide(call, &d);
}

static int run_restore(struct cli_call *call)
{
    static const struct decision d = {"restore device", restore,
                                      "it counts again, and may enrol with a token"};
    return decide(call, &d);
}

static int run_remove(struct cli_call *call)
{
    static const struct decision d = {"remove device", take_out,
                                      "it is forgotten with its certificates and reports"};
    return decide(call, &d);
}

static const struct argp_option list_options[] = {
    {"group", OPT_GROUP, "NAME", 0, "Only the devices of this group", 0},
    {0},
};

const struct cli_command cli_cmd_device_list = {
    .name = "device list",
    .summary = "list the devices",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_cmd_device_show = {
    .name = "device show",
    .summary = "show a device and its certificates",
    .args = "DIR ID",
    .min_args = 2,
    .max_args = 2,
    .run = run_show,
};

const struct cli_command cli_cmd_device_release = {
    .name = "device release",
    .summary = "let a device that lost its key enrol again",
    .args = "DIR ID",
    .about = "The next enrolment of ID may come with another key, once. It needs a token for ID "
             "that has not expired; one that is used up is good enough. With the new key, all "
             "certificates of the old one are revoked.",
    .min_args = 2,
    .max_args = 2,
    .run = run_release,
};

const struct cli_command cli_cmd_device_revoke = {
    .name = "device revoke",
    .summary = "refuse a device and all its certificates",
    .args = "DIR ID",
    .about = "Takes effect on the device's next request, also on connections that are open and on "
             "TLS sessions that are resumed.",
    .min_args = 2,
    .max_args = 2,
    .run = run_revoke,
};

const struct cli_command cli_cmd_device_restore = {
    .name = "device restore",
    .summary = "let a revoked device enrol again",
    .args = "DIR ID",
    .about = "Its former certificates stay revoked; it needs a token.",
    .min_args = 2,
    .max_args = 2,
    .run = run_restore,
};

const struct cli_command cli_cmd_device_remove = {
    .name = "device remove",
    .summary = "forget a device",
    .args = "DIR ID",
    .about = "Its certificates are unknown from then on. Its id may be given away again. To keep "
             "it out, revoke it instead.",
    .min_args = 2,
    .max_args = 2,
    .run = run_remove,
};
