/* core/mem.h - the four functions a freestanding C compiler itself may call, and nothing else of
 * libc. The core includes this instead of string.h, which some cross compilers do not have. */
#ifndef FERRY_CORE_MEM_H
#define FERRY_CORE_MEM_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
