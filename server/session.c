/* server/session.c - cookies: HttpOnly, SameSite=Strict, and Secure where the door has TLS. */
#include "session.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hex.h"
#include "server.h"
#include "store_session.h"
#include "store_token.h"

#define COOKIE "ferryd"

static const char *cookie_of(const struct http_request *req)
{
    const char *const text = http_cookie(req, COOKIE);
    return text && strlen(text) == TOKEN_CHARS ? text : NULL;
}

enum db_result session_of(const struct http_request *req, struct http_operator *who)
{
    const char *const text = cookie_of(req);
    return text ? session_find(req->db, text, time(NULL), who) : DB_OK;
}

void session_csrf(const struct http_request *req, char out[SESSION_CSRF_BYTES])
{
    const char *const text = cookie_of(req);
    char made[TOKEN_CHARS + 16];
    out[0] = '\0';
    if (!text)
        return;
    const int n = snprintf(made, sizeof(made), "csrf %s", text);
    hex_sha256(made, (size_t)n, out);
}

bool session_csrf_is(const struct http_request *req, const char *said)
{
    char is[SESSION_CSRF_BYTES];
    session_csrf(req, is);
    return is[0] && said && strlen(said) == strlen(is) && gnutls_memcmp(is, said, strlen(is)) == 0;
}

/** max_age 0 ends it. */
static void set_cookie(const struct server *s, struct http_reply *r, const char *text, int max_age)
{
    http_add_header(r, "Set-Cookie: " COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                    text, max_age, s->config.admin_tls ? "; Secure" : "");
}

/** A session on its way into the database. */
struct beginning {
    char text[TOKEN_CHARS + 1];
    const char *operator_name;
};

static enum db_result begin(struct db *db, void *ctx)
{
    const struct beginning *b = ctx;
    return session_add(db, b->text, b->operator_name, time(NULL));
}

enum db_result session_begin(struct server *s, const struct http_request *req,
                             const char *operator_name, struct http_reply *r)
{
    struct beginning b = {.operator_name = operator_name};
    if (!token_new(b.text))
        return DB_FAILED;
    const enum db_result result = db_transaction(req->db, begin, &b);
    if (result == DB_OK)
        set_cookie(s, r, b.text, SESSION_SECONDS);
    gnutls_memset(b.text, 0, sizeof(b.text));
    return result;
}

enum db_result session_end(struct server *s, const struct http_request *req, struct http_reply *r)
{
    const char *const text = cookie_of(req);
    set_cookie(s, r, "", 0);
    return text ? session_remove(req->db, text) : DB_OK;
}
