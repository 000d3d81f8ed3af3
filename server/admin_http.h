/* server/admin_http.h - one request of the admin API: what was said in JSON, what admin_*.c made of
 * it, and the answer. The tables of routes are admin_api.c's and releases_api.c's. */
#ifndef SERVER_ADMIN_HTTP_H
#define SERVER_ADMIN_HTTP_H

#include "admin.h"
#include "http_route.h"
#include "server.h"

#define ADMIN_BODY_MOST   4096u
#define ADMIN_ACTOR_BYTES (HTTP_ID_BYTES + 16u)

/** A request on its way. */
struct admin_call {
    struct admin a;
    struct server *s;
    const struct http_request *req;
    struct http_reply *r;
    cJSON *said;   // the body; NULL until admin_body
    cJSON *answer; // to be filled
    char actor[ADMIN_ACTOR_BYTES];
};

/** Begins; admin_answer ends. */
void admin_begin(struct admin_call *c, struct server *s, const struct http_request *req,
                 struct http_reply *r);

/** Reads the body, one object with none but these keys (ended by NULL): a wrong word would be a
 * wish that was not heard. No body is one without keys. False: admin_answer says why. */
bool admin_body(struct admin_call *c, const char *const *keys);

/** Reads a text of the body into out; "" if it is not there. False as above. */
bool admin_text(struct admin_call *c, const char *key, char *out, size_t out_bytes);

/** A query's argument, `usual` if it is not there or empty. Never NULL; what is no UTF-8 counts as
 * not there, because a database would not take it. */
const char *admin_argument(const struct http_request *req, const char *name, const char *usual);

/** Splits what stands behind the route's path at its slash: "ID/verb". False as above: there is no
 * slash, or the id is longer than it may be. *verb points into the path. */
bool admin_split(struct admin_call *c, char id[HTTP_ID_BYTES + 1], const char **verb);

/** Sends the answer, or says how else it ended; frees what the call holds. */
void admin_answer(struct admin_call *c);

#endif
