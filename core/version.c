/* core/version.c - comparing version strings. The rules stand with ferry_version_compare. */
#include "ferry/version.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/mem.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static enum ferry_order order_of(int difference)
{
    if (difference == 0)
        return FERRY_ORDER_SAME;
    return difference < 0 ? FERRY_ORDER_OLDER : FERRY_ORDER_NEWER;
}

static uint32_t n_digits(const char *t)
{
    uint32_t n = 0;
    while (is_digit(t[n]))
        n++;
    return n;
}

/* Compares two runs of digits of any length as numbers, and steps over both. */
static int compare_numbers(const char **a, const char **b)
{
    while (**a == '0')
        ++*a;
    while (**b == '0')
        ++*b;
    const uint32_t na = n_digits(*a);
    const uint32_t nb = n_digits(*b);
    // More digits, larger number.
    const int order = na != nb ? (na < nb ? -1 : 1) : memcmp(*a, *b, na);
    *a += na;
    *b += nb;
    return order;
}

/* The dotted numbers at the start of both; a missing part is 0. */
static int compare_dotted(const char **a, const char **b)
{
    int first = 0;
    for (;;) {
        const int part = compare_numbers(a, b);
        if (!first)
            first = part;
        const bool more_a = **a == '.' && is_digit((*a)[1]);
        const bool more_b = **b == '.' && is_digit((*b)[1]);
        if (!more_a && !more_b)
            return first;
        *a += more_a ? 1 : 0;
        *b += more_b ? 1 : 0;
    }
}

enum tail { TAIL_NONE, TAIL_PRE_RELEASE, TAIL_OTHER };

/* What follows the numbers. git describe writes "-5-gabc123" and "-dirty" for what comes after a
 * release, and a bare number after the dash is as likely a build as a pre-release. */
static enum tail tail_kind(const char *t)
{
    if (!*t || *t == '+')
        return TAIL_NONE;
    if (*t == '-')
        t++;
    static const char *const words[] = {"alpha", "beta", "rc", "pre", "dev"};
    for (size_t w = 0; w < sizeof(words) / sizeof(words[0]); w++) {
        size_t i = 0;
        while (words[w][i] && t[i] == words[w][i])
            i++;
        if (!words[w][i])
            return TAIL_PRE_RELEASE;
    }
    return TAIL_OTHER;
}

static bool tail_ends(char c)
{
    return c == '\0' || c == '+';
}

/* Pre-releases letter by letter, digits as numbers: rc2 before rc10. */
static int compare_tails(const char *a, const char *b)
{
    a += *a == '-' ? 1 : 0;
    b += *b == '-' ? 1 : 0;
    while (!tail_ends(*a) && !tail_ends(*b)) {
        if (is_digit(*a) && is_digit(*b)) {
            const int number = compare_numbers(&a, &b);
            if (number)
                return number;
        } else {
            if (*a != *b)
                return *a - *b;
            a++;
            b++;
        }
    }
    return (tail_ends(*a) ? 0 : 1) - (tail_ends(*b) ? 0 : 1);
}

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static const char *without_v(const char *t)
{
    return *t == 'v' || *t == 'V' ? t + 1 : t;
}

enum ferry_order ferry_version_compare(const char *a, const char *b)
{
    if (same_text(a, b))
        return FERRY_ORDER_SAME;
    a = without_v(a);
    b = without_v(b);
    if (!is_digit(*a) || !is_digit(*b))
        return FERRY_ORDER_UNKNOWN;
    int order = compare_dotted(&a, &b);
    if (!order) {
        const enum tail ta = tail_kind(a);
        const enum tail tb = tail_kind(b);
        order = ta == tb ? compare_tails(a, b) : (int)tb - (int)ta;
        if (order && (ta == TAIL_OTHER || tb == TAIL_OTHER))
            return FERRY_ORDER_UNKNOWN;
    }
    return order_of(order);
}
