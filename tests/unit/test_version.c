/* tests/unit/test_version.c - which version is newer, and when nothing can be said. */
#include "ferry/version.h"

#include "t.h"

#include <stddef.h>

static const struct {
    const char *a, *b;
    enum ferry_order order;
} cases[] = {
    {"1.0.0", "1.0.0", FERRY_ORDER_SAME},
    {"1.0", "1.0.0", FERRY_ORDER_SAME},
    {"v1.2.3", "1.2.3", FERRY_ORDER_SAME},
    {"1.2.3", "1.2.4", FERRY_ORDER_OLDER},
    {"1.10.0", "1.9.9", FERRY_ORDER_NEWER},
    {"2", "1.99.99", FERRY_ORDER_NEWER},
    {"01.002.3", "1.2.3", FERRY_ORDER_SAME},
    {"1.2.3-rc1", "1.2.3", FERRY_ORDER_OLDER},
    {"1.2.3rc1", "1.2.3", FERRY_ORDER_OLDER},
    {"1.2.3-rc2", "1.2.3-rc10", FERRY_ORDER_OLDER},
    {"1.2.3-alpha", "1.2.3-beta", FERRY_ORDER_OLDER},
    {"1.2.3-rc1", "1.2.2", FERRY_ORDER_NEWER},
    {"1.2.3+build7", "1.2.3+build9", FERRY_ORDER_SAME},
    {"4294967296.0", "4294967295.9", FERRY_ORDER_NEWER},
    {"99999999999999999999999999.1", "100000000000000000000000000.0", FERRY_ORDER_OLDER},
    {"v1.2-5-gabc1234", "v1.2", FERRY_ORDER_UNKNOWN},
    {"v1.2-5-gabc1234", "v1.3", FERRY_ORDER_OLDER},
    {"1.2-dirty", "1.2", FERRY_ORDER_UNKNOWN},
    {"1.2-dirty", "1.2-dirty", FERRY_ORDER_SAME},
    {"abc1234", "def5678", FERRY_ORDER_UNKNOWN},
    {"abc1234", "abc1234", FERRY_ORDER_SAME},
    {"", "", FERRY_ORDER_SAME},
    {"", "1.0", FERRY_ORDER_UNKNOWN},
    {"1.", "1", FERRY_ORDER_UNKNOWN},
};

static void order_is_as_the_table_says_both_ways(void)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const int want = (int)cases[i].order;
        const int back = want == FERRY_ORDER_UNKNOWN ? want : -want;
        T_EQ_INT(ferry_version_compare(cases[i].a, cases[i].b), want);
        T_EQ_INT(ferry_version_compare(cases[i].b, cases[i].a), back);
    }
}

int main(void)
{
    T_RUN(order_is_as_the_table_says_both_ways);
    return t_end();
}
