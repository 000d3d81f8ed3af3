/* server/enroll_http.h - what the doors of the authority share: limits first, then the request,
 * then the rules (enroll.h), and a refusal that both can say in their own form. */
#ifndef SERVER_ENROLL_HTTP_H
#define SERVER_ENROLL_HTTP_H

#include "enroll.h"
#include "http_route.h"

/** Why there is no certificate. */
struct enroll_refusal {
    unsigned status;
    const char *name; // for programs: "token_unknown", "release_needed", ...
    char why[CA_WHY_BYTES];
    unsigned retry_after_s; // 0: say nothing
};

/** Enrols by a token, or renews for the client's certificate if token is NULL. True: *out has the
 * certificate. False: *no says why. out->pem is the caller's to free in any case. */
bool enroll_http(struct server *s, const struct http_request *req, enum csr_form form,
                 const char *token, struct enroll_answer *out, struct enroll_refusal *no);

/** No token came with the request. */
void enroll_http_no_token(struct enroll_refusal *no);

/** The tables of routes: enroll_api.c, est.c. */
extern const struct http_route enroll_routes[];
extern const struct http_route est_routes[];

#endif
