/* server/admin_http.c - from HTTP to struct admin and back. */
#include "admin_http.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "unicode.h"

void admin_begin(struct admin_call *c, struct server *s, const struct http_request *req,
                 struct http_reply *r)
{
    *c = (struct admin_call){.s = s, .req = req, .r = r, .answer = cJSON_CreateObject()};
    snprintf(c->actor, sizeof(c->actor), "operator %s", req->operator.name);
    c->a.db = req->db;
    c->a.actor = c->actor;
    c->a.now = time(NULL);
    cJSON_AddTrueToObject(c->answer, "ok");
}

static bool is_among(const char *const *keys, const char *key)
{
    while (*keys && strcmp(*keys, key) != 0)
        keys++;
    return *keys != NULL;
}

bool admin_body(struct admin_call *c, const char *const *keys)
{
    char why[JSON_WHY_BYTES];
    c->said = c->req->n_body ? json_read(c->req->body, c->req->n_body, why) : cJSON_CreateObject();
    if (!c->said) {
        admin_end(&c->a, ADMIN_MISUSED, "the body: %s", why);
        return false;
    }
    for (const cJSON *m = c->said->child; m; m = m->next)
        if (!is_among(keys, m->string)) {
            admin_end(&c->a, ADMIN_MISUSED, "the body: there is no key '%.40s' here", m->string);
            return false;
        }
    return true;
}

bool admin_text(struct admin_call *c, const char *key, char *out, size_t out_bytes)
{
    char why[JSON_WHY_BYTES];
    if (json_text(c->said, key, out, out_bytes, why))
        return true;
    admin_end(&c->a, ADMIN_MISUSED, "the body: %s", why);
    return false;
}

const char *admin_argument(const struct http_request *req, const char *name, const char *usual)
{
    const char *const text = http_argument(req, name);
    return text && text[0] && ferry_utf8_is_valid(text, strlen(text)) ? text : usual;
}

bool admin_split(struct admin_call *c, char id[HTTP_ID_BYTES + 1], const char **verb)
{
    const char *const slash = strchr(c->req->after, '/');
    const size_t n = slash ? (size_t)(slash - c->req->after) : 0;
    if (n == 0 || n > HTTP_ID_BYTES) {
        admin_end(&c->a, ADMIN_NOT_FOUND, "there is nothing at this path");
        return false;
    }
    memcpy(id, c->req->after, n);
    id[n] = '\0';
    *verb = slash + 1;
    return true;
}

static unsigned status_of(enum admin_code code)
{
    switch (code) {
    case ADMIN_DONE:
        return 200;
    case ADMIN_MISUSED:
        return 400;
    case ADMIN_NOT_FOUND:
        return 404;
    case ADMIN_TAKEN:
        return 409;
    case ADMIN_REFUSED:
        return 422;
    case ADMIN_NO_FILE:
        return 507;
    case ADMIN_LATER:
        return 503;
    case ADMIN_FAILED:
        break;
    }
    return 500;
}

void admin_answer(struct admin_call *c)
{
    const unsigned status = status_of(c->a.code);
    char *const text = status == 200 ? cJSON_PrintUnformatted(c->answer) : NULL;
    cJSON_Delete(c->answer);
    cJSON_Delete(c->said);
    if (status != 200) {
        http_refuse(c->r, status, "%s", c->a.why);
        if (status == 503)
            http_add_header(c->r, "Retry-After: 10");
        return;
    }
    c->r->status = status;
    c->r->type = "application/json";
    ferry_strbuf_addf(&c->r->body, "%s\n", text ? text : "");
    c->r->body.failed = c->r->body.failed || !text;
    cJSON_free(text);
}
