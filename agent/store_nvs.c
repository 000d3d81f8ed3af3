/* agent/store_nvs.c - the agent's store over ferry/nvs.h. */
#include "agent/store_nvs.h"

static struct ferry_store_nvs *as_nvs(struct ferry_store *s)
{
    return (struct ferry_store_nvs *)(void *)s;
}

/* The namespace, in a store that is fit: one that failed in a write is mounted again. */
static ferry_err begin(struct ferry_store_nvs *s, bool create, uint8_t *ns)
{
    ferry_err err = s->nvs.failed ? ferry_nvs_open(&s->nvs, &s->config) : FERRY_OK;
    if (!err)
        err = ferry_nvs_namespace(&s->nvs, FERRY_STORE_NAMESPACE, create, ns);
    return err;
}

/* A value that is missing, of another kind or damaged is one that is not there: the agent then does
 * what it does without it, and that writes it anew. */
static ferry_err none(ferry_err err)
{
    switch (err) {
    case FERRY_ERR_NVS_NAMESPACE:
    case FERRY_ERR_NVS_KEY:
    case FERRY_ERR_NVS_TYPE:
    case FERRY_ERR_NVS_DATA:
        return FERRY_ERR_NOT_FOUND;
    default:
        return err;
    }
}

static ferry_err get_number(struct ferry_nvs *nvs, uint8_t ns, const char *key, uint32_t *out)
{
    uint64_t bits = 0;
    const ferry_err err = ferry_nvs_get_number(nvs, ns, key, FERRY_NVS_U32, &bits);
    if (!err)
        *out = (uint32_t)bits;
    return err;
}

static ferry_err get(struct ferry_store *store, enum ferry_store_kind kind, const char *key,
                     void *out, uint32_t *n_bytes)
{
    struct ferry_store_nvs *s = as_nvs(store);
    uint8_t ns = 0;
    ferry_err err = begin(s, false, &ns);
    if (err)
        return none(err);
    switch (kind) {
    case FERRY_STORE_TEXT:
        err = ferry_nvs_get_string(&s->nvs, ns, key, out, n_bytes);
        break;
    case FERRY_STORE_BLOB:
        err = ferry_nvs_get_blob(&s->nvs, ns, key, out, n_bytes);
        break;
    case FERRY_STORE_NUMBER:
        err = get_number(&s->nvs, ns, key, out);
        break;
    }
    return none(err);
}

static ferry_err set(struct ferry_store *store, enum ferry_store_kind kind, const char *key,
                     const void *data, uint32_t n_bytes)
{
    struct ferry_store_nvs *s = as_nvs(store);
    uint8_t ns = 0;
    ferry_err err = begin(s, true, &ns);
    if (err)
        return err;
    switch (kind) {
    case FERRY_STORE_TEXT:
        err = ferry_nvs_set_string(&s->nvs, ns, key, data);
        break;
    case FERRY_STORE_BLOB:
        err = ferry_nvs_set_blob(&s->nvs, ns, key, data, n_bytes);
        break;
    case FERRY_STORE_NUMBER:
        err = ferry_nvs_set_number(&s->nvs, ns, key, FERRY_NVS_U32, *(const uint32_t *)data);
        break;
    }
    return err ? err : ferry_nvs_commit(&s->nvs);
}

static ferry_err drop(struct ferry_store *store, const char *key)
{
    struct ferry_store_nvs *s = as_nvs(store);
    uint8_t ns = 0;
    ferry_err err = begin(s, false, &ns);
    if (!err) {
        s->nvs.purge = true; // a token that was used is nobody's business any more
        err = ferry_nvs_erase(&s->nvs, ns, key);
    }
    if (!err)
        err = ferry_nvs_commit(&s->nvs);
    return none(err) == FERRY_ERR_NOT_FOUND ? FERRY_OK : err;
}

ferry_err ferry_store_nvs_find(const struct ferry_table *table, struct ferry_partition *out)
{
    uint32_t i = 0;
    ferry_err err =
        ferry_table_find(table, FERRY_TYPE_DATA, FERRY_DATA_NVS, FERRY_STORE_PARTITION, &i, out);
    if (err != FERRY_ERR_NOT_FOUND)
        return err;
    i = 0;
    return ferry_table_find(table, FERRY_TYPE_DATA, FERRY_DATA_NVS, "nvs", &i, out);
}

ferry_err ferry_store_nvs_open(struct ferry_store_nvs *s, const struct ferry_nvs_config *config)
{
    static const struct ferry_store_ops ops = {get, set, drop};
    s->store.ops = &ops;
    s->config = *config;
    return ferry_nvs_open(&s->nvs, config);
}
