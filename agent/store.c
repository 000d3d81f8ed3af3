/* agent/store.c - texts and numbers of a store. */
#include "agent/store.h"

#include <string.h>

ferry_err ferry_store_text(struct ferry_store *s, const char *key, char *out, uint32_t n_bytes)
{
    uint32_t n = n_bytes;
    const ferry_err err = s->ops->get(s, FERRY_STORE_TEXT, key, out, &n);
    if (err || !n || out[n - 1] != '\0')
        out[0] = '\0';
    return err == FERRY_ERR_NVS_BUFFER ? FERRY_ERR_NOT_FOUND : err;
}

ferry_err ferry_store_set_text(struct ferry_store *s, const char *key, const char *text)
{
    return s->ops->set(s, FERRY_STORE_TEXT, key, text, (uint32_t)strlen(text) + 1);
}

ferry_err ferry_store_number(struct ferry_store *s, const char *key, uint32_t *out)
{
    uint32_t n = sizeof *out;
    const ferry_err err = s->ops->get(s, FERRY_STORE_NUMBER, key, out, &n);
    if (err)
        *out = 0;
    return err == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

ferry_err ferry_store_set_number(struct ferry_store *s, const char *key, uint32_t value)
{
    return s->ops->set(s, FERRY_STORE_NUMBER, key, &value, sizeof value);
}
