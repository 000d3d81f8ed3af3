/* server/page_devices.h - the first page: the fleet in numbers and in rows; and one device. */
#ifndef SERVER_PAGE_DEVICES_H
#define SERVER_PAGE_DEVICES_H

#include "http_route.h"

void page_devices(struct server *s, const struct http_request *req, struct http_reply *r);
void page_device(struct server *s, const struct http_request *req, struct http_reply *r);

#endif
