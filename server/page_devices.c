/* server/page_devices.c - devices: what they run, when they were last seen, what is under way. */
#include "page_devices.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin_device.h"
#include "admin_http.h"
#include "html.h"
#include "pages.h"
#include "server.h"
#include "store_fleet.h"

#define ROWS_MOST 100u

/** What a state means to the one who looks: a word and how it is shown. */
static const struct look {
    const char *state, *word, *kind;
} looks[] = {
    {FLEET_ATTENTION, "needing attention", "bad"}, // these two are groups of the others
    {FLEET_UPDATING, "updating", "busy"},
    {"idle", "running", "good"},
    {"confirmed", "confirmed", "good"},
    {"downloading", "downloading", "busy"},
    {"installed", "on trial", "busy"},
    {"failed", "failed", "bad"},
    {"rolled_back", "rolled back", "bad"},
    {"needs_release", "needs release", "bad"},
    {"no_rollback", "no rollback", "bad"},
    {"", "not heard of", "none"},
};

static const struct look *look_of(const char *state)
{
    const struct look *l = looks;
    while (l->state[0] && strcmp(l->state, state) != 0)
        l++;
    return l;
}

static void add_badge(struct ferry_strbuf *out, const struct device *d, const struct report *r)
{
    const struct look *const l = look_of(report_state(r));
    if (d->revoked)
        html_add(out, "<span class=\"badge bad\">revoked</span>");
    else
        html_add(out, "<span class=\"badge %s\">%s</span>", l->kind, l->word);
}

/** A number that leads to the devices behind it. */
static void add_tile(struct ferry_strbuf *out, const char *word, int64_t n, const char *kind,
                     const char *state)
{
    html_add(out, "<a class=\"tile %s\" href=\"/%s%s\"><b>%" PRId64 "</b><span>%s</span></a>\n",
             n ? kind : "", state[0] ? "?state=" : "", state, n, word);
}

/** A second line, if there is something to say. */
static void add_small(struct ferry_strbuf *out, const char *text)
{
    if (!text[0])
        return;
    html_add(out, " <small>");
    html_text(out, text);
    html_add(out, "</small>");
}

/** What is to be said of a state: what comes, or why. */
static const char *about_state(const struct report *r)
{
    return r->coming[0] ? r->coming_version : r->reason;
}

/** A table on its way. */
struct listing {
    struct page *p;
    unsigned n;
    char last[HTTP_ID_BYTES];
};

static void add_row(void *ctx, const struct device *d, const struct report *r)
{
    struct listing *const l = ctx;
    struct ferry_strbuf *const out = &l->p->r->body;
    if (!l->n++)
        html_add(out, "<table>\n<thead><tr><th>Device</th><th>State</th><th>Version</th>"
                      "<th>Last seen</th></tr></thead>\n<tbody>\n");
    memcpy(l->last, d->id, sizeof(l->last));
    html_add(out, "<tr><td><a href=\"/devices/");
    html_query(out, d->id);
    html_add(out, "\">");
    html_text(out, d->id);
    html_add(out, "</a> <small>");
    html_text(out, d->fleet);
    html_add(out, "</small></td><td>");
    add_badge(out, d, r);
    add_small(out, about_state(r));
    html_add(out, "</td><td class=\"middle\">");
    html_text(out, r->version[0] ? r->version : "-");
    add_small(out, r->project);
    html_add(out, "</td><td class=\"tight\">");
    html_ago(out, r->seen, l->p->now);
    html_add(out, "</td></tr>\n");
}

static void add_search(struct ferry_strbuf *out, const struct fleet_filter *f)
{
    html_add(out, "<form class=\"search\" method=\"get\" action=\"/\">\n<label>Device "
                  "<input name=\"q\" value=\"");
    html_text(out, f->start);
    html_add(out, "\" placeholder=\"begins with\" maxlength=\"64\"></label>\n<label>Group "
                  "<input name=\"group\" value=\"");
    html_text(out, f->fleet);
    html_add(out, "\" maxlength=\"64\"></label>\n<label>State <select name=\"state\">\n"
                  "<option value=\"\">any</option>\n");
    for (const struct look *l = looks; l->state[0]; l++)
        html_add(out, "<option value=\"%s\"%s>%s</option>\n", l->state,
                 strcmp(l->state, f->state) == 0 ? " selected" : "", l->word);
    html_add(out, "</select></label>\n<button>Show</button>\n</form>\n");
}

