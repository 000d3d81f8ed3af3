/* server/http_reply.h - from what a handler wants to say to what goes out. */
#ifndef SERVER_HTTP_REPLY_H
#define SERVER_HTTP_REPLY_H

#include "http_private.h"

/** Sends a handler's reply; its body is taken over. False: the connection is to be cut. */
enum MHD_Result http_reply_send(struct http_exchange *x, struct http_reply *r);

/** Answers with a status and a sentence. is_last: the connection ends with it. */
enum MHD_Result http_reply_refuse(struct http_exchange *x, unsigned status, const char *sentence,
                                  bool is_last);

/** Puts the headers on that every answer has and queues it; takes the response over. */
enum MHD_Result http_reply_queue(struct http_exchange *x, unsigned status,
                                 struct MHD_Response *response, bool is_last);

#endif
