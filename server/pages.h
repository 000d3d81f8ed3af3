/* server/pages.h - the web page: what the fleet does, for an operator's browser.
 * Server-rendered, without scripts; a login by token makes a session. Every page is read-only: what
 * changes something is `ferryd` on the command line or the admin API. */
#ifndef SERVER_PAGES_H
#define SERVER_PAGES_H

#include "http_route.h"

struct server;

extern const struct http_route page_routes[];

/** A page being made. */
struct page {
    struct server *s;
    const struct http_request *req;
    struct http_reply *r;
    struct http_operator operator; // nobody before the login
    int64_t now;                   // Unix seconds
};

/** Begins a page that needs an operator: headers, navigation. False: the reply is a redirect to the
 * login, or says that the database is away; nothing more is to be added. */
bool page_begin(struct page *p, struct server *s, const struct http_request *req,
                struct http_reply *r, const char *title);

/** The same for a page that anybody may see: no navigation. */
void page_begin_plain(struct page *p, struct server *s, const struct http_request *req,
                      struct http_reply *r, const char *title);

/** Ends it. */
void page_end(struct page *p);

/** Replaces all that was said by a page of that status with one sentence; both texts are ours, and
 * HTML as they stand. */
void page_refuse(struct page *p, unsigned status, const char *title, const char *sentence);

/** The same for a database that is away. */
void page_no_database(struct page *p);

/** The style sheet (style.css, made a C file by the build). */
extern const unsigned char page_style[];
extern const size_t page_style_bytes;

#endif
