/* string.h for cross compilers that bring no libc: the four functions that a freestanding C
 * compiler may call anyway. Who links the program provides them. */
#ifndef FERRY_FREESTANDING_STRING_H
#define FERRY_FREESTANDING_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
