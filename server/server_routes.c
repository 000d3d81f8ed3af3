/* server/server_routes.c - /healthz for whoever restarts it, /metrics for operators who watch it.
 */
#include "server_routes.h"

#include "metrics.h"
#include "server.h"

/** 200 while requests can be answered, which takes the database. */
static void health(struct server *s, const struct http_request *req, struct http_reply *r)
{
    (void)s;
    if (!db_is_there(req->db)) {
        http_refuse(r, 503, "the database cannot be reached");
        return;
    }
    r->status = 200;
    ferry_strbuf_addf(&r->body, "ok\n");
}

static void metrics(struct server *s, const struct http_request *req, struct http_reply *r)
{
    (void)req;
    r->status = 200;
    r->type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_text(s->metrics, &r->body);
}

const struct http_route server_routes[] = {
    {"GET", "/healthz", HTTP_ADMIN | HTTP_PROXY, HTTP_ANYONE, 0, health},
    {"GET", "/metrics", HTTP_ADMIN, HTTP_OPERATOR, 0, metrics},
    {0},
};