static void add_more(struct ferry_strbuf *out, const struct fleet_filter *f, const char *last)
{
    html_add(out, "<p><a class=\"more\" href=\"/?after=");
    html_query(out, last);
    html_add(out, "&amp;q=");
    html_query(out, f->start);
    html_add(out, "&amp;group=");
    html_query(out, f->fleet);
    html_add(out, "&amp;state=");
    html_query(out, f->state);
    html_add(out, "\">Next %u devices</a></p>\n", ROWS_MOST);
}

static enum db_result add_counts(struct page *p)
{
    struct fleet_counts n;
    struct ferry_strbuf *const out = &p->r->body;
    const int64_t fresh = p->now - 2 * (int64_t)p->s->config.poll_seconds;
    const enum db_result result = fleet_count(p->req->db, fresh, &n);
    html_add(out, "<div class=\"tiles\">\n");
    add_tile(out, n.devices == 1 ? "device" : "devices", n.devices, "", "");
    html_add(out, "<div class=\"tile %s\"><b>%" PRId64 "</b><span>seen lately</span></div>\n",
             n.seen ? "good" : "", n.seen);
    add_tile(out, "updating", n.installing, "busy", FLEET_UPDATING);
    add_tile(out, "need attention", n.failed, "bad", FLEET_ATTENTION);
    html_add(out, "</div>\n");
    return result;
}

void page_devices(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct page p;
    if (!page_begin(&p, s, req, r, "Devices"))
        return;
    struct listing l = {.p = &p};
    const struct fleet_filter filter = {.after = admin_argument(req, "after", ""),
                                        .start = admin_argument(req, "q", ""),
                                        .fleet = admin_argument(req, "group", ""),
                                        .state = admin_argument(req, "state", ""),
                                        .most = ROWS_MOST};
    enum db_result result = add_counts(&p);
    add_search(&r->body, &filter);
    if (result == DB_OK)
        result = fleet_list(req->db, &filter, add_row, &l);
    if (result != DB_OK) {
        page_no_database(&p);
        return;
    }
    const bool is_all =
        !filter.after[0] && !filter.start[0] && !filter.fleet[0] && !filter.state[0];
    if (l.n)
        html_add(&r->body, "</tbody>\n</table>\n");
    else
        html_add(&r->body, "<p class=\"empty\">%s</p>\n",
                 is_all ? "No device yet. <code>ferryd token new</code> makes the line that one "
                          "joins with."
                        : "No device is like that.");
    if (l.n == ROWS_MOST)
        add_more(&r->body, &filter, l.last);
    page_end(&p);
}

static void add_fact(struct ferry_strbuf *out, const char *name, const char *value)
{
    html_add(out, "<dt>%s</dt><dd>", name);
    html_text(out, value[0] ? value : "-");
    html_add(out, "</dd>\n");
}

static void add_time(struct page *p, const char *name, int64_t at)
{
    html_add(&p->r->body, "<dt>%s</dt><dd>", name);
    html_ago(&p->r->body, at, p->now);
    html_add(&p->r->body, "</dd>\n");
}

static void add_event(void *ctx, const struct report *e)
{
    struct listing *const l = ctx;
    struct ferry_strbuf *const out = &l->p->r->body;
    const struct device nobody = {0};
    if (!l->n++)
        html_add(out, "<h2>History</h2>\n<table>\n<thead><tr><th>State</th><th>Version</th>"
                      "<th>When</th></tr></thead>\n<tbody>\n");
    html_add(out, "<tr><td class=\"wide\">");
    add_badge(out, &nobody, e);
    add_small(out, e->reason);
    html_add(out, "</td><td>");
    html_text(out, e->version[0] ? e->version : "-");
    html_add(out, "</td><td class=\"tight\">");
    html_ago(out, e->at, l->p->now);
    html_add(out, "</td></tr>\n");
}

