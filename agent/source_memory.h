/* agent/source_memory.h - an update that lies in memory: an image embedded in an app, a test. */
#ifndef FERRY_SOURCE_MEMORY_H
#define FERRY_SOURCE_MEMORY_H

#include "agent/source.h"

#ifdef __cplusplus
extern "C" {
#endif

struct ferry_source_memory {
    struct ferry_source source; // first: a pointer to it is a pointer to the whole
    const uint8_t *data;
    uint32_t n_bytes;
};

/** Makes a source of n_bytes bytes, which are kept. Nothing to free. */
void ferry_source_memory_init(struct ferry_source_memory *m, const void *data, uint32_t n_bytes,
                              const struct ferry_cancel *cancel);

#ifdef __cplusplus
}
#endif
#endif
