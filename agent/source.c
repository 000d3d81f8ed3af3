/* agent/source.c - what all sources have in common: state, cancelling, counting. */
#include "agent/source.h"

#include <string.h>

#include "agent/text.h"

bool ferry_cancel_asked(const struct ferry_cancel *c)
{
    return c && c->asked && c->asked(c->ctx);
}

ferry_err ferry_source_fail(struct ferry_source *s, ferry_err err, uint32_t value, uint32_t limit,
                            const char *detail)
{
    if (detail) {
        s->detail[0] = '\0';
        ferry_text_add(s->detail, sizeof s->detail, detail);
    }
    return ferry_fail(&s->fault, err, value, limit, s->at_bytes);
}

static ferry_err open_source(struct ferry_source *s, uint32_t off_bytes)
{
    if (s->is_open)
        return FERRY_ERR_STATE;
    memset(&s->facts, 0, sizeof s->facts);
    memset(&s->fault, 0, sizeof s->fault);
    s->detail[0] = '\0';
    s->retry_after_s = 0;
    s->at_bytes = off_bytes;
    s->is_authenticated = false;
    if (ferry_cancel_asked(s->cancel))
        return ferry_source_fail(s, FERRY_ERR_CANCELLED, 0, 0, NULL);
    const ferry_err err = s->ops->open(s, off_bytes);
    s->is_open = err == FERRY_OK;
    return err;
}

ferry_err ferry_source_open(struct ferry_source *s, uint32_t off_bytes)
{
    s->if_same = NULL;
    s->may_begin_at_start = false;
    return open_source(s, off_bytes);
}

ferry_err ferry_source_open_near(struct ferry_source *s, uint32_t off_bytes, const char *if_same)
{
    s->if_same = if_same && *if_same ? if_same : NULL;
    s->may_begin_at_start = true;
    return open_source(s, off_bytes);
}

ferry_err ferry_source_rewind(struct ferry_source *s)
{
    if (!s->is_open)
        return ferry_source_fail(s, FERRY_ERR_STATE, 0, 0, NULL);
    if (!s->ops->rewind) {
        ferry_source_close(s);
        return ferry_source_open(s, 0);
    }
    const ferry_err err = s->ops->rewind(s);
    if (err)
        ferry_source_close(s);
    else
        s->at_bytes = 0;
    return err;
}

const char *ferry_source_validator(const struct ferry_source *s)
{
    // A weak ETag promises a file that means the same, not one of the same bytes.
    return s->facts.etag[0] == '"' ? s->facts.etag : s->facts.last_modified;
}

ferry_err ferry_source_read(struct ferry_source *s, void *dst, size_t n, size_t *got)
{
    if (!s->is_open)
        return ferry_source_fail(s, FERRY_ERR_STATE, 0, 0, NULL);
    if (n == 0)
        return ferry_source_fail(s, FERRY_ERR_ARG, 0, 0, NULL);
    if (ferry_cancel_asked(s->cancel))
        return ferry_source_fail(s, FERRY_ERR_CANCELLED, 0, 0, NULL);
    size_t n_read = 0;
    const ferry_err err = s->ops->read(s, dst, n, &n_read);
    if (err)
        return err;
    if (n_read > UINT32_MAX - s->at_bytes)
        return ferry_source_fail(s, FERRY_ERR_RANGE, UINT32_MAX, UINT32_MAX,
                                 "the source gives more than 4 GiB");
    s->at_bytes += (uint32_t)n_read;
    *got = n_read;
    return FERRY_OK;
}

void ferry_source_close(struct ferry_source *s)
{
    if (!s->is_open)
        return;
    s->ops->close(s);
    s->is_open = false;
}
