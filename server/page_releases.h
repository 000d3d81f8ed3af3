/* server/page_releases.h - the catalogue, and how many devices run what. */
#ifndef SERVER_PAGE_RELEASES_H
#define SERVER_PAGE_RELEASES_H

#include "http_route.h"

void page_releases(struct server *s, const struct http_request *req, struct http_reply *r);

#endif
