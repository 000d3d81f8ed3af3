/* server/pages.c - the frame of a page, the login, and the style sheet's address. */
#include "pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "address.h"
#include "html.h"
#include "log.h"
#include "page_devices.h"
#include "page_releases.h"
#include "rate_limits.h"
#include "server.h"
#include "session.h"
#include "store_operator.h"
#include "store_token.h"

#define FORM_MOST 1024u
#define POLICY                                                                                     \
    "Content-Security-Policy: default-src 'none'; style-src 'self'; form-action 'self'; "          \
    "base-uri 'none'; frame-ancestors 'none'"

static void add_frame(struct page *p, const char *title)
{
    struct ferry_strbuf *const out = &p->r->body;
    p->r->status = 200;
    p->r->type = "text/html; charset=utf-8";
    http_add_header(p->r, POLICY);
    http_add_header(p->r, "Referrer-Policy: no-referrer");
    html_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<title>");
    html_text(out, title);
    html_add(out, " - ferryd</title>\n<link rel=\"stylesheet\" href=\"/style.css\">\n</head>\n"
                  "<body>\n");
}

static void add_link(struct ferry_strbuf *out, const char *address, const char *word, bool is_here)
{
    html_add(out, "<a href=\"%s\"%s>%s</a>\n", address, is_here ? " aria-current=\"page\"" : "",
             word);
}

static void add_navigation(struct page *p)
{
    struct ferry_strbuf *const out = &p->r->body;
    char csrf[SESSION_CSRF_BYTES];
    session_csrf(p->req, csrf);
    html_add(out, "<header><a class=\"brand\" href=\"/\">ferryd</a>\n<nav>\n");
    add_link(out, "/", "Devices",
             strcmp(p->req->path, "/") == 0 || strncmp(p->req->path, "/devices", 8) == 0);
    add_link(out, "/releases", "Releases", strcmp(p->req->path, "/releases") == 0);
    html_add(out,
             "</nav>\n<form method=\"post\" action=\"/logout\">"
             "<input type=\"hidden\" name=\"csrf\" value=\"%s\"><span class=\"who\">",
             csrf);
    html_text(out, p->operator.name);
    html_add(out, "%s</span><button>Log out</button></form></header>\n",
             p->operator.is_read_only ? " (read-only)" : "");
}

static void set_out(struct page *p, struct server *s, const struct http_request *req,
                    struct http_reply *r)
{
    *p = (struct page){.s = s, .req = req, .r = r, .now = time(NULL)};
}

static void go_to(struct http_reply *r, const char *address)
{
    r->status = 303;
    http_add_header(r, "Location: %s", address);
}

void page_begin_plain(struct page *p, struct server *s, const struct http_request *req,
                      struct http_reply *r, const char *title)
{
    set_out(p, s, req, r);
    add_frame(p, title);
    html_add(&r->body, "<main class=\"narrow\">\n");
}

void page_refuse(struct page *p, unsigned status, const char *title, const char *sentence)
{
    p->r->n_headers = 0;
    ferry_strbuf_clear(&p->r->body);
    add_frame(p, title);
    if (p->operator.name[0])
        add_navigation(p);
    html_add(&p->r->body, "<main>\n<h1>%s</h1>\n<p class=\"empty\" role=\"alert\">%s</p>\n", title,
             sentence);
    page_end(p);
    p->r->status = status;
}

void page_no_database(struct page *p)
{
    page_refuse(p, 503, "Not now", "The database cannot be reached; try again later.");
    http_add_header(p->r, "Retry-After: 10");
}

bool page_begin(struct page *p, struct server *s, const struct http_request *req,
                struct http_reply *r, const char *title)
{
    set_out(p, s, req, r);
    const enum db_result result = session_of(req, &p->operator);
    if (result == DB_OK)
        go_to(r, "/login");
    else if (result != DB_ROW)
        page_no_database(p);
    if (result != DB_ROW)
        return false;
    add_frame(p, title);
    add_navigation(p);
    html_add(&r->body, "<main>\n<h1>");
    html_text(&r->body, title);
    html_add(&r->body, "</h1>\n");
    return true;
}

void page_end(struct page *p)
{
    html_add(&p->r->body, "</main>\n</body>\n</html>\n");
}

/** The value of a field of a form's body, which our forms fill with plain characters only. */
static bool form_value(const struct http_request *req, const char *name, char *out, size_t room)
{
    const char *at = (const char *)req->body;
    const size_t n_name = strlen(name);
    while (at && *at) {
        const char *const end = at + strcspn(at, "&");
        if (strncmp(at, name, n_name) == 0 && at[n_name] == '=') {
            const char *const value = at + n_name + 1;
            snprintf(out, room, "%.*s", (int)(end - value), value);
            return (size_t)(end - value) < room;
        }
        at = *end ? end + 1 : NULL;
    }
    return false;
}

