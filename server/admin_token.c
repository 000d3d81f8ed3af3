/* server/admin_token.c - checks what is wished before a random byte is drawn. */
#include "admin_token.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hex.h"

#define NAME_LEAST 6u
#define URL_BYTES  (CONFIG_TEXT_BYTES + 80u)

const char *token_word(const struct token *t, int64_t now)
{
    return t->revoked          ? "revoked"
           : now > t->expires  ? "expired"
           : t->uses_left == 0 ? "used up"
                               : "open";
}

cJSON *token_json(const struct token *t, int64_t now)
{
    char name[TOKEN_NAME_CHARS + 1];
    cJSON *const row = cJSON_CreateObject();
    token_name(t, name);
    cJSON_AddStringToObject(row, "token", name);
    cJSON_AddStringToObject(row, "device", t->device);
    cJSON_AddStringToObject(row, "group", t->fleet);
    cJSON_AddStringToObject(row, "state", token_word(t, now));
    cJSON_AddNumberToObject(row, "uses", (double)t->uses_most);
    cJSON_AddNumberToObject(row, "uses_left", (double)t->uses_left);
    cJSON_AddNumberToObject(row, "expires", (double)t->expires);
    return row;
}

static enum admin_code check_wish(struct admin *a, const struct token_wish *w)
{
    if (w->uses < 1 || w->uses > TOKEN_USES_MOST)
        return admin_end(a, ADMIN_MISUSED, "%" PRId64 " uses: a token lets 1 to %d devices in",
                         w->uses, TOKEN_USES_MOST);
    if (w->device && w->uses != 1)
        return admin_end(a, ADMIN_MISUSED,
                         "%" PRId64 " uses do not go with a device: one device enrols once",
                         w->uses);
    if (w->seconds < 1 || w->seconds > TOKEN_SPAN_MOST_S)
        return admin_end(a, ADMIN_MISUSED,
                         "%" PRId64 " seconds: a token lasts from 1 second to %d days", w->seconds,
                         (int)(TOKEN_SPAN_MOST_S / 86400));
    enum admin_code code = w->device ? admin_check_name(a, "the id", w->device) : ADMIN_DONE;
    if (code == ADMIN_DONE && w->group)
        code = admin_check_name(a, "the group", w->group);
    return code;
}

/** How devices reach the server: as asked for, as set, or by this host's name. */
static enum admin_code find_url(struct admin *a, const struct config *c, const char *url,
                                char out[URL_BYTES])
{
    char host[65] = "localhost";
    if (!url && c->devices_url[0])
        url = c->devices_url;
    if (url) {
        const size_t n = strlen(url);
        if (strncmp(url, "https://", 8) != 0 || n <= 8 || n >= CONFIG_TEXT_BYTES ||
            strpbrk(url, "# \t\r\n"))
            return admin_end(a, ADMIN_MISUSED,
                             "the url '%.200s' must be https://..., without # and blanks, of at "
                             "most %u bytes",
                             url, CONFIG_TEXT_BYTES - 1);
        snprintf(out, URL_BYTES, "%s", url);
        return ADMIN_DONE;
    }
    const char *const port = strrchr(c->devices_listen, ':');
    if (!port || port[1] == '0')
        return admin_end(a, ADMIN_MISUSED, "devices_listen = %s says no port; give a url",
                         c->devices_listen);
    gethostname(host, sizeof(host) - 1);
    snprintf(out, URL_BYTES, "https://%s%s", host, port);
    return ADMIN_DONE;
}

static enum db_result add(struct admin *a, void *ctx)
{
    const struct token *const t = ctx;
    char name[TOKEN_NAME_CHARS + 1], detail[256];
    token_name(t, name);
    snprintf(detail, sizeof(detail), "device %s group %s uses %" PRId64 " expires %" PRId64,
             t->device[0] ? t->device : "-", t->fleet, t->uses_most, t->expires);
    const enum db_result result = token_add(a->db, t);
    return result == DB_OK ? admin_audit(a, "make token", name, detail) : result;
}

enum admin_code admin_token_new(struct admin *a, const struct config *config, const char *pin,
                                const struct token_wish *wish, struct token *out,
                                char join[ADMIN_JOIN_BYTES])
{
    char text[TOKEN_CHARS + 1], url[URL_BYTES];
    if (check_wish(a, wish) != ADMIN_DONE || find_url(a, config, wish->url, url) != ADMIN_DONE)
        return a->code;
    *out = (struct token){.uses_most = wish->uses,
                          .uses_left = wish->uses,
                          .created = a->now,
                          .expires = a->now + wish->seconds};
    snprintf(out->device, sizeof(out->device), "%s", wish->device ? wish->device : "");
    snprintf(out->fleet, sizeof(out->fleet), "%s", wish->group ? wish->group : "default");
    if (!token_new(text) || !token_hash(text, out->sha256))
        return admin_end(a, ADMIN_FAILED, "there are no random bytes");
    if (admin_run(a, add, out) == ADMIN_DONE)
        snprintf(join, ADMIN_JOIN_BYTES, "ferry1:%s#%s#%s%s%s", url, pin, text,
                 out->device[0] ? "#" : "", out->device);
    explicit_bzero(text, sizeof(text));
    return a->code;
}

/** What revoking one finds. */
struct revoking {
    const char *name;
    struct token *token;
};

static enum db_result end_token(struct admin *a, void *ctx)
{
    const struct revoking *const r = ctx;
    unsigned n = 0;
    const enum db_result result = token_revoke(a->db, r->name, a->now, &n, r->token);
    if (result != DB_OK)
        return result;
    if (n != 1)
        return admin_stop(a, ADMIN_NOT_FOUND,
                          n ? "%u tokens begin with %s; give more digits"
                            : "%u tokens begin with %s",
                          n, r->name);
    r->token->revoked = a->now;
    return admin_audit(a, "revoke token", r->name, r->token->sha256);
}

enum admin_code admin_token_revoke(struct admin *a, const char *name, struct token *out)
{
    struct revoking r = {name, out};
    const size_t n = strlen(name);
    if (n < NAME_LEAST || n > CA_HEX_BYTES - 1 || !hex_is(name, n))
        return admin_end(a, ADMIN_MISUSED,
                         "'%.80s' names no token: 6 to 64 hex digits, as the list shows them",
                         name);
    return admin_run(a, end_token, &r);
}
