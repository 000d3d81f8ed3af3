/* agent/credentials.c - what a device has of its server, in its store. */
#include "agent/credentials.h"

#include <string.h>

static ferry_err or_none(ferry_err err)
{
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

/* A PEM text is kept as a blob: it is longer than some store's strings. */
static ferry_err load_pem(struct ferry_store *s, const char *key, char out[FERRY_CERTS_BYTES])
{
    uint32_t n = FERRY_CERTS_BYTES - 1;
    const ferry_err err = s->ops->get(s, FERRY_STORE_BLOB, key, out, &n);
    out[err ? 0 : n] = '\0';
    return err == FERRY_ERR_NVS_BUFFER ? FERRY_OK : or_none(err);
}

static ferry_err load_key(struct ferry_credentials *c, struct ferry_store *s)
{
    uint32_t n = sizeof c->key;
    const ferry_err err = s->ops->get(s, FERRY_STORE_BLOB, "key", c->key, &n);
    c->has_key = !err && n == sizeof c->key;
    return err == FERRY_ERR_NVS_BUFFER ? FERRY_OK : or_none(err);
}

ferry_err ferry_credentials_load(struct ferry_credentials *c, struct ferry_store *s)
{
    memset(c, 0, sizeof *c);
    ferry_err err = or_none(ferry_store_text(s, "url", c->join.url, sizeof c->join.url));
    if (!err)
        err = or_none(ferry_store_text(s, "pin", c->join.pin, sizeof c->join.pin));
    if (!err)
        err = or_none(ferry_store_text(s, "token", c->join.token, sizeof c->join.token));
    if (!err)
        err = or_none(ferry_store_text(s, "id", c->join.id, sizeof c->join.id));
    if (!err)
        err = load_key(c, s);
    if (!err)
        err = load_pem(s, "cert", c->cert);
    return err ? err : load_pem(s, "ca", c->ca);
}

ferry_err ferry_credentials_join(struct ferry_credentials *c, struct ferry_store *s,
                                 const struct ferry_join *join)
{
    // The certificate goes first and the token comes last: in between the device does not enrol.
    ferry_err err = s->ops->drop(s, "cert");
    if (!err && strcmp(c->join.pin, join->pin) != 0)
        err = s->ops->drop(s, "ca");
    if (!err)
        err = ferry_store_set_text(s, "url", join->url);
    if (!err)
        err = ferry_store_set_text(s, "pin", join->pin);
    if (!err)
        err = join->id[0] ? ferry_store_set_text(s, "id", join->id) : s->ops->drop(s, "id");
    if (!err)
        err = ferry_store_set_text(s, "token", join->token);
    return err ? err : ferry_credentials_load(c, s);
}

ferry_err ferry_credentials_keep(struct ferry_store *s, const char *key, const char *pem)
{
    return s->ops->set(s, FERRY_STORE_BLOB, key, pem, (uint32_t)strlen(pem));
}
