/* tests/fuzz/fuzz.h - what every fuzz target is: one function that takes any bytes.
 * Linked to libFuzzer in the preset fuzz, to replay_main.c everywhere else, so that the corpus runs
 * as an ordinary test under every compiler. A target asserts more than not to crash. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/** The target; libFuzzer's name for it. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/** Ends the program with the broken rule; on in every build, unlike assert. */
#define FUZZ_MUST(cond)                                                                            \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond);                     \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
