/* server/admin_token.h - tokens to join with: made, told once, listed, revoked. */
#ifndef SERVER_ADMIN_TOKEN_H
#define SERVER_ADMIN_TOKEN_H

#include "admin.h"
#include "config.h"
#include "store_token.h"

#define ADMIN_JOIN_BYTES  640u // of a join string with NUL
#define TOKEN_SPAN_S      86400
#define TOKEN_SPAN_MOST_S (INT64_C(3650) * 86400)
#define TOKEN_USES_MOST   1000000

/** What is wished of a token. */
struct token_wish {
    const char *device; // whose it is to be; NULL: whoever joins the group
    const char *group;  // NULL: "default"
    int64_t uses;       // how many devices may enrol with it
    int64_t seconds;    // for how long
    const char *url;    // how devices reach the server; NULL: as config says
};

/** Makes a token. out: its row; join: the line that a device needs, told here and never again, for
 * the caller to wipe. pin: SHA-256 of the root certificate in hex. */
enum admin_code admin_token_new(struct admin *a, const struct config *config, const char *pin,
                                const struct token_wish *wish, struct token *out,
                                char join[ADMIN_JOIN_BYTES]);

/** Revokes the token that a name, the first digits of its hash, stands for. */
enum admin_code admin_token_revoke(struct admin *a, const char *name, struct token *out);

/** Whether it may still be used, in a word: open, used up, expired, revoked. */
const char *token_word(const struct token *t, int64_t now);

/** The row as JSON; the caller's. */
cJSON *token_json(const struct token *t, int64_t now);

#endif