/** Browsers keep a password for a name, so there is one, which nobody has to type. */
static void add_login_form(struct page *p, const char *complaint)
{
    struct ferry_strbuf *const out = &p->r->body;
    html_add(out, "<form class=\"login\" method=\"post\" action=\"/login\">\n<h1>ferryd</h1>\n");
    if (complaint)
        html_add(out, "<p class=\"bad\" role=\"alert\">%s</p>\n", complaint);
    html_add(out, "<input name=\"name\" value=\"operator\" autocomplete=\"username\" hidden>\n"
                  "<label for=\"token\">Operator's token</label>\n"
                  "<input id=\"token\" name=\"token\" type=\"password\" required autofocus "
                  "autocomplete=\"current-password\" maxlength=\"64\">\n<button>Log in</button>\n"
                  "<p class=\"hint\"><code>ferryd init</code> showed the first one; "
                  "<code>ferryd user add</code> makes others.</p>\n</form>\n");
}

static void show_login(struct server *s, const struct http_request *req, struct http_reply *r)
{
    struct page p;
    page_begin_plain(&p, s, req, r, "Log in");
    add_login_form(&p, NULL);
    page_end(&p);
}

static void refuse_login(struct server *s, const struct http_request *req, struct http_reply *r,
                         unsigned status, const char *complaint)
{
    struct page p;
    page_begin_plain(&p, s, req, r, "Log in");
    add_login_form(&p, complaint);
    page_end(&p);
    r->status = status;
}

static void log_in(struct server *s, const struct http_request *req, struct http_reply *r)
{
    char token[TOKEN_CHARS + 1];
    struct http_operator who;
    const char *const address = req->client.address;
    char key[HTTP_ADDRESS_BYTES];
    unsigned wait_s;
    address_key(address, key);
    if (!limits_take(s->limits, LIMIT_LOGIN, key, strlen(key), http_now_ms(), &wait_s)) {
        refuse_login(s, req, r, 429, "Too many tries from this address; wait a minute.");
        http_add_header(r, "Retry-After: %u", wait_s);
        return;
    }
    const bool is_said = form_value(req, "token", token, sizeof(token));
    enum db_result result = is_said ? operator_find(req->db, token, &who) : DB_OK;
    if (result == DB_ROW) {
        result = session_begin(s, req, who.name, r);
        if (result == DB_OK) {
            log_line(LOG_LEVEL_INFO, "login", "operator=%s client=%s", who.name, address);
            go_to(r, "/");
            return;
        }
    } else if (result == DB_OK) {
        log_line(LOG_LEVEL_WARNING, "login", "refused=1 client=%s", address);
        refuse_login(s, req, r, 403, "This is no operator's token.");
        return;
    }
    struct page p;
    set_out(&p, s, req, r);
    page_no_database(&p);
}

static void log_out(struct server *s, const struct http_request *req, struct http_reply *r)
{
    char csrf[SESSION_CSRF_BYTES];
    struct page p;
    set_out(&p, s, req, r);
    if (!form_value(req, "csrf", csrf, sizeof(csrf)) || !session_csrf_is(req, csrf))
        page_refuse(&p, 403, "Refused", "The form's CSRF token is missing or wrong.");
    else if (session_end(s, req, r) != DB_OK)
        page_no_database(&p);
    else
        go_to(r, "/login");
}

static void style(struct server *s, const struct http_request *req, struct http_reply *r)
{
    (void)s;
    (void)req;
    r->status = 200;
    r->type = "text/css; charset=utf-8";
    r->is_public = true;
    ferry_strbuf_add(&r->body, (const char *)page_style, page_style_bytes);
}

const struct http_route page_routes[] = {
    {"GET", "/", HTTP_ADMIN, HTTP_ANYONE, 0, page_devices},
    {"GET", "/devices/*", HTTP_ADMIN, HTTP_ANYONE, 0, page_device},
    {"GET", "/releases", HTTP_ADMIN, HTTP_ANYONE, 0, page_releases},
    {"GET", "/login", HTTP_ADMIN, HTTP_ANYONE, 0, show_login},
    {"POST", "/login", HTTP_ADMIN, HTTP_ANYONE, FORM_MOST, log_in},
    {"POST", "/logout", HTTP_ADMIN, HTTP_ANYONE, FORM_MOST, log_out},
    {"GET", "/style.css", HTTP_ADMIN, HTTP_ANYONE, 0, style},
    {0},
};
