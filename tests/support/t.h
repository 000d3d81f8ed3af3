/* tests/support/t.h - the whole test framework: checks that print both values, one line each.
 * No heap, no setjmp: the same file serves host and emulator. A test program runs its tests with
 * T_RUN and ends with `return t_end();`, which prints "N passed, M failed" (checks, not tests). */
#ifndef T_H
#define T_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static long t_passed, t_failed;
static const char *t_name = "";

static inline bool t_note(bool ok, const char *file, int line, const char *what)
{
    if (ok) {
        t_passed++;
    } else {
        t_failed++;
        printf("%s:%d: %s: %s\n", file, line, t_name, what);
    }
    return ok;
}

static inline bool t_same_int(intmax_t got, intmax_t want, const char *file, int line,
                              const char *what)
{
    if (!t_note(got == want, file, line, what))
        printf("    got %" PRIdMAX " (0x%jx), want %" PRIdMAX " (0x%jx)\n", got, (uintmax_t)got,
               want, (uintmax_t)want);
    return got == want;
}

static inline bool t_same_str(const char *got, const char *want, const char *file, int line,
                              const char *what)
{
    const bool ok = got && want && strcmp(got, want) == 0;
    if (!t_note(ok, file, line, what))
        printf("    got \"%s\", want \"%s\"\n", got ? got : "(null)", want ? want : "(null)");
    return ok;
}

static inline bool t_same_mem(const void *got, const void *want, size_t n, const char *file,
                              int line, const char *what)
{
    const uint8_t *g = got;
    const uint8_t *w = want;
    size_t i = 0;
    while (i < n && g[i] == w[i])
        i++;
    if (!t_note(i == n, file, line, what))
        printf("    byte %zu of %zu: got %02x, want %02x\n", i, n, g[i], w[i]);
    return i == n;
}

#define T_HERE                 __FILE__, __LINE__
#define T_CHECK(cond)          t_note((cond), T_HERE, #cond)
#define T_EQ_INT(got, want)    t_same_int((intmax_t)(got), (intmax_t)(want), T_HERE, #got)
#define T_EQ_STR(got, want)    t_same_str((got), (want), T_HERE, #got)
#define T_EQ_MEM(got, want, n) t_same_mem((got), (want), (n), T_HERE, #got)
#define T_RUN(test)                                                                                \
    do {                                                                                           \
        t_name = #test;                                                                            \
        test();                                                                                    \
    } while (0)

static inline int t_end(void)
{
    printf("%ld passed, %ld failed\n", t_passed, t_failed);
    return t_failed || !t_passed ? 1 : 0;
}

#endif
