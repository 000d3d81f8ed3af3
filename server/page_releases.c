/* server/page_releases.c - one row a release, the newest first. */
#include "page_releases.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "html.h"
#include "pages.h"
#include "store_channel.h"
#include "store_fleet.h"

#define ROWS_MOST 100u

/** Releases as the list gives them: a row's other questions can be asked only after it. */
struct releases {
    struct release rows[ROWS_MOST];
    unsigned n;
    bool has_more;
};

static void take(void *ctx, const struct release *release)
{
    struct releases *const all = ctx;
    if (all->n == ROWS_MOST)
        all->has_more = true;
    else
        all->rows[all->n++] = *release;
}

struct channels {
    struct ferry_strbuf *out;
    unsigned n;
};

static void add_channel(void *ctx, const char *channel)
{
    struct channels *const c = ctx;
    html_add(c->out, "%s<span class=\"badge none\">", c->n++ ? " " : "");
    html_text(c->out, channel);
    html_add(c->out, "</span>");
}

static enum db_result add_row(struct page *p, const struct release *rel)
{
    struct ferry_strbuf *const out = &p->r->body;
    struct channels channels = {out, 0};
    int64_t n = 0;
    html_add(out, "<tr><td class=\"wide\"><strong>");
    html_text(out, rel->version);
    html_add(out, "</strong> <small>");
    html_text(out, rel->project);
    html_add(out, " for %s, serial %" PRId64 "</small></td><td>", rel->chip, rel->serial);
    enum db_result result = channel_list_offers(p->req->db, rel->sha256, add_channel, &channels);
    if (!channels.n)
        html_add(out, "<span class=\"badge bad\">withdrawn</span>");
    if (rel->n_keys)
        html_add(out, " <span class=\"badge good\">signed</span>");
    if (rel->is_public)
        html_add(out, " <span class=\"badge busy\">public</span>");
    if (result == DB_OK)
        result = fleet_running(p->req->db, rel->sha256, &n);
    html_add(out,
             "</td><td class=\"tight\" data-name=\"Devices\">%" PRId64 "</td><td "
             "class=\"tight\">",
             n);
    html_size(out, rel->length);
    html_add(out, "</td><td class=\"tight\" data-name=\"Added\">");
    html_ago(out, rel->added, p->now);
    html_add(out, "</td></tr>\n");
    return result;
}

static enum db_result add_rows(struct page *p, struct releases *all)
{
    enum db_result result = release_list(p->req->db, "", take, all);
    if (all->n)
        html_add(&p->r->body,
                 "<table>\n<thead><tr><th>Release</th><th>Channels</th>"
                 "<th>Devices</th><th>Size</th><th>Added</th></tr></thead>\n<tbody>\n");
    for (unsigned i = 0; i < all->n && result == DB_OK; i++)
        result = add_row(p, &all->rows[i]);
    return result;
}

void page_releases(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct page p;
    if (!page_begin(&p, s, req, r, "Releases"))
        return;
    struct releases *const all = calloc(1, sizeof(*all));
    const enum db_result result = all ? add_rows(&p, all) : DB_FAILED;
    if (result != DB_OK) {
        free(all);
        page_no_database(&p);
        return;
    }
    if (all->n)
        html_add(&r->body, "</tbody>\n</table>\n");
    else
        html_add(&r->body, "<p class=\"empty\">No release yet. <code>ferryd release add</code> "
                           "takes an application image.</p>\n");
    if (all->has_more)
        html_add(&r->body, "<p class=\"hint\">Older ones: <code>ferryd release list</code>.</p>\n");
    free(all);
    page_end(&p);
}
