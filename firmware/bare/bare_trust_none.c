/* firmware/bare/bare_trust_none.c - no keys: what is whole may run. */
#include "bare_trust.h"

struct ferry_gate *bare_trust_gate(void)
{
    return NULL;
}

struct ferry_plan_gate *bare_trust_plan_gate(void)
{
    return NULL;
}

struct ferry_boot_check *bare_trust_boot_check(void)
{
    return NULL;
}
