/* server/cmd_device.c - `ferryd device`: what an operator decides about one device. A decision and
 * its line in the audit log are one transaction; a running server sees it at the next request. */
#include <limits.h>

#include "admin_device.h"
#include "command_state.h"
#include "store_fleet.h"

enum { OPT_GROUP = CLI_OPT_OWN, OPT_STATE };

struct listing {
    struct command_state *s;
    cJSON *rows;
};

/** A text, or "-" where nothing was said. */
static const char *said(const char *text)
{
    return text[0] ? text : "-";
}

static void list_device(void *ctx, const struct device *d, const struct report *r)
{
    const struct listing *l = ctx;
    char when[COMMAND_TIME_BYTES];
    cJSON *const row = device_json(d);
    cJSON_AddItemToArray(l->rows, row);
    cJSON_AddItemToObject(row, "report", report_json(r));
    cli_text(l->s->call->out, "%-24s %-16s %-9s %-13s %-16s %s\n", d->id, d->fleet, device_word(d),
             said(report_state(r)), said(r->version), command_time(r->seen, when));
}

static int list(struct command_state *s)
{
    const char *group = cli_value(s->call, OPT_GROUP), *state = cli_value(s->call, OPT_STATE);
    const struct fleet_filter filter = {.after = "",
                                        .start = "",
                                        .fleet = group ? group : "",
                                        .state = state ? state : "",
                                        .most = UINT_MAX};
    struct listing l = {s, cJSON_AddArrayToObject(cli_json(s->call->out), "devices")};
    cli_text(s->call->out, "%-24s %-16s %-9s %-13s %-16s %s\n", "DEVICE", "GROUP", "STATE",
             "REPORTS", "VERSION", "SEEN");
    const enum db_result result = fleet_list(s->db, &filter, list_device, &l);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static void show_event(void *ctx, const struct report *e)
{
    const struct listing *l = ctx;
    char when[COMMAND_TIME_BYTES];
    cJSON_AddItemToArray(l->rows, event_json(e));
    cli_text(l->s->call->out, "  %s  %-13s %s%s%s\n", command_time(e->at, when), e->state,
             said(e->version), e->reason[0] ? ": " : "", e->reason);
}

static enum db_result show_report(struct command_state *s, cJSON *row, const char *id)
{
    struct report r = {0};
    char when[COMMAND_TIME_BYTES];
    enum db_result result = report_find(s->db, id, &r);
    if (result != DB_ROW && result != DB_OK)
        return result;
    cJSON_AddItemToObject(row, "report", report_json(&r));
    cli_text(s->call->out, "  project %s, chip %s, slot of %lld bytes, last seen %s\n",
             said(r.project), said(r.chip), (long long)r.slot_bytes, command_time(r.seen, when));
    struct listing l = {s, cJSON_AddArrayToObject(row, "history")};
    return report_history(s->db, id, show_event, &l);
}

static void show_certificate(void *ctx, const struct certificate *c)
{
    const struct listing *l = ctx;
    char from[COMMAND_TIME_BYTES], until[COMMAND_TIME_BYTES];
    cJSON_AddItemToArray(l->rows, certificate_json(c, l->s->now));
    cli_text(l->s->call->out, "  certificate %.16s...  %-7s issued %s, good until %s\n", c->sha256,
             certificate_word(c, l->s->now), command_time(c->issued, from),
             command_time(c->not_after, until));
}

static int show(struct command_state *s)
{
    struct device d;
    char when[COMMAND_TIME_BYTES];
    struct admin a = command_state_admin(s);
    if (admin_device_find(&a, s->call->args[1], &d) != ADMIN_DONE)
        return command_state_admin_failed(s, &a, NULL);
    cJSON *row = device_json(&d);
    cJSON_AddItemToObject(cli_json(s->call->out), "device", row);
    struct listing l = {s, cJSON_AddArrayToObject(row, "certificates")};
    cli_text(s->call->out, "%s  group %s  %s since %s\n", d.id, d.fleet, device_word(&d),
             command_time(d.revoked    ? d.revoked
                          : d.released ? d.released
                                       : d.created,
                          when));
    enum db_result result = certificate_list(s->db, d.id, show_certificate, &l);
    if (result == DB_OK)
        result = show_report(s, row, d.id);
    return result == DB_OK ? cli_done(s->call->out) : command_state_db_failed(s, result);
}

static int decide(struct cli_call *call, enum device_decision what, const char *done)
{
    struct command_state s;
    int exit_code = command_state_open(&s, call, true);
    if (exit_code == CLI_EXIT_OK) {
        const char *const id = call->args[1];
        struct admin a = command_state_admin(&s);
        if (admin_device_decide(&a, id, what) != ADMIN_DONE) {
            exit_code = command_state_admin_failed(&s, &a, NULL);
        } else {
            cJSON_AddStringToObject(cli_json(call->out), "device", id);
            cli_text(call->out, "%s: %s.\n", id, done);
            exit_code = cli_done(call->out);
        }
    }
    return command_state_close(&s, exit_code);
}

static int run_list(struct cli_call *call)
{
    return command_state_run(call, list);
}

static int run_show(struct cli_call *call)
{
    return command_state_run(call, show);
}

static int run_release(struct cli_call *call)
{
    return decide(call, DEVICE_RELEASE, "another key may enrol once, with a token for this id");
}

static int run_revoke(struct cli_call *call)
{
    return decide(call, DEVICE_REVOKE,
                  "nothing it sends is accepted any more, from the next request on");
}

static int run_restore(struct cli_call *call)
{
    return decide(call, DEVICE_RESTORE, "it counts again, and may enrol with a token");
}

static int run_remove(struct cli_call *call)
{
    return decide(call, DEVICE_REMOVE, "it is forgotten with its certificates and reports");
}

static const struct argp_option list_options[] = {
    {"group", OPT_GROUP, "NAME", 0, "Only the devices of this group", 0},
    {"state", OPT_STATE, "STATE", 0,
     "Only those that report this state: idle, downloading, installed, confirmed, failed, "
     "rolled_back, needs_release, no_rollback; or updating, or attention",
     0},
    {0},
};

const struct cli_command cli_cmd_device_list = {
    .name = "device list",
    .summary = "list the devices and what they report",
    .args = "DIR",
    .min_args = 1,
    .max_args = 1,
    .options = list_options,
    .run = run_list,
};

const struct cli_command cli_cmd_device_show = {
    .name = "device show",
    .summary = "show a device, its certificates and what it reported",
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