static void add_certificate(void *ctx, const struct certificate *c)
{
    struct listing *const l = ctx;
    struct ferry_strbuf *const out = &l->p->r->body;
    const char *const word = certificate_word(c, l->p->now);
    if (!l->n++)
        html_add(out, "<h2>Certificates</h2>\n<table>\n<thead><tr><th>SHA-256</th><th>State</th>"
                      "<th>Issued</th><th>Good until</th></tr></thead>\n<tbody>\n");
    html_add(out,
             "<tr><td class=\"digest\">%.16s...</td><td><span class=\"badge %s\">%s</span></td>",
             c->sha256, strcmp(word, "good") == 0 ? "good" : "none", word);
    html_add(out, "<td class=\"tight\" data-name=\"Issued\">");
    html_ago(out, c->issued, l->p->now);
    html_add(out, "</td><td class=\"tight\" data-name=\"Until\">");
    html_day(out, c->not_after);
    html_add(out, "</td></tr>\n");
}

/** What its channel offers it now. */
static enum db_result add_offer(struct page *p, const struct report *r)
{
    struct release offer;
    struct ferry_strbuf *const out = &p->r->body;
    const enum db_result result =
        release_for_device(p->req->db, r->device, r->project, r->chip, r->slot_bytes, &offer);
    html_add(out, "<dt>Offered</dt><dd>");
    if (result == DB_ROW) {
        html_text(out, offer.version);
        html_add(out, " <small>serial %" PRId64 "%s</small>", offer.serial,
                 strcmp(offer.sha256, r->sha256) == 0 ? ", which it has" : "");
    } else {
        html_add(out, "nothing");
    }
    html_add(out, "</dd>\n");
    return result;
}

static enum db_result add_device(struct page *p, const struct device *d, const struct report *r)
{
    struct ferry_strbuf *const out = &p->r->body;
    html_add(out, "<dl>\n<dt>State</dt><dd>");
    add_badge(out, d, r);
    add_small(out, about_state(r));
    html_add(out, "</dd>\n");
    add_fact(out, "Version", r->version);
    const enum db_result result = add_offer(p, r);
    add_fact(out, "Project", r->project);
    add_fact(out, "Chip", r->chip);
    add_fact(out, "Group", d->fleet);
    if (r->sha256[0])
        html_add(out, "<dt>SHA-256</dt><dd class=\"digest\">%s</dd>\n", r->sha256);
    if (r->slot_bytes) {
        html_add(out, "<dt>Slot</dt><dd>");
        html_size(out, r->slot_bytes);
        html_add(out, "</dd>\n");
    }
    if (r->wear_percent)
        html_add(out, "<dt>Flash wear</dt><dd>%" PRId64 " %%</dd>\n", r->wear_percent);
    add_time(p, "Last seen", r->seen);
    add_time(p, "Enrolled", d->created);
    html_add(out, "</dl>\n");
    return result;
}

/** History and certificates, a table each. */
static enum db_result add_tables(struct page *p, const struct device *d)
{
    static const char end[] = "</tbody>\n</table>\n";
    struct listing l = {.p = p};
    enum db_result result = report_history(p->req->db, d->id, add_event, &l);
    if (l.n)
        html_add(&p->r->body, end);
    l.n = 0;
    if (result == DB_OK)
        result = certificate_list(p->req->db, d->id, add_certificate, &l);
    if (l.n)
        html_add(&p->r->body, end);
    return result;
}

void page_device(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct page p;
    struct device device;
    struct report report = {0};
    if (!page_begin(&p, s, req, r, req->after))
        return;
    const bool is_id = device_name_is_fine(req->after);
    enum db_result result = is_id ? device_find(req->db, req->after, &device) : DB_OK;
    if (result == DB_OK) {
        page_refuse(&p, 404, "No such device",
                    "There is no device of this id. <a href=\"/\">All devices</a>");
        return;
    }
    if (result == DB_ROW)
        result = report_find(req->db, device.id, &report);
    memcpy(report.device, device.id, sizeof(report.device)); // one that said nothing has none
    if (result == DB_OK || result == DB_ROW)
        result = add_device(&p, &device, &report);
    if (result == DB_OK || result == DB_ROW)
        result = add_tables(&p, &device);
    if (result == DB_OK)
        page_end(&p);
    else
        page_no_database(&p);
}
