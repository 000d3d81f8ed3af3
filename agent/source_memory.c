/* agent/source_memory.c - the source that reads memory. */
#include "agent/source_memory.h"

#include <string.h>

static const struct ferry_source_memory *as_memory(const struct ferry_source *s)
{
    return (const struct ferry_source_memory *)(const void *)s;
}

static ferry_err open_memory(struct ferry_source *s, uint32_t off_bytes)
{
    const struct ferry_source_memory *m = as_memory(s);
    if (off_bytes > m->n_bytes)
        return ferry_source_fail(s, FERRY_ERR_RANGE, off_bytes, m->n_bytes, NULL);
    s->facts.length_bytes = m->n_bytes;
    s->facts.accepts_offset = true;
    s->is_authenticated = true;
    return FERRY_OK;
}

static ferry_err read_memory(struct ferry_source *s, void *dst, size_t n, size_t *got)
{
    const struct ferry_source_memory *m = as_memory(s);
    const size_t left = m->n_bytes - s->at_bytes;
    const size_t take = n < left ? n : left;
    if (take)
        memcpy(dst, m->data + s->at_bytes, take);
    *got = take;
    return FERRY_OK;
}

static void close_memory(struct ferry_source *s)
{
    (void)s;
}

void ferry_source_memory_init(struct ferry_source_memory *m, const void *data, uint32_t n_bytes,
                              const struct ferry_cancel *cancel)
{
    static const struct ferry_source_ops ops = {open_memory, read_memory, close_memory, NULL};
    memset(m, 0, sizeof *m);
    m->source.ops = &ops;
    m->source.cancel = cancel;
    m->source.is_local = true;
    m->data = data;
    m->n_bytes = n_bytes;
}
